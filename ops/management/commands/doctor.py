"""Report what the health checks find, with the remedies."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandParser

from core import commands
from ops import doctor
from ops.doctor import Result

LEVEL_WIDTH = max(map(len, doctor.STATUSES))


class Command(commands.Command):
    help = """Check the installation and say what to do. Run it as the user that IPManager runs as.

The exit status is that of a monitoring plugin: 0 when all is well, 1 with warnings, 2 with errors.

Example: manage.py doctor --json"""
    requires_system_checks = []  # they are one of the health checks

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--quick", action="store_true", help="leave out the checks that take seconds"
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, **options: Any) -> None:
        results = doctor.run_checks(slow=not options["quick"])
        status = doctor.worst_status(results)
        if options["json"]:
            report = {"status": status, "results": [result.as_json() for result in results]}
            self.stdout.write(json.dumps(report))
        else:
            self._print(results)
        if status:
            sys.exit(status)

    def _print(self, results: list[Result]) -> None:
        width = max(len(result.check.name) for result in results)
        margin = " " * (LEVEL_WIDTH + width + 4)
        for result in results:
            line = f"{self._colored(result.level)}  {result.check.name:{width}}  {result.text}"
            self.stdout.write(line.rstrip())
            if result.remedy:
                self.stdout.write(f"{margin}{result.remedy}")
            for command in result.commands:
                self.stdout.write(f"{margin}$ {command}")
        self.stdout.write(summary(results))

    def _colored(self, level: str) -> str:
        colors: dict[str, Callable[[str], str]] = {
            "ok": self.style.SUCCESS,
            "warning": self.style.WARNING,
            "error": self.style.ERROR,
        }
        return colors.get(level, str)(f"{level:{LEVEL_WIDTH}}")


def summary(results: list[Result]) -> str:
    """The last line."""
    levels = Counter(result.level for result in results)
    if not levels["error"] and not levels["warning"]:
        return "All is well."
    return f"{levels['error']} errors, {levels['warning']} warnings."
