"""Bring dnsmasq in step with the ledger now, or show what that would change."""

import argparse
import json
import sys

from django.core.management.base import BaseCommand, CommandParser

from dhcp.journal import Outcome, describe
from dhcp.sync import preview, sync


class Command(BaseCommand):
    help = """Write dnsmasq's files from the ledger, make dnsmasq read them, and say what became of it.
The status is 0 when dnsmasq is in step, 1 when it is not.

Example: manage.py sync_dnsmasq --diff"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--diff", action="store_true", help="show what would change, and change nothing")
        parser.add_argument(
            "--force", action="store_true", help="publish even if more than half of the reservations would vanish"
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: bool) -> None:
        outcome = preview() if options["diff"] else sync(force=options["force"])
        if options["json"]:
            self.stdout.write(json.dumps(outcome.as_json()))
        elif options["diff"]:
            self.stdout.write(outcome.diff or "nothing would change")
            self._tell_problems(outcome)
        else:
            self.stdout.write(sentence(outcome))
            self._tell_problems(outcome)
        if not (outcome.good or options["diff"]):
            sys.exit(1)

    def _tell_problems(self, outcome: Outcome) -> None:
        for problem in map(describe, outcome.problems):
            what = "left out" if problem["left_out"] else "served without its name"
            self.stderr.write(f"{problem['kind']} {problem['id']} ({problem['name']!r}) is {what}: {problem['reason']}")


def sentence(outcome: Outcome) -> str:
    if not outcome.good:
        return f"{outcome.result}: {outcome.reason}"
    how = {True: ", confirmed by dnsmasq", None: ""}.get(outcome.confirmed, "")
    return (
        f"{outcome.result}: {outcome.hosts} reservations, {len(outcome.changes)} changes, "
        f"generation {outcome.generation}, {outcome.duration_ms} ms{how}"
    )
