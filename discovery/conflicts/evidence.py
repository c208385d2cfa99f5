"""Which sightings count as evidence, and for how long.

A lease counts until it ends; every other sighting for IPMANAGER_EVIDENCE_SECONDS after it was last
seen. Where a subnet is probed, what ARP and ping have shown counts until two rounds in a row have
not shown it again. Evidence without a MAC address (an answered ping) shows that an address is in
use, not by whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import starmap
from operator import attrgetter, itemgetter
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet

from discovery.models import DiscoveryRound
from ipam.addresses import Address
from ipam.models import Sighting, Subnet
from ipam.querysets import SubnetIndex

AT_ONCE = 400  # values in one statement
LEASE = "lease"
# Sources that say which machine uses an address now. A lease only says to whom it was given.
IN_USE = ("arp", "dhcp", "report")
ANSWERS = (*IN_USE, "ping")  # that it is used at all; a name in DNS shows nothing
PROBED = ("arp", "ping")  # what a round shows again while it lasts
# MAC addresses of virtual routers: VRRP (RFC 9568), HSRP, GLBP, CARP. They move between machines.
VIRTUAL = ("00:00:5e:00:01:", "00:00:5e:00:02:", "00:00:0c:07:ac:", "00:00:0c:9f:f", "00:07:b4:")
MOST_ADDRESSES = 8  # of one MAC address: beyond, it is a router that answers for others (proxy ARP)

Place = tuple[int | None, Address]  # an address in its VRF
_COLUMNS = (
    "pk",
    "vrf_id",
    "ip_address",
    "mac_address",
    "source",
    "first_seen_at",
    "seen_at",
    "leased_until",
    "hostname",
    "duid",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting that counts."""

    id: int
    vrf_id: int | None
    ip: Address
    mac: str | None
    source: str
    first_seen_at: datetime
    seen_at: datetime
    until: datetime | None
    hostname: str
    duid: str

    @property
    def place(self) -> Place:
        return (self.vrf_id, self.ip)

    @property
    def is_lease(self) -> bool:
        return self.source == LEASE

    @property
    def is_machine(self) -> bool:
        """Whether it shows which machine: it has a MAC address, and not that of a virtual
        router."""
        return self.mac is not None and not self.mac.startswith(VIRTUAL)


IS_LEASE, PLACE = attrgetter("is_lease"), attrgetter("place")


@dataclass(slots=True)
class Window:
    """Since when sightings count, at a moment: everywhere, and in the subnets that are probed."""

    now: datetime
    since: datetime
    subnets: SubnetIndex = field(default_factory=lambda: SubnetIndex(()))
    starts: dict[int, datetime] = field(default_factory=dict)  # by subnet

    @classmethod
    def at(cls, now: datetime) -> Window:
        """One query, for the subnets that are probed."""
        window = cls(now, now - timedelta(seconds=settings.EVIDENCE_SECONDS))
        window._add_rounds()
        return window

    def current(self) -> QuerySet[Sighting]:
        """The sightings that may count; `counts` is exact."""
        earliest = min([self.since, *self.starts.values()])
        leases = Q(source=LEASE, leased_until__gt=self.now)
        return Sighting.objects.filter(
            leases | Q(source__in=ANSWERS, seen_at__gt=earliest, seen_at__lte=self.now)
        )

    def counts(self, seen: Seen) -> bool:
        return seen.is_lease or seen.seen_at > self._start(seen)

    def _start(self, seen: Seen) -> datetime:
        subnet = self.subnets.containing(*seen.place) if self.starts else None
        if subnet is None or seen.source not in PROBED:
            return self.since
        return self.starts[subnet.pk]

    def _add_rounds(self) -> None:
        rows = DiscoveryRound.objects.filter(discovery__enabled=True, rounds__gt=0)
        columns = ("discovery__interval", "last_started_at", "pk", "network", "vrf_id")
        subnets = []
        for interval, started, key, network, vrf_id in rows.annotate(
            network=F("discovery__subnet__network"), vrf_id=F("discovery__subnet__vrf")
        ).values_list(*columns):
            span = timedelta(seconds=interval)
            # A prober that has stopped keeps nothing alive.
            oldest = min(self.since, self.now - 3 * span)
            self.starts[key] = max(oldest, started - span)
            subnets.append(Subnet(pk=key, network=network, vrf_id=vrf_id))
        self.subnets = SubnetIndex(subnets)


def at(places: Collection[Place], window: Window) -> dict[Place, list[Seen]]:
    """What counts at these addresses. One query for AT_ONCE addresses."""
    found: dict[Place, list[Seen]] = defaultdict(list)
    for some in chunks(ips_of(places)):
        for seen in filter(window.counts, records(window.current().filter(ip_address__in=some))):
            found[seen.place].append(seen)
    for place in found.keys() - set(places):  # in another VRF
        del found[place]
    return found


def of_machines(macs: Collection[str], window: Window) -> dict[str, list[Seen]]:
    """Where these MAC addresses use addresses now."""
    found: dict[str, list[Seen]] = defaultdict(list)
    for some in chunks(list(macs)):
        rows = window.current().filter(mac_address__in=some, source__in=IN_USE)
        for seen in filter(window.counts, records(rows)):
            found[str(seen.mac)].append(seen)
    return found


def answering_for_many(macs: Collection[str], window: Window) -> set[str]:
    """Those of the MAC addresses that are seen at so many addresses that they answer for others."""
    found: set[str] = set()
    for some in chunks(list(macs)):
        rows = window.current().filter(mac_address__in=some, source__in=IN_USE).order_by()
        counted = rows.values("mac_address").annotate(n=Count("ip_address", distinct=True))
        many = counted.filter(n__gt=MOST_ADDRESSES)
        found.update(map(str, many.values_list("mac_address", flat=True)))
    return found


def records(rows: QuerySet[Sighting]) -> Iterator[Seen]:
    """The sightings as records."""
    return starmap(Seen, rows.order_by("pk").values_list(*_COLUMNS))


def last_leases(places: Collection[Place]) -> dict[Place, datetime]:
    """When the last lease of each address ended, or will end."""
    found: dict[Place, datetime] = {}
    for some in chunks(ips_of(places)):
        rows = Sighting.objects.filter(source=LEASE, ip_address__in=some)
        ends = rows.exclude(leased_until=None)
        for seen in records(ends):
            found[seen.place] = max(seen.until or seen.seen_at, found.get(seen.place, seen.seen_at))
    return found


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The values in parts that one statement takes."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def ips_of(places: Iterable[Place]) -> list[Address]:
    """The addresses, each once."""
    return list(set(map(itemgetter(1), places)))


def macs_of(seen: Iterable[Seen]) -> set[str]:
    """The MAC addresses of the evidence."""
    return set(filter(None, map(attrgetter("mac"), seen)))
