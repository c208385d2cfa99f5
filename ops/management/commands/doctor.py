"""Is the installation well, and if not, what helps?"""

import json
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser

from core import commands
from core.findings import LEVELS
from ops import doctor
from ops.doctor import Result

LONGEST = max(LEVELS, key=len)


class Command(commands.Command):
    help = """Examine the installation and say what to do. Run it as the user that IPManager runs as.

The status is 0 when all is well, 1 when there are warnings, 2 when something is broken, as monitoring plugins have it.

Example: manage.py doctor --json"""
    requires_system_checks = []  # they are one of the examinations

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quick", action="store_true", help="leave out what takes seconds")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        results = doctor.examine(quick=options["quick"])
        worst = doctor.status(results)
        if options["json"]:
            self.stdout.write(
                json.dumps({"status": worst, "results": [result.as_json() for result in results]})
            )
        else:
            self._print(results)
        if worst:
            sys.exit(worst)

    def _print(self, results: list[Result]) -> None:
        width = max(len(result.exam) for result in results)
        for result in results:
            found = result.finding
            level = self._painted(found.level)
            self.stdout.write(f"{level}  {result.exam:{width}}  {found.said}".rstrip())
            margin = " " * (len(LONGEST) + width + 4)
            if found.remedy:
                self.stdout.write(f"{margin}{found.remedy}")
            for command in found.commands:
                self.stdout.write(f"{margin}$ {command}")
        self.stdout.write(summary(results))

    def _painted(self, level: str) -> str:
        paint: dict[str, Callable[[str], str]] = {
            "ok": self.style.SUCCESS,
            "warning": self.style.WARNING,
            "error": self.style.ERROR,
        }
        return paint.get(level, str)(f"{level:{len(LONGEST)}}")


def summary(results: list[Result]) -> str:
    """The last line."""
    count = {
        level: sum(result.finding.level == level for result in results)
        for level in ("error", "warning")
    }
    if not any(count.values()):
        return "All is well."
    return f"{count['error']} errors, {count['warning']} warnings."
