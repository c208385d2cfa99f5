"""Relays that are silent: their machines have leases, and none of them has renewed one in time.

A machine renews its lease at half of its time (RFC 2131, 4.4.5). When several machines of a subnet
have leases, and the newest of these is well past that, either all are switched off or their relay
is dead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from dhcp.host.findings import WARNING, HostFinding
from ipam.addresses import Address, Network
from ipam.models import Sighting
from ipam.querysets import inside

FEWEST = 3  # machines
PART = 0.6  # of the lease's time
GRACE = timedelta(minutes=1)


def silent(networks: Sequence[Network], origin: str) -> Iterator[HostFinding]:
    """Those of these subnets that are silent, by the leases of this origin. One query, if any."""
    if not networks:
        return
    now = timezone.now()
    rows = Sighting.objects.filter(
        inside("ip_address", networks),
        vrf=None,
        source=Sighting.Source.LEASE,
        origin=origin,
        leased_until__gt=now,
    )
    known = {(one.version, one.prefixlen, int(one[0])): one for one in networks}
    lengths = {(one.version, one.prefixlen) for one in networks}
    renewals = defaultdict[Network, list[tuple[datetime, datetime]]](list)
    for ip, seen_at, until in rows.values_list("ip_address", "seen_at", "leased_until"):
        for version, length in lengths:
            if network := known.get((version, length, _first(ip, length))):
                renewals[network].append((seen_at, until or now))
    for network, times in renewals.items():
        newest, until = max(times)
        if len(times) >= FEWEST and now > newest + (until - newest) * PART + GRACE:
            minutes = round((now - newest).total_seconds() / 60)
            facts = {"network": str(network), "number": len(times), "minutes": minutes}
            yield HostFinding("relay_silent", WARNING, facts)


def _first(ip: Address, length: int) -> int:
    """The first address of its network of this length."""
    host_bits = ip.max_prefixlen - length
    if host_bits < 0:  # of the other IP version
        return -1
    return int(ip) >> host_bits << host_bits
