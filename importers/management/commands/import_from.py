"""Take another system's files into the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from core import commands
from core.progress import Progress
from importers.kinds import KINDS
from importers.outcome import STATES, Outcome, Verdict
from importers.plan import import_records
from importers.source import Source
from ipam.management.base import vrf_id


class Command(commands.Command):
    source = "import"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=KINDS, help="what the source is")
        parser.add_argument("path", metavar="source", help="a file or a directory")
        parser.add_argument("--dry-run", action="store_true", help="say the same, write nothing")
        parser.add_argument("--vrf", metavar="NAME", help="the address space (default: global)")
        parser.add_argument("--json", action="store_true", help="print a JSON object")
        parser.add_argument(
            "--progress", action="store_true", help="tell progress, even without a terminal"
        )

    @property
    def help(self) -> str:  # type: ignore[override]
        kinds = [f"  {kind.name:<12} {kind.title}: {kind.where}" for kind in KINDS.values()]
        return _HELP.format(kinds="\n".join(kinds))

    def handle(self, **options: Any) -> None:
        vrf = options["vrf"] or ""
        vrf_id(options["vrf"])
        source = Source.at_path(Path(options["path"]))
        records = KINDS[options["kind"]].records(source)
        progress = Progress(self.stderr, wanted=options["progress"])
        outcome = import_records(records, apply=not options["dry_run"], vrf=vrf, progress=progress)
        if options["json"]:
            self.stdout.write(json.dumps(outcome.as_json()))
            return
        self._print(outcome, verbose=options["verbosity"] > 1)

    def _print(self, outcome: Outcome, *, verbose: bool) -> None:
        shown = outcome.verdicts
        if not verbose:
            shown = list(filter(attrgetter("is_remarkable"), shown))
        for verdict in shown:
            self.stdout.write("\n".join(lines_of(verdict)))
        self.stdout.write("\n".join(table(outcome)))
        self.stdout.write(end(outcome))


_HELP = """Import the files of another system: what is new is written in one transaction, which can
be undone; what the ledger says otherwise stays, and the difference is named; what has no place is
listed with its line. A second run has nothing to do. A damaged source is refused with the line, and
nothing is written.

The kinds:
{kinds}

Example: manage.py import_from isc-dhcpd /etc/dhcp/dhcpd.conf --dry-run"""


def lines_of(verdict: Verdict) -> Iterator[str]:
    """A verdict, its reasons below it."""
    what = f"{verdict.kind} {verdict.key}".strip()
    yield printable(f"{verdict.at}: {verdict.state}: {what}")
    for reason in verdict.reasons:
        yield printable(f"    {reason}")


def table(outcome: Outcome) -> Iterable[str]:
    """How many records of each kind are in each state."""
    cells = "{:>10}" * len(STATES)
    yield f"{'':<12}{cells.format(*STATES)}"
    for kind, counts in outcome.counts.items():
        name = kind or "other lines"
        yield f"{name:<12}{cells.format(*counts.values())}"


def end(outcome: Outcome) -> str:
    if not outcome.totals["new"]:
        return "There is nothing to do."
    if not outcome.written:
        return "Nothing was written: this was a dry run."
    return "What is new was written."


def printable(text: str) -> str:
    """The text without control characters, by which a source could control a terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
