"""What every command of ours has in common."""

import argparse

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """A command whose help keeps its line breaks: first what it does, then an example."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, **kwargs)
