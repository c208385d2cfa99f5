"""Ask at hand-out: whether somebody answers at an address that is about to be allocated."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from operator import attrgetter

from django.conf import settings
from django.utils import timezone

from discovery import squatters
from discovery.models import SubnetDiscovery
from discovery.probes import netlink
from discovery.probes.pace import Pace
from discovery.probes.scan import Batch, Scanner, links_into
from discovery.rounds import seen_in
from ipam.addresses import Address
from ipam.models import Sighting, Subnet
from ipam.sightings.record import Seen, record

FRESH = 20.0  # seconds for which an address that was silent is not asked again
_address = attrgetter("ip")
_MOST = 10_000  # addresses that are remembered as silent
_lock = threading.Lock()
_paces: dict[int, Pace] = {}
_silent: dict[tuple[int, Address], float] = {}


@cache
def _scanner(rate: int) -> Scanner:
    return Scanner(rate, settings.ARP_HELPER)


def ask(subnet: Subnet, addresses: Sequence[Address]) -> set[Address]:
    """Who answers, within IPMANAGER_ASK_BEFORE_HANDOUT milliseconds: only in a subnet whose
    discovery is enabled, and that this host has an address in. They are recorded, and put into
    quarantine. One caller at a time asks, so that the rates are kept."""
    now = time.monotonic()
    unknown = [ip for ip in addresses if _silent.get((subnet.pk, ip), 0.0) < now]
    if not unknown or not links_into(subnet.network, netlink.own_interfaces()):
        return set()
    discovery = SubnetDiscovery.objects.filter(enabled=True, subnet=subnet).first()
    if discovery is None:
        return set()
    with _lock:
        batch = _ask(discovery, subnet, unknown)
    found = set(map(_address, _record(batch, subnet)))
    _remember(subnet, set(unknown[: batch.asked]) - found)
    return found


def _ask(discovery: SubnetDiscovery, subnet: Subnet, addresses: Sequence[Address]) -> Batch:
    seconds = settings.ASK_BEFORE_HANDOUT / 1000
    pace = _paces.setdefault(subnet.pk, Pace(discovery.rate))
    pace.set_rate(discovery.rate)
    # A host that is silent to ping is found by what the kernel has asked before it pinged.
    batch = Batch(subnet.network, addresses, pace, ping=True, arp=discovery.arp)
    _scanner(settings.PROBE_RATE).scan([batch], seconds / 2, seconds / 2)
    return batch


def _record(batch: Batch, subnet: Subnet) -> list[Seen]:
    """Store who has answered, and whom the kernel knows by what it has asked."""
    now, asked = timezone.now(), set(batch.addresses[: batch.asked])
    seen = list(seen_in(batch, subnet.vrf_id))
    for near in netlink.neighbours():
        if near.ip in asked and near.age < FRESH:
            at = now - timedelta(seconds=near.age)
            seen.append(Seen(near.ip, Sighting.Source.ARP, at, near.mac, subnet.vrf_id))
    record(seen)
    squatters.quarantine(list(map(_address, seen)))
    return seen


def _remember(subnet: Subnet, silent: set[Address]) -> None:
    until = time.monotonic() + FRESH
    if len(_silent) > _MOST:
        _silent.clear()
    for ip in silent:
        _silent[subnet.pk, ip] = until
