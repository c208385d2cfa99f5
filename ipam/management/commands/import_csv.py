"""Take subnets, servers, their interfaces or addresses from a CSV or JSON file into the ledger;
servers also from a file of dnsmasq."""

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO

from django.core.management.base import CommandError, CommandParser

from core import commands
from core.progress import Progress
from ipam.management.base import delimiter, vrf_id
from ipam.transfer import kinds
from ipam.transfer.files import open_sheet
from ipam.transfer.verdicts import Mode, Outcome, Verdict

# Addresses also as export_csv calls them.
KINDS = {**kinds.KINDS, "ip-addresses": kinds.KINDS["addresses"]}
_IN_MEMORY = 1 << 20


class Command(commands.Command):
    source = "import"
    help = """Import subnets, servers, their interfaces or addresses from a CSV or JSON file, and
print what becomes of every row. A row changes what exists: the server with its MAC address, the
subnet with its network, the interface of its server with its name, the address that no server
holds. An empty cell leaves a value unchanged, a lone apostrophe empties it. Nothing is written
unless every row is good. The status is 1 when rows were bad and nothing was written; with
--skip-bad, when every row was bad.

Headers may be English or German; without a header line the columns are
  subnets:    network, name, gateway, VLAN
  servers:    hostname, IP address, MAC address, location, LAN port
  interfaces: server, name, MAC address, IP address
  addresses:  IP address, status, host name, MAC address, description; reserved without a status

Servers may also stand as dnsmasq writes them, such as in 01-rust-hosts.conf:
  dhcp-host=MAC,IP,NAME   or without dhcp-host=, as in a dhcp-hostsfile

A JSON file holds a list of objects, or one object on each line; null empties a value.

Example: manage.py import_csv servers hosts.csv --dry-run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=KINDS, help="what the file holds")
        parser.add_argument("file", help="the file; - for standard input")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--dry-run", action="store_true", help="say the same, but write nothing")
        mode.add_argument(
            "--skip-bad", action="store_true", help="write the good rows although others are bad"
        )
        parser.add_argument(
            "--vrf", metavar="NAME", help="the address space (default: the global one)"
        )
        parser.add_argument(
            "--delimiter",
            type=delimiter,
            metavar="CHARACTER",
            help="as in ';' or tab (default: found out)",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")
        parser.add_argument(
            "--progress",
            action="store_true",
            help="tell progress on stderr, even without a terminal",
        )

    def handle(self, **options: Any) -> None:
        kind = KINDS[options["kind"]]
        mode: Mode = "all"
        if options["dry_run"]:
            mode = "dry-run"
        elif options["skip_bad"]:
            mode = "skip-bad"
        space = vrf_id(options["vrf"])
        with (
            opened(options["file"]) as file,
            open_sheet(file, kind.layout, options["delimiter"]) as sheet,
        ):
            outcome = kind.bring_in(
                sheet, mode, space, Progress(self.stderr, wanted=options["progress"])
            )
        if options["json"]:
            self.stdout.write(json.dumps(as_json(outcome, sheet.notices)))
        else:
            self._print(outcome, sheet.notices, mode, only_remarks=options["verbosity"] == 0)
        if all_bad(outcome) or (outcome.bad and not outcome.written):
            sys.exit(1)

    def _print(
        self, outcome: Outcome, notices: list[str], mode: Mode, *, only_remarks: bool
    ) -> None:
        for notice in notices:
            self.stdout.write(notice)
        told = [verdict for verdict in outcome.verdicts if verdict.remarks or not only_remarks]
        for line in table(told):
            self.stdout.write(line)
        self.stdout.write(summary(outcome, mode))


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file, or standard input, which is kept aside because it is read twice."""
    if name == "-":
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
            copyfileobj(sys.stdin.buffer, copy)
            copy.seek(0)
            yield copy  # type: ignore[misc]
        return
    try:
        with Path(name).open("rb") as file:
            yield file
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror}") from error


def table(verdicts: list[Verdict]) -> Iterator[str]:
    """A line for every verdict, aligned; further remarks stand below the first."""
    width = max((len(verdict.key) for verdict in verdicts), default=0)
    for verdict in verdicts:
        first, *more = [*remarks(verdict), ""]
        yield printable(
            f"{verdict.line:>6}  {verdict.key:<{width}}  {verdict.state:<9}  {first}".rstrip()
        )
        for remark in filter(None, more):
            yield printable(f"{'':>6}  {'':<{width}}  {'':<9}  {remark}")


def remarks(verdict: Verdict) -> Iterable[str]:
    for remark in verdict.remarks:
        text = remark.reason
        if remark.field:
            text = f"{remark.field}: {text}"
        if verdict.warns:
            text = f"warning: {text}"
        yield text


def printable(text: str) -> str:
    """The text without control characters, by which a cell could control a terminal."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def summary(outcome: Outcome, mode: Mode) -> str:
    counts = outcome.counts
    text = "{new} new, {changed} changed, {unchanged} unchanged, {bad} bad".format_map(counts)
    if counts["warnings"]:
        text += f"; {counts['warnings']} with a warning"
    rows = "1 row" if len(outcome.verdicts) == 1 else f"{len(outcome.verdicts)} rows"
    return f"{rows}: {text}. {_end(outcome, mode)}"


def all_bad(outcome: Outcome) -> bool:
    """Whether there were rows, and no good one among them."""
    return 0 < outcome.bad == len(outcome.verdicts)


def _end(outcome: Outcome, mode: Mode) -> str:
    if outcome.written and all_bad(outcome):
        return "Nothing was written: every row is bad."
    if outcome.written and not outcome.counts["new"] + outcome.counts["changed"]:
        return "There was nothing to write."
    if outcome.written and outcome.bad:
        return "The good rows were written."
    if outcome.written:
        return "All of it was written."
    if mode == "dry-run":
        return "Nothing was written: this was a dry run."
    return "Nothing was written: mend the bad rows, or write the good ones with --skip-bad."


def as_json(outcome: Outcome, notices: list[str]) -> dict[str, Any]:
    return {
        "written": outcome.written and not all_bad(outcome),
        "counts": outcome.counts,
        "notices": notices,
        "rows": [verdict.as_json() for verdict in outcome.verdicts],
    }
