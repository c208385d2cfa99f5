"""Fill an empty ledger with a made-up network."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from core import commands
from ipam.management import demo
from ipam.models import Server, Subnet
from ipam.placement.populate import totals


class Command(commands.Command):
    help = """Fill an empty ledger with a small made-up network to look around in.
It refuses when there is anything already; --force adds the network all the same.

Example: DATABASE_URL=sqlite:///try.sqlite3 manage.py demo"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="add it to what is there")
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing when there is anything already"
        )

    def handle(self, **options: Any) -> None:
        if options["if_empty"] and not demo.is_empty():
            return
        try:
            demo.fill(force=options["force"])
        except ValidationError as error:
            raise CommandError(
                f"the demo network does not fit here: {' '.join(error.messages)}"
            ) from error
        self.stdout.write(
            f"A demo network: {Subnet.objects.count()} subnets, {Server.objects.count()} servers, "
            f"{totals()['records']} IP records"
        )
