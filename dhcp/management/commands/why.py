"""Say why a machine gets the address that it gets, or what an address is."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands
from core.errors import IPManagerError
from dhcp.state.why import Explanation, Step, why

_MARKS = {True: "+", False: "-", None: " "}


class Command(commands.Command):
    help = """Say whether a machine is served, and replay step by step which address DHCP gives it.
Asked about an address, say what it is.

Example: manage.py why 02:00:00:00:00:0a"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "asked", help="an IP address, a MAC address in any usual spelling, or a host name"
        )
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            explanation = why(options["asked"])
        except (ValueError, IPManagerError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(explanation.as_json()))
            return
        for text in lines(explanation):
            self.stdout.write(text)


def lines(explanation: Explanation) -> list[str]:
    """The verdict, what to do, and then the steps."""
    head = [f"= {explanation.verdict}"]
    if explanation.remedy:
        head.append(f"> {explanation.remedy}")
    return [*head, *map(line, explanation.steps)]


def line(step: Step) -> str:
    return f"{_MARKS[step.good]} {step.question} {step.answer}"
