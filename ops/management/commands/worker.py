"""Everything that is to be done without being asked, until told to stop."""

import sys

from core import commands
from ops import worker


class Command(commands.Command):
    help = """Keep dnsmasq in step with the ledger, and the services' states true, until TERM or Ctrl-C.
`manage.py run` starts one by itself.

Example: manage.py worker"""

    def handle(self, **options: object) -> None:
        sys.exit(worker.run())
