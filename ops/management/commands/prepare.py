"""Make ready what the web server and the worker need; deploy/install.sh and the container call it
before they start."""

from django.core.management import CommandError
from django.db import DatabaseError

from core import commands
from ops import serve


class Command(commands.Command):
    help = """Bring the database and the static files to this version; on an empty database also make the user
`admin` and a token, and show them, this once. As often as you like; it says nothing when nothing is new.

Example: manage.py prepare"""

    def handle(self, **options: object) -> None:
        try:
            serve.prepare()
        except DatabaseError as error:
            raise CommandError(f"the database: {error} Check DATABASE_URL.") from error
