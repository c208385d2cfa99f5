"""Which DHCP servers exist, and which one serves a subnet: the server that its scope names, or else
that of its site, or else the default one.

A disabled server keeps its subnets: no other server begins to serve them unasked, and its dnsmasq
keeps the files that it has. To move them, name another server in their scopes, or delete this
one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from core.commands import manage_command
from core.errors import Conflict, NotFound
from dhcp.files.targets import DEFAULT, Target
from dhcp.models import DhcpScope, DhcpServer
from ipam.models import Subnet

# The time that dnsmasq takes to reload grows with the square of its reservations.
MANY = 10_000


def local_targets(rows: Iterable[DhcpServer] | None = None) -> list[Target]:
    """The servers whose files this installation writes itself, the default one first. One query,
    or none if all servers are given."""
    if rows is None:
        rows = DhcpServer.objects.here()
    here = [row for row in rows if row.enabled and row.run_by == DhcpServer.RunBy.LOCAL]
    return [Target.from_settings(), *map(Target.of, here)]


def local_target(name: str) -> Target:
    """The server of this name, if this installation writes its files. Raises NotFound, or Conflict
    for a server that is disabled or run by an agent."""
    server = find_server(name)
    if server is None:
        return Target.of(None)
    if server.run_by == DhcpServer.RunBy.AGENT:
        command = manage_command(f"dnsmasq_agent --server {server.name} --once")
        raise Conflict(
            _("%s is run by an agent on its own host.") % server, f"on its host: {command}"
        )
    if not server.enabled:
        text = _("%s is disabled, so its files are not changed.")
        raise Conflict(text % server, _("Enable the DHCP server."))
    return Target.of(server)


def size_warning(hosts: int) -> str:
    """A warning about a server with too many reservations; empty when there are not too many."""
    if hosts <= MANY:
        return ""
    text = _(
        "%(hosts)d reservations are more than %(many)d: dnsmasq answers no request while it reads "
        "them. Give a site a DHCP server of its own."
    )
    return text % {"hosts": hosts, "many": MANY}


def find_server(name: str) -> DhcpServer | None:
    """The server of this name; None for `default`. Raises NotFound with the names that exist."""
    if name == DEFAULT:
        return None
    servers = {server.name: server for server in DhcpServer.objects.all()}
    if name not in servers:
        hint = f"there are: {', '.join([DEFAULT, *servers])}"
        raise NotFound(f"there is no DHCP server {name!r}", hint=hint)
    return servers[name]


@dataclass(frozen=True, slots=True)
class ServerSelector:
    """Selects the DHCP server of a subnet, by its key; None is the default one."""

    by_scope: Mapping[int, int] = field(default_factory=dict)
    by_site: Mapping[str, int] = field(default_factory=dict)
    servers: Mapping[int, DhcpServer] = field(default_factory=dict)  # all but the default one

    @classmethod
    def load(cls) -> ServerSelector:
        """One query where only the default server exists, else two."""
        servers = DhcpServer.objects.in_bulk()
        if not servers:
            return cls()
        scopes = DhcpScope.objects.filter(server__isnull=False)
        by_scope = dict(scopes.values_list("subnet_id", "server_id"))
        by_site = {server.site: pk for pk, server in servers.items()}
        by_site.pop("", None)
        return cls(by_scope, by_site, servers)

    def server_id_for(self, subnet: Subnet | None) -> int | None:
        """An address in no subnet is reported by the default server."""
        if subnet is None:
            return None
        return self.by_scope.get(subnet.pk) or self.by_site.get(subnet.site)
