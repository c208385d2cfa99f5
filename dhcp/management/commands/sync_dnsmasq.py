"""Bring dnsmasq in step with the ledger now, or show what that would change."""

import json
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dhcp import installed, netboot, scopes, snapshot
from dhcp.explain import told
from dhcp.journal import Outcome, changes_as_json, describe
from dhcp.management import hand_edits
from dhcp.models import Generation
from dhcp.rollback import newest, release, rollback
from dhcp.sync import CHANGED, preview, sync
from dhcp.targets import Target
from ipmanager import commands
from ipmanager.errors import IPManagerError

LISTED = 20
_WIDEST = 70  # a longer line pushes what is said of it to the right, alone


class Command(commands.Command):
    help = """Write dnsmasq's files from the ledger, make dnsmasq read them, and say what became of it.
The status is 0 when dnsmasq is in step, 1 when it is not.

Example: manage.py sync_dnsmasq --diff"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--diff", action="store_true", help="show what would change, and change nothing")
        parser.add_argument(
            "--force", action="store_true", help="publish even if more than half of the reservations would vanish"
        )
        parser.add_argument(
            "--conf",
            action="store_true",
            help="print the configuration that dnsmasq needs, change nothing; with --diff, what of it is not installed",
        )
        parser.add_argument("--list", action="store_true", help="list the last generations")
        parser.add_argument("--rollback", type=int, metavar="N", help="serve generation N, and stay there")
        parser.add_argument("--release", action="store_true", help="end a rollback: serve what the ledger says")
        parser.add_argument("--hand-edits", action="store_true", help="list what was edited in the files by hand")
        parser.add_argument("--adopt", metavar="N|all", help="take hand edit N, or all, into the ledger")
        parser.add_argument("--discard", metavar="N|all", help="forget hand edit N, or all: the ledger's line returns")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        if options["conf"]:
            self.stdout.write(uninstalled() if options["diff"] else proposal(), ending="")
            return
        if options["list"]:
            self.stdout.write("\n".join(map(summary, newest(LISTED))))
            return
        if options["hand_edits"]:
            self._list_hand_edits(options["json"])
            return
        if options["adopt"] or options["discard"]:
            self._decide(options)
            return
        outcome = self._do(options)
        if options["json"]:
            conf = installed.look(Target.from_settings())
            self.stdout.write(json.dumps(outcome.as_json() | {"conf": conf.as_json()}))
        else:
            self.stdout.write(forecast(outcome) if options["diff"] else sentence(outcome))
            for problem in map(describe, outcome.problems):
                self.stderr.write(complaint(problem))
            if warning := installed.look(Target.from_settings()).warning:
                self.stderr.write(warning)
        if not (outcome.good or outcome.result == CHANGED):
            sys.exit(1)

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

    def _do(self, options: dict[str, Any]) -> Outcome:
        try:
            if options["rollback"] is not None:
                return rollback(options["rollback"])
            if options["release"]:
                return release()
        except IPManagerError as error:
            raise CommandError(str(error)) from error
        return preview() if options["diff"] else sync(force=options["force"])


def summary(generation: Generation) -> str:
    """One line of the list; a star marks those that one can go back to."""
    star = "*" if generation.kept else " "  # type: ignore[attr-defined]
    when = generation.created_at.isoformat(" ", "seconds")
    return f"{generation.pk:>6} {generation.result:<9} {star} {when} {generation.hosts:>6} {generation.reason}".rstrip()


def proposal() -> str:
    """The static part: ranges and the names of our files. It takes effect when dnsmasq is restarted with it."""
    target = Target.from_settings()
    return scopes.conf_file(snapshot.take().scopes, target.directory, target.url, netboot.configured()).decode()


def uninstalled() -> str:
    """How the configuration that dnsmasq runs with differs from the one that it needs. Raises CommandError."""
    target = Target.from_settings()
    conf = installed.look(target, proposal().encode())
    if not conf.is_known:
        hint = conf.complaint or "nobody has said where the installed file is: set IPMANAGER_DNSMASQ_CONF"
        raise CommandError(hint)
    return f"{conf.diff}\n" if conf.differs else f"{target.installed} says what it should\n"


def forecast(outcome: Outcome) -> str:
    refusal = f"\na sync would be refused: {outcome.reason}" if outcome.reason else ""
    return (explained(outcome) or "nothing would change") + refusal


def explained(outcome: Outcome) -> str:
    """Each line, and behind it what led to it."""
    lines = told(outcome.diff, changes_as_json(outcome.changes))
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
