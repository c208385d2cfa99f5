"""PowerDNS on the ledger: install what it reads, and print its configuration."""

from argparse import ArgumentTypeError
from ipaddress import ip_address
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection

from core import commands
from names.powerdns import conf, schema


class Command(commands.Command):
    help = """Let PowerDNS read the names of the ledger (PostgreSQL only).
`install` makes the schema dns for an existing role, which may read that and nothing else; `conf`
prints PowerDNS's configuration; `zones` prints the zones for a secondary; `remove` takes the schema
away.

Example: manage.py powerdns conf --secondary 10.0.0.3 > /etc/powerdns/pdns.d/ipmanager.conf"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["install", "conf", "zones", "remove"])
        parser.add_argument("--role", default="pdns", help="PowerDNS's role; pdns by default")
        parser.add_argument(
            "--secondary",
            action="append",
            default=[],
            type=_address,
            metavar="ADDRESS",
            help="an address that may transfer zones and is told of changes; repeat for more",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["what"])(options)

    def install(self, options: dict[str, Any]) -> None:
        schema.install(options["role"])
        self.stdout.write(f"the role {options['role']} reads the schema dns")

    def conf(self, options: dict[str, Any]) -> None:
        text = conf.text(connection.settings_dict, options["role"], options["secondary"])
        self.stdout.write(text, ending="")

    def zones(self, options: dict[str, Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM dns.zones() ORDER BY name")
            for (name,) in cursor.fetchall():
                self.stdout.write(name)

    def remove(self, options: dict[str, Any]) -> None:
        schema.remove()
        self.stdout.write("the schema dns is gone")


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not an IP address") from error
