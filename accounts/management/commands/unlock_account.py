"""End what wrong passwords have locked."""

from typing import Any

from axes.utils import reset
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from accounts.models import KnownSource, LoginBrake
from core import commands
from core.proxies import parse, source_network


class Command(commands.Command):
    help = """Forget the wrong passwords and codes of an account, so that its owner can log in at
once. While somebody goes on guessing, new failures delay it again: name with --from the address
that the owner uses; it then has a count of its own.

Example: manage.py unlock_account ada --from 192.0.2.7"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the account")
        parser.add_argument(
            "--from",
            dest="address",
            metavar="ADDRESS",
            help="an address that is to count as known for the account",
        )

    def handle(self, **options: Any) -> None:
        name, address = options["name"], options["address"]
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"there is no user {name!r}")
        network = known_network(address) if address else ""
        LoginBrake.objects.filter(name=name).delete()
        reset(username=name)
        if network:
            KnownSource.objects.get_or_create(user=user, network=network)
            self.stdout.write(f"{name} can log in; {network} counts as known")
        else:
            self.stdout.write(f"{name} can log in")


def known_network(text: str) -> str:
    """The address as known sources are stored. Raises CommandError for anything else."""
    address = parse(text)
    if address is None:
        raise CommandError(f"--from: {text!r} is not an IP address")
    return source_network(str(address))
