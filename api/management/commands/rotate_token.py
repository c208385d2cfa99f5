"""Replace an API token by one with a new secret and show it once."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from api.management.commands.create_token import describe
from api.models import Token
from api.tokens import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS, rotate
from core import commands
from core.errors import IPManagerError


class Command(commands.Command):
    help = """Replace an API token by one with a new secret, and show the secret once. Name, user,
rights and lifetime stay. The old secret stays valid for some hours, so that the programs that use
it can be changed one after the other.

Example: manage.py rotate_token provisioning --overlap 48"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("token", help="its name, or the beginning that the admin shows")
        parser.add_argument(
            "--overlap",
            type=int,
            default=OVERLAP_HOURS,
            metavar="HOURS",
            help=f"how long the old secret stays valid: 0 to {LONGEST_OVERLAP_HOURS} "
            f"(default: {OVERLAP_HOURS})",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        old = found(options["token"])
        try:
            token, value = rotate(old, options["overlap"])
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        old.refresh_from_db()
        ends = f"{old.expiry:%Y-%m-%d %H:%M %Z}"
        if options["json"]:
            facts = describe(token) | {"token": value, "old_expires": old.expiry.isoformat()}
            self.stdout.write(json.dumps(facts))
        else:
            self.stderr.write(
                f"The old secret is valid until {ends}. The new one is shown only now:"
            )
            self.stdout.write(value)


def found(text: str) -> Token:
    """The token of this name or key that was not replaced. Raises CommandError."""
    tokens = Token.objects.filter(Q(name=text) | Q(token_key=text.rstrip("…")))
    current = list(tokens.filter(replaced_at=None)) or list(tokens.order_by("-created")[:1])
    if not current:
        raise CommandError(f"there is no token {text!r}")
    if len(current) > 1:
        keys = ", ".join(f"{token.token_key} of {token.user}" for token in current)
        raise CommandError(f"several tokens are called {text!r}; name one of: {keys}")
    return current[0]
