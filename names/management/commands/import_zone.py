"""Make the records of a zone file."""

import sys
from collections import Counter
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands
from names import rdata
from names.models import Zone
from names.zones.transfer import KNOWN, import_zone


class Command(commands.Command):
    help = """Make the records of a zone file that are not there yet.
Without --apply, show what would be made. SOA, NS and types that cannot be kept are named with
their line.

Example: manage.py import_zone corp.example db.corp.example --apply"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("zone", help="a zone that exists")
        parser.add_argument("file", help="the path of the file, or - for the standard input")
        parser.add_argument("--apply", action="store_true", help="make the records")

    def handle(self, *args: Any, **options: Any) -> None:
        zone = Zone.objects.filter(name=rdata.lower(options["zone"])).first()
        if zone is None:
            raise CommandError(f"there is no zone {options['zone'][:60]}")
        verdicts = import_zone(zone, content(options["file"]), apply=options["apply"])
        for verdict in verdicts:
            if verdict.kind != KNOWN:
                self.stdout.write(verdict.text)
        counts = Counter(map(attrgetter("kind"), verdicts))
        numbers = [f"{number} {kind}" for kind, number in sorted(counts.items())]
        end = "" if options["apply"] else " (nothing was made; see --apply)"
        self.stdout.write(", ".join(numbers) + end)


def content(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    return data.decode("utf-8", "backslashreplace")
