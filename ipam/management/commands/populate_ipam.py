"""Bring the ledger's address records in step with its pools and servers."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from core import commands
from core.progress import Progress
from ipam.placement.populate import Report, populate


class Command(commands.Command):
    help = """Make the IP records that pools and servers call for, and mend those that are wrong.
The records follow every change by themselves; this repairs what was done behind their back, and says so.

Example: manage.py populate_ipam --clear"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--clear",
            action="store_true",
            help="make all records anew; those of VMs, reserved ones, quarantine and other allocations stay",
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
        self.stdout.write(
            json.dumps(asdict(report)) if options["json"] else "\n".join(sentences(report))
        )
        for refusal in report.refused:
            self.stderr.write(f"Left as it was: {refusal}")


def sentences(report: Report) -> list[str]:
    """What was done, in the order in which it is done, and how the ledger stands now."""
    updated = report.static_updated + report.dhcp_updated
    totals = report.totals
    return [
        *_when(report.cleared, "Cleared {} IP records"),
        *_when(report.deleted, "Deleted {} IP records that nothing calls for"),
        *_when(report.moved, "Moved {} IP records to their subnet and type"),
        f"Created {report.static_created} static IP records from pools",
        f"Updated {updated} IP records from existing servers",
        f"Added {report.dhcp_created} dhcp IP records for servers outside the static pools",
        *_when(report.freed, "Freed {} IP records that no server has any more"),
        f"Skipped {report.skipped} IP records of servers: right already",
        *(
            f"Warning: gateway in a static pool, without a record: {found}"
            for found in report.gateways_in_pools
        ),
        f"Total: {totals['records']} IP records ("
        + ", ".join(f"{count} {status}" for status, count in totals.items() if status != "records")
        + ")",
    ]


def _when(count: int, sentence: str) -> list[str]:
    return [sentence.format(count)] if count else []
