"""Start everything: what `make run` calls."""

import sys

from core import commands
from ops import serve


class Command(commands.Command):
    help = """Make the installation ready, then run the web server and the worker until TERM or Ctrl-C.

Example: IPMANAGER_BIND=127.0.0.1:8080 manage.py run"""

    def handle(self, **options: object) -> None:
        sys.exit(serve.run())
