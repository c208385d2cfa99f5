"""Make, list and withdraw the tokens of agents that work over HTTPS."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from core import commands
from core.errors import IPManagerError
from dhcp.models import AgentToken, DhcpServer
from dhcp.remote import tokens
from dhcp.servers import find_server


class Command(commands.Command):
    help = """Make a token for the agent of one DHCP server and print it once; only its hash is
stored. The token can fetch the files of this server and report on its host, and nothing else.
Several may be valid at once, so that one can be replaced without a gap.

Examples:
  manage.py agent_token --server berlin > token
  manage.py agent_token --server berlin --list
  manage.py agent_token --server berlin --revoke ipa_Ab3dEf"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--server", required=True, metavar="NAME", help="the DHCP server")
        parser.add_argument("--days", type=int, help="how long it is valid (default: for ever)")
        parser.add_argument("--list", action="store_true", help="list the server's tokens")
        parser.add_argument("--revoke", metavar="START", help="withdraw those that begin like this")

    def handle(self, **options: Any) -> None:
        server = _server(options["server"])
        rows = AgentToken.objects.filter(server=server)
        if options["list"]:
            for row in rows:
                self.stdout.write(_line(row))
        elif options["revoke"]:
            # The row stays: a restored backup does not bring it back.
            found = rows.filter(key__startswith=options["revoke"][:10])
            number = found.update(expires_at=timezone.now())
            if not number:
                raise CommandError(f"{server} has no token that begins like this")
            self.stderr.write(f"{number} withdrawn")
        else:
            self.stdout.write(tokens.create(server, options["days"])[1])


def _line(row: AgentToken) -> str:
    used = f"{row.used_at:%Y-%m-%d %H:%M}" if row.used_at else "never"
    line = f"{row.key}…  created {row.created_at:%Y-%m-%d}  used {used}"
    if row.expires_at:
        line += f"  valid until {row.expires_at:%Y-%m-%d %H:%M}"
    return line


def _server(name: str) -> DhcpServer:
    try:
        server = find_server(name)
    except IPManagerError as error:
        raise CommandError(str(error)) from error
    if server is None or server.run_by != DhcpServer.RunBy.AGENT:
        raise CommandError(f"{name} is not run by an agent on its own host")
    return server
