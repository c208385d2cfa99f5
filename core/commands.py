"""The base class of all management commands, and how to call them from a shell."""

import argparse
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

INSTALLED_IN = Path("/opt/ipmanager")  # where deploy/install.sh puts the releases


class Command(BaseCommand):
    """A command whose help keeps its line breaks: first what it does, then an example."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, **kwargs)


def is_installed() -> bool:
    """Whether this is a release that deploy/install.sh has put in place."""
    return settings.BASE_DIR.is_relative_to(INSTALLED_IN)


def manage_command(arguments: str) -> str:
    """The shell command that runs `manage.py` with these arguments. An installed system has a
    program for it that takes the service's user and settings."""
    program = "ipmanager-manage" if is_installed() else "manage.py"
    return f"{program} {arguments}"
