"""Make an API token and show it once."""

import argparse
import ipaddress
import json

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from api.models import SCOPES, SERVICE_PATTERN, Token, lifetime
from core import commands


class Command(commands.Command):
    help = """Make an API token and show it once; only its hash is stored.

Example:
  manage.py create_token provisioning --scope read,allocate --expires 90 --network 10.0.0.0/8"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the token is for; shown in the admin")
        parser.add_argument(
            "--user", default="admin", help="whose rights it carries (default: admin)"
        )
        parser.add_argument(
            "--scope",
            type=scopes,
            default=["read"],
            metavar="WORDS",
            help=f"what it may do, comma-separated: {', '.join(SCOPES)} (default: read)",
        )
        parser.add_argument(
            "--expires",
            type=days,
            default=365,
            metavar="DAYS|never",
            help="how long it lives (default: 365)",
        )
        parser.add_argument(
            "--network",
            type=network,
            action="append",
            default=[],
            metavar="CIDR",
            help="where it may be used from; may be given several times (default: anywhere)",
        )
        parser.add_argument(
            "--subnet",
            type=network,
            action="append",
            default=[],
            metavar="CIDR",
            help="whose rows it may see and change; may be given several times (default: all)",
        )
        parser.add_argument(
            "--service",
            type=service,
            action="append",
            default=[],
            metavar="ENVIRONMENT/ID",
            help="which services it may speak for at the registry, as in production/billing or "
            "test/*; may be given several times (default: all, except in production)",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: object) -> None:
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            command = commands.manage_command("createsuperuser")
            raise CommandError(f"there is no user {options['user']!r}; make one with: {command}")
        token, value = Token.objects.create(
            user,
            expiry=lifetime(options["expires"]),  # type: ignore[arg-type]
            name=options["name"],
            scopes=options["scope"],
            networks=options["network"],
            subnets=options["subnet"],
            services=options["service"],
        )
        if options["json"]:
            self.stdout.write(json.dumps(describe(token) | {"token": value}))
        else:
            self.stderr.write("The token is shown only now:")
            self.stdout.write(value)


def describe(token: Token) -> dict[str, object]:
    """What may be shown of a token at any time."""
    return {
        "name": token.name,
        "user": token.user.get_username(),
        "scopes": token.scopes,
        "networks": token.networks,
        "subnets": token.subnets,
        "services": token.services,
        "expires": token.expiry.isoformat() if token.expiry else None,
    }


def scopes(text: str) -> list[str]:
    words = list(filter(None, map(str.strip, text.split(","))))
    unknown = [word for word in words if word not in SCOPES]
    if unknown or not words:
        wrong = ", ".join(unknown) or "nothing"
        raise argparse.ArgumentTypeError(f"{wrong}: choose from {', '.join(SCOPES)}")
    return words


def days(text: str) -> int | None:
    if text == "never":
        return None
    if not text.isdecimal() or not 0 < int(text) <= 36500:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of days (1 to 36500) nor never"
        )
    return int(text)


def service(text: str) -> str:
    if not SERVICE_PATTERN.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not written like production/billing or test/*"
        )
    return text


def network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
