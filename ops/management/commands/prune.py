"""Forget what is old."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from core import commands
from ops import prune


class Command(commands.Command):
    help = """Delete history, generations and events that are older than the settings IPMANAGER_KEEP_… say, and sessions
that are over. The worker does the same once a day. The newest line of everything that still exists stays.

Example: manage.py prune --dry-run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        found = prune.prune(dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps({"dry_run": options["dry_run"], "rows": found}))
            return
        kept = f"history {days(settings.KEEP_HISTORY)}, generations {days(settings.KEEP_GENERATIONS)}, "
        self.stdout.write(f"kept: {kept}events {days(settings.KEEP_EVENTS)}")
        self.stdout.write(
            f"{'would forget' if options['dry_run'] else 'forgot'} {prune.describe(found)}"
        )


def days(number: int) -> str:
    return f"{number} days" if number else "for ever"
