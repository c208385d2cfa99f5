"""Print a zone as a file for another name server."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import commands
from names import rdata
from names.models import Zone
from names.zones.transfer import export_zone


class Command(commands.Command):
    help = """Print a zone as a zone file: the names of machines and the records.

Example: manage.py export_zone corp.example --server ns1.corp.example"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("zone")
        parser.add_argument("--server", help="the name server, where the zone has no NS record")

    def handle(self, *args: Any, **options: Any) -> None:
        zone = Zone.objects.filter(name=rdata.lower(options["zone"])).first()
        if zone is None:
            raise CommandError(f"there is no zone {options['zone'][:60]}")
        server = rdata.lower(options["server"] or "")
        if server and not rdata.is_name(server):
            raise CommandError(f"--server: {server[:60]!r} is not a host's name")
        self.stdout.write(export_zone(zone, server), ending="")
