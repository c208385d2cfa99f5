"""Help somebody who has lost the second factor."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from accounts import second_factor, sessions
from core import commands


class Command(commands.Command):
    help = """Remove the authenticator and the recovery codes of a user, and end the user's
sessions. The password stays as it is. If a group of the user requires a second factor, the next
login leads to setting up a new one.

Example: manage.py reset_second_factor admin"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user")

    def handle(self, **options: Any) -> None:
        name = options["name"]
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"there is no user {name!r}")
        if not second_factor.remove(user):
            raise CommandError(f"{name} has no second factor")
        ended = sessions.end(sessions.of_user(user), user)
        self.stdout.write(f"{name} has no second factor any more; {ended} sessions ended")
