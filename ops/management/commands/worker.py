"""All periodic work, until a signal stops it."""

import sys

from core import commands
from ops import worker


class Command(commands.Command):
    help = """Keep dnsmasq in step with the ledger, and the states of services up to date, until
TERM or Ctrl-C.
`manage.py run` starts one by itself.

Example: manage.py worker"""
    # `prepare` runs the checks. Here they would load every page of the site, which takes 20 MiB.
    requires_system_checks = ()

    def handle(self, **options: object) -> None:
        sys.exit(worker.run())
