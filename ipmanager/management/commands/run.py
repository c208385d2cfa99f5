"""Start everything: what `make run` calls."""

import argparse
import sys

from django.core.management.base import BaseCommand, CommandParser

from ipmanager import serve


class Command(BaseCommand):
    help = """Make the installation ready, then run the web server and the worker until TERM or Ctrl-C.

Example: IPMANAGER_BIND=127.0.0.1:8080 manage.py run"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def handle(self, **options: object) -> None:
        sys.exit(serve.run())
