"""Delete old rows."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from core import commands
from ops import prune


class Command(commands.Command):
    help = """Delete history, generations and events that are older than the IPMANAGER_KEEP_*
settings allow, and expired sessions. The worker does the same once a day. The newest history row of
everything that still exists stays.

Example: manage.py prune --dry-run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        found = prune.prune(dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "rows": found}))
            return
        periods = {
            "history": settings.KEEP_HISTORY,
            "generations": settings.KEEP_GENERATIONS,
            "events": settings.KEEP_EVENTS,
            "dhcp": settings.KEEP_DHCP,
        }
        kept = ", ".join(f"{name} {describe_days(days)}" for name, days in periods.items())
        verb = "would delete" if options["dry_run"] else "deleted"
        self.stdout.write(f"kept: {kept}")
        self.stdout.write(f"{verb} {prune.describe(found)}")


def describe_days(number: int) -> str:
    return f"{number} days" if number else "for ever"
