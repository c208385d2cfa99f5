"""Prepare what the web server and the worker need; deploy/install.sh and the container call it
before they start them."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import DatabaseError

from core import commands
from core.errors import Unavailable
from ops import database_remedy, prepare


class Command(commands.Command):
    help = """Bring the database and the static files to this version. On an empty database, also
create the user `admin` and a token, and print them, only this once. Safe to repeat: prints nothing
when nothing is new.

Example: manage.py prepare"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--show-address", action="store_true", help="then print where the pages are"
        )

    def handle(self, **options: Any) -> None:
        try:
            first_start = prepare.prepare()
        except DatabaseError as error:
            raise Unavailable(
                f"the database: {error}".strip(), hint=database_remedy.remedy(error)
            ) from error
        if options["show_address"]:
            prepare.show_address(first_start=first_start)
