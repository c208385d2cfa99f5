"""Apply the ledger to one DHCP server, on the server's own host, until stopped."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from core import commands
from core.errors import IPManagerError
from core.periodic import AGENT_WORK
from core.stopping import call_on_signals
from dhcp import agent
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.generations.outcome import Outcome, problem_json
from dhcp.generations.rollback import release, rollback
from dhcp.management.commands.sync_dnsmasq import complaint, sentence
from dhcp.remote.agent import CentreState, FilesWorker, RemoteAgent, forbid_database
from dhcp.remote.centre import Centre


class Command(commands.Command):
    help = """Keep one DHCP server in step with the ledger, on the server's own host, until TERM or
Ctrl-C. This host's IPMANAGER_DNSMASQ_DIR, _RELOAD, _DNS and _LEASES say where its files are and how
it reloads. While the database is not reachable, dnsmasq keeps the files that it has.

With --url, or IPMANAGER_AGENT_URL, it works over HTTPS with a token of its own (agent_token at the
centre) and needs no database.

Examples:
  manage.py dnsmasq_agent --server berlin
  manage.py dnsmasq_agent --server berlin --url https://ipmanager.example.org \\
      --token-file /etc/ipmanager/agent-token"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server", required=True, metavar="NAME", help="the DHCP server's name"
        )
        parser.add_argument(
            "--url", metavar="https://HOST", help="the centre (default: IPMANAGER_AGENT_URL)"
        )
        parser.add_argument(
            "--token-file",
            type=Path,
            metavar="FILE",
            help="holds the token (default: IPMANAGER_AGENT_TOKEN_FILE)",
        )
        parser.add_argument(
            "--once", action="store_true", help="sync once, print the result, and end"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="once: even if more than half of the reservations would be removed",
        )
        parser.add_argument(
            "--rollback", type=int, metavar="N", help="once: serve generation N until --release"
        )
        parser.add_argument("--release", action="store_true", help="once: end a rollback")
        parser.add_argument("--json", action="store_true", help="once: print a JSON object")

    def handle(self, **options: Any) -> None:
        if url := options["url"] or settings.AGENT_URL:
            _work_by_https(url, options)
            return
        asked = (options["once"], options["force"], options["release"])
        if any(asked) or options["rollback"] is not None:
            self._print(_once(options), options["json"])
            return
        _refuse_unknown(options["server"])
        _run_all(options["server"])

    def _print(self, outcome: Outcome, as_json: bool) -> None:
        self.stdout.write(json.dumps(outcome.as_json()) if as_json else sentence(outcome))
        for problem in map(problem_json, outcome.problems):
            self.stderr.write(complaint(problem))
        if not outcome.good:
            sys.exit(1)


def _run_all(name: str) -> None:
    """The agent, and what other rooms do at its site, until a signal comes."""
    worker = agent.Agent(name)
    others = [further(name) for further in AGENT_WORK]

    def stop() -> None:
        for work in (worker, *others):
            work.stop()

    call_on_signals(stop)
    for work in others:
        work.start()
    worker.run()


def _once(options: dict[str, Any]) -> Outcome:
    try:
        server = agent.find(options["server"])
        agent.report(server)
        target = Target.of_agent(server)
        if options["rollback"] is not None:
            return rollback(options["rollback"], target, force=options["force"])
        if options["release"]:
            return release(target)
        return sync(target, force=options["force"])
    except IPManagerError as error:
        raise CommandError(str(error)) from error
    except DatabaseError as error:
        raise CommandError(f"the database does not answer: {str(error).strip()}") from error


def _work_by_https(url: str, options: dict[str, Any]) -> None:
    """The server is the token's; its name is for the log and for our files."""
    if options["rollback"] is not None or options["release"]:
        raise CommandError("an agent over HTTPS follows its centre: go back there")
    token = settings.AGENT_TOKEN
    if options["token_file"]:
        token = _read(options["token_file"])
    forbid_database()
    target = replace(Target.from_settings(), name=options["server"])
    try:
        centre = Centre.at(url, token)
        if options["once"] or options["force"]:
            _once_by_https(FilesWorker(target, centre, CentreState()), options["force"])
            return
    except IPManagerError as error:
        raise CommandError(str(error)) from error
    worker = RemoteAgent(target, centre)
    call_on_signals(worker.stop)
    worker.run()


def _once_by_https(worker: FilesWorker, force: bool) -> None:
    if reason := worker.step(force=force):
        raise CommandError(reason)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"the token cannot be read: {error}") from error


def _refuse_unknown(name: str) -> None:
    """A wrong name ends the command at once. The agent waits for a database that does not
    answer."""
    try:
        agent.find(name)
    except IPManagerError as error:
        raise CommandError(str(error)) from error
    except DatabaseError:
        return
