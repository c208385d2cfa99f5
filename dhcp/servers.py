"""Which DHCP servers there are, and who serves a subnet: the server that its scope names, else the
one of its site, else the default one.

A disabled server keeps its subnets: nobody else begins to serve them behind its administrator's
back, and its own dnsmasq goes on with the files that it has. Who wants them served elsewhere names
another server, or deletes this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from core.errors import NotFound
from dhcp.files.targets import DEFAULT, Target
from dhcp.models import DhcpScope, DhcpServer
from ipam.models import Subnet

MANY = 10_000  # a reload of more takes dnsmasq longer than machines are patient: its time grows with the square


def local_targets() -> list[Target]:
    """Those that this installation keeps in step itself, the default one first. One query."""
    return [Target.from_settings(), *map(Target.of, DhcpServer.objects.here())]


def size_warning(hosts: int) -> str:
    """What to say of a server that has so many reservations; empty when they are not too many."""
    if hosts <= MANY:
        return ""
    text = _(
        "%(hosts)d reservations are more than %(many)d: dnsmasq answers nobody while it reads them. "
        "Give a site a DHCP server of its own."
    )
    return text % {"hosts": hosts, "many": MANY}


def find_server(name: str) -> DhcpServer | None:
    """The server of this name; None is the default one, `default`. Raises NotFound with the names
    that there are."""
    if name == DEFAULT:
        return None
    known = {server.name: server for server in DhcpServer.objects.all()}
    if name not in known:
        raise NotFound(
            f"there is no DHCP server {name!r}", hint=f"there are: {', '.join([DEFAULT, *known])}"
        )
    return known[name]


@dataclass(frozen=True, slots=True)
class ServerSelector:
    """All that decides it, read once. A server is known by its key; None is the default one."""

    by_scope: Mapping[int, int] = field(default_factory=dict)
    by_site: Mapping[str, int] = field(default_factory=dict)
    servers: Mapping[int, DhcpServer] = field(default_factory=dict)  # all but the default one

    @classmethod
    def load(cls) -> ServerSelector:
        """One query where there is but the default server, two else."""
        servers = DhcpServer.objects.in_bulk()
        if not servers:
            return cls()
        named = DhcpScope.objects.filter(server__isnull=False).values_list("subnet_id", "server_id")
        return cls(
            dict(named), {server.site: pk for pk, server in servers.items() if server.site}, servers
        )

    def server_id_for(self, subnet: Subnet | None) -> int | None:
        """The server of a subnet; what stands in none is the default server's to complain about."""
        if subnet is None:
            return None
        return self.by_scope.get(subnet.pk) or self.by_site.get(subnet.site)
