"""Apply the ledger to dnsmasq now, or show what that would change."""

import json
import sys
from operator import attrgetter
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from dhcp import servers
from dhcp.daemon import installed
from dhcp.files import netboot, scopes, snapshot
from dhcp.files.sync import preview, sync
from dhcp.files.targets import DEFAULT, Target
from dhcp.generations.explain import explain
from dhcp.generations.outcome import CHANGED, Outcome, change_json, problem_json
from dhcp.generations.rollback import back_to, newest, release
from dhcp.management import hand_edits
from dhcp.models import Generation

LISTED = 20
_WIDEST = 70  # a longer line moves its own cause to the right, and no other


class Command(commands.Command):
    help = """Write dnsmasq's files from the ledger, make dnsmasq read them, and print the result.
The status is 0 when dnsmasq is in step, 1 when it is not.

Example: manage.py sync_dnsmasq --diff"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--server",
            metavar="NAME",
            help="one DHCP server only (`default`: the one of the settings); else all",
        )
        parser.add_argument(
            "--diff", action="store_true", help="show what would change, and change nothing"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="reload dnsmasq even if its files are unchanged; write them even if more than "
            "half of the reservations would be removed, or a rollback would "
            "give out addresses that have other holders by now",
        )
        parser.add_argument(
            "--conf",
            action="store_true",
            help="print the configuration that dnsmasq needs; with --diff, what of it is not "
            "installed",
        )
        parser.add_argument("--list", action="store_true", help="list the last generations")
        parser.add_argument(
            "--rollback", type=int, metavar="N", help="serve generation N until --release"
        )
        parser.add_argument(
            "--release", action="store_true", help="end a rollback: apply what the ledger says"
        )
        parser.add_argument(
            "--hand-edits", action="store_true", help="list the open hand edits of the files"
        )
        parser.add_argument(
            "--adopt", metavar="N|all", help="take hand edit N, or all, into the ledger"
        )
        parser.add_argument(
            "--discard",
            metavar="N|all",
            help="discard hand edit N, or all: the ledger's line is served again",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        if options["conf"]:
            self._print_configuration(options["server"], options["diff"])
        elif options["list"]:
            self.stdout.write("\n".join(map(summary, newest(LISTED, options["server"]))))
        elif options["hand_edits"]:
            self._list_hand_edits(options["json"])
        elif options["adopt"] or options["discard"]:
            self._decide(options)
        else:
            self._sync(options)

    def _print_configuration(self, server: str | None, diff: bool) -> None:
        target = self._target(server)
        text = uninstalled(target) if diff else proposal(target)
        self.stdout.write(text, ending="")

    def _sync(self, options: dict[str, Any]) -> None:
        outcomes = self._outcomes(options)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(outcomes)))
        else:
            for target, outcome in outcomes:
                self._print(target, outcome, options["diff"])
        if not all(outcome.good or outcome.result == CHANGED for _target, outcome in outcomes):
            sys.exit(1)

    def _print(self, target: Target, outcome: Outcome, diff: bool) -> None:
        """The result for one server; the default one has no name before it."""
        name = ""
        if target.server_id:
            name = f"{target.name}: "
        text = forecast(outcome) if diff else sentence(outcome)
        self.stdout.write(name + text)
        for problem in map(problem_json, outcome.problems):
            self.stderr.write(name + complaint(problem))
        warnings = (installed.compare(target).warning, servers.size_warning(outcome.hosts))
        for warning in filter(None, warnings):
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
        if any(map(attrgetter("error"), decisions)):
            sys.exit(1)

    def _outcomes(self, options: dict[str, Any]) -> list[tuple[Target, Outcome]]:
        try:
            if options["rollback"] is not None:
                return [back_to(options["rollback"], force=options["force"])]
            targets = servers.local_targets()
            if options["server"]:
                targets = [self._target(options["server"])]
            return [(target, _outcome(target, options)) for target in targets]
        except IPManagerError as error:
            raise CommandError(str(error)) from error

    def _target(self, name: str | None) -> Target:
        """The files of a server that this installation writes; without a name the default one.
        Raises CommandError."""
        try:
            return servers.local_target(name or DEFAULT)
        except IPManagerError as error:
            raise CommandError(str(error)) from error


def _outcome(target: Target, options: dict[str, Any]) -> Outcome:
    if options["release"]:
        return release(target)
    if options["diff"]:
        return preview(target)
    return sync(target, force=options["force"])


def as_json(outcomes: list[tuple[Target, Outcome]]) -> dict[str, Any]:
    """The result of the default server, or of the only one that was named; those of the others
    under `servers`."""
    answer, *others = [_server_as_json(target, outcome) for target, outcome in outcomes]
    if others:
        answer["servers"] = others
    return answer


def _server_as_json(target: Target, outcome: Outcome) -> dict[str, Any]:
    answer = outcome.as_json() | {"conf": installed.compare(target).as_json()}
    if target.server_id:
        answer["server"] = target.name
    return answer


def summary(generation: Generation) -> str:
    """One line of the list; a star marks generations to which a rollback is possible."""
    columns = (
        f"{generation.pk:>6}",
        f"{generation.result:<9}",
        "*" if generation.kept else " ",  # type: ignore[attr-defined]
        generation.created_at.isoformat(" ", "seconds"),
        f"{generation.hosts:>6}",
    )
    reason = generation.reason
    if generation.server:
        reason = f"{generation.server.name}: {reason}"
    return " ".join((*columns, reason)).rstrip()


def proposal(target: Target) -> str:
    """The configuration: ranges, and the names of our files. dnsmasq reads it when it starts."""
    records = snapshot.take(target.server_id).scopes
    text = scopes.conf_file(records, target.directory, target.url, netboot.configured())
    return text.decode()


def uninstalled(target: Target) -> str:
    """How the configuration that dnsmasq runs with differs from the one that it needs. Raises
    CommandError."""
    conf = installed.compare(target, proposal(target).encode())
    if not conf.is_known:
        unknown = "the place of the installed file is not known: set IPMANAGER_DNSMASQ_CONF"
        raise CommandError(conf.complaint or unknown)
    if conf.differs:
        return f"{conf.diff}\n"
    return f"{target.installed} is up to date\n"


def forecast(outcome: Outcome) -> str:
    text = explained(outcome) or "nothing would change"
    if outcome.reason:
        text += f"\na sync would be refused: {outcome.reason}"
    return text


def explained(outcome: Outcome) -> str:
    """Each line of the difference, followed by its cause."""
    changes = list(map(change_json, outcome.changes))
    lines = explain(outcome.diff, outcome.sources, changes)
    widest = max((len(text) for text, why in lines if why), default=0)
    width = min(widest, _WIDEST)
    printed = []
    for text, why in lines:
        if why:
            text = f"{text:<{width}}  # {why}"
        printed.append(text)
    return "\n".join(printed)


def complaint(problem: dict[str, Any]) -> str:
    what = "left out" if problem["left_out"] else "served without its name"
    return f"{problem['kind']} {problem['id']} ({problem['name']!r}) is {what}: {problem['reason']}"


def sentence(outcome: Outcome) -> str:
    if not outcome.good:
        return f"{outcome.result}: {outcome.reason}"
    text = (
        f"{outcome.result}: {outcome.hosts} reservations, {len(outcome.changes)} changes, "
        f"generation {outcome.generation}, {outcome.duration_ms} ms"
    )
    if outcome.confirmed:
        text += ", confirmed by dnsmasq"
    if outcome.proof:
        text += f", {outcome.proof.sentence}"
    if outcome.reason:
        text += f"; {outcome.reason}"
    return text
