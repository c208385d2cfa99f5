"""Health check of shared wires: each knows its interface, and dnsmasq's host has that one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import BOUNDED, Finding, error, health_check, warning
from dhcp import servers
from dhcp.files import wires
from dhcp.files.targets import DEFAULT, Target
from dhcp.models import DhcpScope
from dhcp.servers import ServerSelector
from dhcp.state.health_checks import find

_PROC = Path("/proc")


@health_check(gettext_noop("shared wires"), "dhcp", BOUNDED)
def shared_wires() -> Iterator[Finding]:
    """A subnet that shares a wire is given out there, and nowhere else."""
    selector = ServerSelector.load()
    by_server = _scopes_by_server(selector)
    for server_id, scopes in by_server.items():
        server = selector.servers.get(server_id or 0)
        name = server.name if server else DEFAULT
        yield from _findings(name, scopes)
    yield from _missing_interfaces(by_server[None])


def _scopes_by_server(selector: ServerSelector) -> dict[int | None, list[DhcpScope]]:
    found: dict[int | None, list[DhcpScope]] = defaultdict(list)
    for scope in DhcpScope.objects.on_wires():
        found[selector.server_id_for(scope.subnet)].append(scope)
    return found


def _findings(server: str, scopes: list[DhcpScope]) -> Iterator[Finding]:
    remedy = _("Enter the interface of dnsmasq's host in its DHCP scope.")
    for scope in wires.crossing(scopes):
        facts = {"server": server, "subnet": scope.subnet, "wire": scope.wire}
        interface = wires.interface_of(scope)
        if not interface:
            text = _(
                "%(server)s: %(subnet)s is not served. It shares the wire of %(wire)s, whose "
                "interface is not known, and this dnsmasq has other wires."
            )
            yield error(text % facts, remedy, view="admin:dhcp_dhcpscope_changelist")
        elif interface == wires.ANY:
            text = _(
                "%(server)s: %(subnet)s shares the wire of %(wire)s and is given out on every "
                "interface of this dnsmasq."
            )
            yield warning(text % facts, remedy, view="admin:dhcp_dhcpscope_changelist")


def _missing_interfaces(scopes: list[DhcpScope]) -> Iterator[Finding]:
    """The interfaces that the default server's scopes name and its dnsmasq does not have."""
    named = {scope.interface for scope in scopes} - {"", wires.ANY}
    if not named:
        return
    present = _interfaces(servers.local_targets()[0])
    for interface in sorted(named - present) if present else ():
        text = _("The DHCP scopes name the interface %s, and dnsmasq's host has none of this name.")
        remedy = _("Correct the scope, or bring the interface up.")
        yield error(text % interface, remedy, view="admin:dhcp_dhcpscope_changelist")


def _interfaces(target: Target) -> set[str]:
    """Those of dnsmasq's network; empty where its process cannot be seen from here (proc(5))."""
    process = find(target)
    if process is None:
        return set()
    try:
        lines = (_PROC / str(process.pid) / "net" / "dev").read_text().splitlines()
    except OSError:
        return set()
    return {line.partition(":")[0].strip() for line in lines[2:]}
