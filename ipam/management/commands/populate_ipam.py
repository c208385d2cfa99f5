"""Bring the ledger's address records in step with its pools and servers."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from core import commands
from core.progress import Progress
from ipam.placement.populate import Report, populate

_TOTAL = (
    "Total: {records} IP records ({available} available, {allocated} allocated, "
    "{reserved} reserved, {quarantine} quarantine)"
)


class Command(commands.Command):
    help = """Create the IP records that pools and servers require, and correct wrong ones.
Records follow every change by themselves; this corrects what raw SQL or a fixture has left, and
reports it.

Example: manage.py populate_ipam --clear"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--clear",
            action="store_true",
            help="create all records anew; those of VMs, reserved ones, quarantine and other "
            "allocations stay",
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")
        parser.add_argument(
            "--progress",
            action="store_true",
            help="tell progress on stderr, even without a terminal",
        )

    def handle(self, **options: Any) -> None:
        report = populate(
            clear=options["clear"], progress=Progress(self.stderr, wanted=options["progress"])
        )
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self.stdout.write("\n".join(sentences(report)))
        for refusal in report.refused:
            self.stderr.write(f"Left as it was: {refusal}")


def sentences(report: Report) -> list[str]:
    """What was done, in the order in which it is done, and how the ledger stands now."""
    updated = report.static_updated + report.dhcp_updated
    gateways = report.gateways_in_pools
    return [
        *_when(report.cleared, "Cleared {} IP records"),
        *_when(report.leaked, "Freed {} IP records that a server had left without a holder"),
        *_when(report.deleted, "Deleted {} IP records that nothing calls for"),
        *_when(report.moved, "Moved {} IP records to their subnet and type"),
        f"Created {report.static_created} static IP records from pools",
        f"Updated {updated} IP records from existing servers",
        f"Added {report.dhcp_created} dhcp IP records for servers outside the static pools",
        *_when(report.freed, "Freed {} IP records that no server has any more"),
        f"Skipped {report.skipped} IP records of servers: right already",
        *map("Warning: gateway in a static pool, without a record: {}".format, gateways),
        _TOTAL.format_map(report.totals),
    ]


def _when(count: int, sentence: str) -> list[str]:
    if not count:
        return []
    return [sentence.format(count)]
