"""Bring dnsmasq in step with the ledger now, or show what that would change."""

import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from dhcp import servers
from dhcp.files import installed, netboot, scopes, snapshot
from dhcp.files.sync import preview, sync
from dhcp.files.targets import DEFAULT, Target
from dhcp.generations.explain import told
from dhcp.generations.outcome import CHANGED, Outcome, change_json, problem_json
from dhcp.generations.rollback import back_to, newest, release
from dhcp.management import hand_edits
from dhcp.models import DhcpServer, Generation

LISTED = 20
_WIDEST = 70  # a longer line pushes what is said of it to the right, alone


class Command(commands.Command):
    help = """Write dnsmasq's files from the ledger, make dnsmasq read them, and say what became of it.
The status is 0 when dnsmasq is in step, 1 when it is not.

Example: manage.py sync_dnsmasq --diff"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server",
            metavar="NAME",
            help="one DHCP server only, `default` for the one of the settings; else all",
        )
        parser.add_argument(
            "--diff", action="store_true", help="show what would change, and change nothing"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="even if more than half of the reservations would vanish, or addresses have other holders by now",
        )
        parser.add_argument(
            "--conf",
            action="store_true",
            help="print the configuration that dnsmasq needs, change nothing; with --diff, what of it is not installed",
        )
        parser.add_argument("--list", action="store_true", help="list the last generations")
        parser.add_argument(
            "--rollback", type=int, metavar="N", help="serve generation N, and stay there"
        )
        parser.add_argument(
            "--release", action="store_true", help="end a rollback: serve what the ledger says"
        )
        parser.add_argument(
            "--hand-edits", action="store_true", help="list what was edited in the files by hand"
        )
        parser.add_argument(
            "--adopt", metavar="N|all", help="take hand edit N, or all, into the ledger"
        )
        parser.add_argument(
            "--discard",
            metavar="N|all",
            help="forget hand edit N, or all: the ledger's line returns",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        if options["conf"]:
            target = self._target(options["server"])
            self.stdout.write(
                uninstalled(target) if options["diff"] else proposal(target), ending=""
            )
            return
        if options["list"]:
            self.stdout.write("\n".join(map(summary, newest(LISTED, options["server"]))))
            return
        if options["hand_edits"]:
            self._list_hand_edits(options["json"])
            return
        if options["adopt"] or options["discard"]:
            self._decide(options)
            return
        outcomes = self._do(options)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(outcomes)))
        else:
            for target, outcome in outcomes:
                self._say(target, outcome, options["diff"])
        if not all(outcome.good or outcome.result == CHANGED for _target, outcome in outcomes):
            sys.exit(1)

    def _say(self, target: Target, outcome: Outcome, diff: bool) -> None:
        """What became of one server; only the others are called by their names."""
        name = f"{target.name}: " if target.server_id else ""
        self.stdout.write(name + (forecast(outcome) if diff else sentence(outcome)))
        for problem in map(problem_json, outcome.problems):
            self.stderr.write(name + complaint(problem))
        for warning in filter(
            None, (installed.look(target).warning, servers.size_warning(outcome.hosts))
        ):
            self.stderr.write(name + warning)

    def _list_hand_edits(self, as_json: bool) -> None:
        edits = hand_edits.listed()
        if as_json:
            self.stdout.write(json.dumps([hand_edits.as_json(edit) for edit in edits]))
        else:
            self.stdout.write("\n".join(map(hand_edits.line, edits)) or hand_edits.NONE)

    def _decide(self, options: dict[str, Any]) -> None:
        decisions = hand_edits.decide(options["adopt"], options["discard"])
        self.stdout.write("\n".join(map(hand_edits.outcome, decisions)) or hand_edits.NONE)
        if any(decision.error for decision in decisions):
            sys.exit(1)

    def _do(self, options: dict[str, Any]) -> list[tuple[Target, Outcome]]:
        try:
            if options["rollback"] is not None:
                return [back_to(options["rollback"], force=options["force"])]
            targets = (
                [self._target(options["server"])] if options["server"] else servers.local_targets()
            )
            return [(target, _one(target, options)) for target in targets]
        except IPManagerError as error:
            raise CommandError(str(error)) from error

    def _target(self, name: str | None) -> Target:
        """A server that this installation keeps in step; without a name the default one. Raises
        CommandError."""
        try:
            server = servers.find_server(name or DEFAULT)
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        if server and server.run_by == DhcpServer.RunBy.AGENT:
            hint = f"on its host: manage.py dnsmasq_agent --server {server.name} --once"
            raise CommandError(f"{server.name} is run by an agent ({hint})")
        if server and not server.enabled:
            raise CommandError(
                f"{server.name} is disabled, so its files stay as they are (enable the DHCP server)"
            )
        return Target.of(server)


def _one(target: Target, options: dict[str, Any]) -> Outcome:
    if options["release"]:
        return release(target)
    return preview(target) if options["diff"] else sync(target, force=options["force"])


def as_json(outcomes: list[tuple[Target, Outcome]]) -> dict[str, Any]:
    """What became of the default server, or of the only one asked for; the others below
    `servers`."""
    objects = [
        outcome.as_json()
        | {"conf": installed.look(target).as_json()}
        | ({"server": target.name} if target.server_id else {})
        for target, outcome in outcomes
    ]
    return objects[0] | ({"servers": objects[1:]} if objects[1:] else {})


def summary(generation: Generation) -> str:
    """One line of the list; a star marks those that one can go back to."""
    star = "*" if generation.kept else " "  # type: ignore[attr-defined]
    when = generation.created_at.isoformat(" ", "seconds")
    server = f"{generation.server.name}: " if generation.server else ""
    text = f"{generation.pk:>6} {generation.result:<9} {star} {when} {generation.hosts:>6} {server}{generation.reason}"
    return text.rstrip()


def proposal(target: Target) -> str:
    """The static part: ranges and the names of our files. It takes effect when dnsmasq is restarted
    with it."""
    return scopes.conf_file(
        snapshot.take(target.server_id).scopes, target.directory, target.url, netboot.configured()
    ).decode()


def uninstalled(target: Target) -> str:
    """How the configuration that dnsmasq runs with differs from the one that it needs. Raises
    CommandError."""
    conf = installed.look(target, proposal(target).encode())
    if not conf.is_known:
        hint = (
            conf.complaint
            or "nobody has said where the installed file is: set IPMANAGER_DNSMASQ_CONF"
        )
        raise CommandError(hint)
    return f"{conf.diff}\n" if conf.differs else f"{target.installed} says what it should\n"


def forecast(outcome: Outcome) -> str:
    refusal = f"\na sync would be refused: {outcome.reason}" if outcome.reason else ""
    return (explained(outcome) or "nothing would change") + refusal


def explained(outcome: Outcome) -> str:
    """Each line, and behind it what led to it."""
    lines = told(outcome.diff, list(map(change_json, outcome.changes)))
    width = min(max((len(text) for text, why in lines if why), default=0), _WIDEST)
    return "\n".join(f"{text:<{width}}  # {why}" if why else text for text, why in lines)


def complaint(problem: dict[str, Any]) -> str:
    what = "left out" if problem["left_out"] else "served without its name"
    return f"{problem['kind']} {problem['id']} ({problem['name']!r}) is {what}: {problem['reason']}"


def sentence(outcome: Outcome) -> str:
    if not outcome.good:
        return f"{outcome.result}: {outcome.reason}"
    how = ", confirmed by dnsmasq" if outcome.confirmed else ""
    how += f"; {outcome.reason}" if outcome.reason else ""
    return (
        f"{outcome.result}: {outcome.hosts} reservations, {len(outcome.changes)} changes, "
        f"generation {outcome.generation}, {outcome.duration_ms} ms{how}"
    )
