"""Keep one DHCP server in step from its own host, until told to stop."""

import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from core import commands
from core.errors import IPManagerError
from core.stopping import call_on_signals
from dhcp import agent
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.generations.outcome import Outcome, problem_json
from dhcp.generations.rollback import release, rollback
from dhcp.management.commands.sync_dnsmasq import complaint, sentence


class Command(commands.Command):
    help = """Keep one DHCP server in step with the ledger, on the server's own host, until TERM or Ctrl-C.
Where its files are and how it reloads is said by this host's IPMANAGER_DNSMASQ_DIR, _RELOAD, _DNS and _LEASES.
While the database is away, dnsmasq goes on with the files that it has.

Example: manage.py dnsmasq_agent --server berlin"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server", required=True, metavar="NAME", help="the DHCP server's name"
        )
        parser.add_argument(
            "--once", action="store_true", help="sync once, say what became of it, and end"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="once, even if more than half of the reservations would vanish",
        )
        parser.add_argument(
            "--rollback", type=int, metavar="N", help="once: serve generation N, and stay there"
        )
        parser.add_argument("--release", action="store_true", help="once: end a rollback")
        parser.add_argument("--json", action="store_true", help="once: print a JSON object")

    def handle(self, **options: Any) -> None:
        if (
            options["once"]
            or options["force"]
            or options["release"]
            or options["rollback"] is not None
        ):
            self._tell(_once(options), options["json"])
            return
        _refuse_unknown(options["server"])
        worker = agent.Agent(options["server"])
        call_on_signals(worker.stop)
        worker.run()

    def _tell(self, outcome: Outcome, as_json: bool) -> None:
        self.stdout.write(json.dumps(outcome.as_json()) if as_json else sentence(outcome))
        for problem in map(problem_json, outcome.problems):
            self.stderr.write(complaint(problem))
        if not outcome.good:
            sys.exit(1)


def _once(options: dict[str, Any]) -> Outcome:
    try:
        server = agent.find(options["server"])
        agent.report(server)
        target = Target.of_agent(server)
        if options["rollback"] is not None:
            return rollback(options["rollback"], target, force=options["force"])
        return release(target) if options["release"] else sync(target, force=options["force"])
    except IPManagerError as error:
        raise CommandError(str(error)) from error
    except DatabaseError as error:
        raise CommandError(f"the database does not answer: {str(error).strip()}") from error


def _refuse_unknown(name: str) -> None:
    """A typing error ends it at once; a database that is away does not: its return is waited
    for."""
    try:
        agent.find(name)
    except IPManagerError as error:
        raise CommandError(str(error)) from error
    except DatabaseError:
        return
