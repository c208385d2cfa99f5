"""Start everything: what `make run` calls. manage.py starts the supervisor without this command."""

import sys

from core import commands
from ops import supervisor


class Command(commands.Command):
    help = """Prepare the installation, then run the web server and the worker until TERM or Ctrl-C.

Example: IPMANAGER_BIND=127.0.0.1:8080 manage.py run"""
    requires_system_checks = ()  # `prepare`, which the supervisor starts first, runs them

    def handle(self, **options: object) -> None:
        sys.exit(supervisor.run())
