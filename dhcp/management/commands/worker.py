"""Keep dnsmasq in step until told to stop."""

import argparse

from django.core.management.base import BaseCommand, CommandParser

from dhcp.worker import Worker


class Command(BaseCommand):
    help = """Keep dnsmasq in step with the ledger until TERM or Ctrl-C. `manage.py run` starts one by itself.

Example: manage.py worker"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def handle(self, **options: object) -> None:
        worker = Worker()
        worker.stop_on_signals()
        worker.run()
