"""Keep dnsmasq in step until told to stop."""

from dhcp.worker import Worker
from ipmanager import commands


class Command(commands.Command):
    help = """Keep dnsmasq in step with the ledger until TERM or Ctrl-C. `manage.py run` starts one by itself.

Example: manage.py worker"""

    def handle(self, **options: object) -> None:
        worker = Worker()
        worker.stop_on_signals()
        worker.run()
