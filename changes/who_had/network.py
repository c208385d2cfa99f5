"""What the network has shown of an address at a moment: leases, DHCP messages, sightings, and the
file that dnsmasq had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import IPManagerError
from core.history.past import tables
from dhcp.leases.intervals.models import LeaseInterval
from dhcp.models import DhcpScope, DhcpTransaction, Generation, KeptFiles
from ipam.addresses import Address
from ipam.models import Sighting, Subnet

MOST = 10  # sightings and messages of one answer
WITH_MACHINE = ("ack", "request", "release", "decline", "offer")


@dataclass(frozen=True)
class Served:
    """The DHCP server of an address, its generation that was in force, and the lines with the
    address in its file."""

    server: str
    generation: int
    applied_at: datetime
    lines: list[str]

    def as_json(self) -> dict[str, Any]:
        return {
            "server": self.server,
            "generation": self.generation,
            "applied_at": self.applied_at,
            "lines": self.lines,
        }


def lease_at(vrf: int | None, ip: Address, moment: datetime) -> LeaseInterval | None:
    return LeaseInterval.objects.of_address(vrf, ip).at(moment).first()


def leases(vrf: int | None, ip: Address, before: datetime) -> list[LeaseInterval]:
    """The newest leases that began until then."""
    rows = LeaseInterval.objects.of_address(vrf, ip).filter(started_at__lte=before)
    return list(rows[: 5 * MOST])


def sightings(vrf: int | None, ip: Address, moment: datetime) -> list[Sighting]:
    """Who was seen there until then, the last first. Leases have intervals of their own."""
    rows = Sighting.objects.filter(vrf=vrf, ip_address=ip, first_seen_at__lte=moment)
    return list(rows.exclude(source="lease").order_by("-seen_at")[:MOST])


def messages(ip: Address, moment: datetime) -> list[DhcpTransaction]:
    """The last DHCP messages about the address until then."""
    rows = DhcpTransaction.objects.filter(ip_address=ip, at__lte=moment, kind__in=WITH_MACHINE)
    return list(rows.select_related("server").order_by("-at", "-pk")[:3])


def served(vrf: int | None, ip: Address, moment: datetime) -> Served | None:
    """By whom DHCP served the address's subnet, and what its file said of the address."""
    with tables.at(moment):
        subnet = Subnet.objects.containing(ip, vrf)
        scope = DhcpScope.objects.filter(subnet=subnet).first() if subnet else None
    server = scope.server_id if scope else None
    in_force = Generation.objects.filter(
        server=server, result=Generation.Result.APPLIED, created_at__lte=moment
    )
    newest = in_force.select_related("server").order_by("-pk").defer("diff", "sources").first()
    if newest is None:
        return None
    name = newest.server.name if newest.server else "default"
    return Served(name, newest.pk, newest.created_at, _lines_with(newest, ip))


def _lines_with(generation: Generation, ip: Address) -> list[str]:
    """The lines of the hosts file with this address; none when the file is not kept any more."""
    kept = KeptFiles.objects.filter(generation=generation).first()
    if kept is None:
        return []
    written = {str(ip), f"[{ip}]"}
    try:
        lines = kept.hosts.decode("latin-1").splitlines()
    except IPManagerError:  # damaged; the page of the generation says so
        return []
    return [line for line in lines if not written.isdisjoint(line.split(","))][:MOST]
