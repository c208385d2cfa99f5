"""Compare the log with its seals."""

import json
import sys
from dataclasses import asdict
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection

from api.security.record import Kind, record
from changes.chain.verify import Verified, verify
from core import commands
from core.progress import Progress


class Command(commands.Command):
    help = """Compare each line of the log with its seal, each seal and day with the one before.

Names each line, seal and day that was altered, removed, inserted later or exchanged; the exit
status is 1 then. Prints the last hash: keep it elsewhere, and give it to --expect another day.

Example: manage.py verify_log --since 2026-11-01"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", metavar="DAY", help="only what was sealed on this day (UTC) or later"
        )
        parser.add_argument(
            "--expect", metavar="HASH", default="", help="a hash that the chain must hold"
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        progress = Progress(self.stderr, wanted=False)
        found = verify(
            _day(options["since"]),
            options["expect"].strip().lower(),
            lambda done, total: progress("seals", done, total),
        )
        if _may_write():
            kind = Kind.LOG_VERIFIED if found.well else Kind.LOG_FAILED
            record(kind, found.hash, seal=found.number, lines=found.lines)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found)))
        else:
            self._print(found)
        if not found.well:
            sys.exit(1)

    def _print(self, found: Verified) -> None:
        for fault in found.faults:
            self.stdout.write(self.style.ERROR(fault.text))
        if found.archived:
            self.stdout.write(f"{found.archived} lines in the archive.")
        self.stdout.write(
            f"{found.lines} lines in {found.seals} seals, {found.seconds:.1f} s: "
            + ("all is well." if found.well else f"{len(found.faults)} faults.")
        )
        self.stdout.write(f"Last seal: {found.number} {found.hash}")


def _may_write() -> bool:
    """A standby can be verified, too."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone()[0] == "off")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--since: {text} is not a day such as 2026-11-01") from error
