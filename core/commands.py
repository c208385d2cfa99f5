"""The base class of all management commands, and how to call them from a shell."""

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from core.history import origin

INSTALLED_IN = Path("/opt/ipmanager")  # where deploy/install.sh puts the releases
SETTINGS = "settings"  # the tag of the system checks of what an administrator has set


class Command(BaseCommand):
    """A command whose help keeps its line breaks: first what it does, then an example.

    It begins with the system checks of the settings. All others are about the code, load every
    page to judge it (half a second), and are run by `make lint` and `manage.py check`."""

    requires_system_checks: list[str] | tuple[str, ...] = (SETTINGS,)

    source: origin.Source = "command"  # of what it changes, in the history

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """What it changes is one change, by this command and the user of the system."""
        name = type(self).__module__.rpartition(".")[2]
        with origin.acting(self.source, origin.of_command(name)):
            return super().execute(*args, **options)


def is_installed() -> bool:
    """Whether this is a release that deploy/install.sh has put in place."""
    return settings.BASE_DIR.is_relative_to(INSTALLED_IN)


def manage_command(arguments: str) -> str:
    """The shell command that runs `manage.py` with these arguments. An installed system has a
    program for it that takes the service's user and settings."""
    program = "ipmanager-manage" if is_installed() else "manage.py"
    return f"{program} {arguments}"
