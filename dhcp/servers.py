"""Which DHCP servers there are, and who serves a subnet: the server that its scope names, else the one of its site,
else the default one.

A disabled server keeps its subnets: nobody else begins to serve them behind its administrator's back, and its own
dnsmasq goes on with the files that it has. Who wants them served elsewhere names another server, or deletes this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dhcp.models import DhcpScope, DhcpServer
from dhcp.targets import DEFAULT, Target
from ipam.models import Subnet
from ipmanager.errors import NotFound


def here() -> list[Target]:
    """Those that this installation keeps in step itself, the default one first. One query."""
    return [Target.from_settings(), *map(Target.of, DhcpServer.objects.here())]


def named(name: str) -> DhcpServer | None:
    """The server of this name; None is the default one, `default`. Raises NotFound with the names that there are."""
    if name == DEFAULT:
        return None
    known = {server.name: server for server in DhcpServer.objects.all()}
    if name not in known:
        raise NotFound(f"there is no DHCP server {name!r}", hint=f"there are: {', '.join([DEFAULT, *known])}")
    return known[name]


@dataclass(frozen=True, slots=True)
class Routes:
    """All that decides it, read once. A server is known by its key; None is the default one."""

    by_scope: Mapping[int, int] = field(default_factory=dict)
    by_site: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Routes:
        """One query where there is but the default server, two else."""
        sites = dict(DhcpServer.objects.values_list("pk", "site"))
        if not sites:
            return cls()
        named = DhcpScope.objects.filter(server__isnull=False).values_list("subnet_id", "server_id")
        return cls(dict(named), {site: pk for pk, site in sites.items() if site})

    def of(self, subnet: Subnet | None) -> int | None:
        """The server of a subnet; what stands in none is the default server's to complain about."""
        if subnet is None:
            return None
        return self.by_scope.get(subnet.pk) or self.by_site.get(subnet.site)
