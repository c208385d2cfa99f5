"""Say why a machine gets the address that it gets."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands
from dhcp.state.why import Step, why

_MARKS = {True: "+", False: "-", None: " "}


class Command(commands.Command):
    help = """Replay, step by step, which address DHCP gives to a network card and why.

Example: manage.py why 02:00:00:00:00:0a"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mac", help="the card's MAC address in any usual spelling")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            explanation = why(options["mac"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(explanation.as_json()))
            return
        for step in explanation.steps:
            self.stdout.write(line(step))
        self.stdout.write(f"= {explanation.verdict}")


def line(step: Step) -> str:
    return f"{_MARKS[step.good]} {step.question} {step.answer}"
