"""Intervals follow the lease sightings, in the transaction that writes these.

An address has one holder at a time. Where two lease files name two of them, it is the one whose
lease was made or renewed last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter

from django.db.models import F, Max
from django.db.models.functions import Greatest
from django.utils import timezone

from dhcp.leases.intervals.ends import ENDED, Ends
from dhcp.leases.intervals.models import LeaseInterval
from dhcp.leases.lease_file import LeaseRecord
from ipam.addresses import Address
from ipam.models import Sighting
from ipam.querysets import write

# After the end of a lease until it counts as expired: a renewal of the last moment is read by then.
GRACE = timedelta(seconds=30)
_RENEWED = ("last_seen", "leased_until", "hostname", "client_id", "origin")
_AT_ONCE = 500  # parameters in one statement


@dataclass
class Changes:
    """What a reading of a lease file changes: the leases that are in it `now`, the sightings of
    those that are new or renewed (`held`), and of those that are `gone` before their end."""

    current: dict[tuple[Address, str], LeaseRecord]
    held: Sequence[Sighting]
    gone: Sequence[Sighting]
    now: datetime
    opened: list[LeaseInterval] = field(default_factory=list)
    renewed: list[LeaseInterval] = field(default_factory=list)
    ended: list[LeaseInterval] = field(default_factory=list)

    def record(self) -> None:
        """Write the intervals. Call it in the transaction that writes the sightings. A fixed
        number of queries, however many leases there are."""
        if not (self.held or self.gone):
            return
        holders = self._open()
        last = {row.ip_address: row for row in sorted(self.held, key=_end)}
        for ip, row in last.items():  # of several leases of one address, the one that ends last
            self._hold(row, holders.get(ip))
        self._end_those_gone(holders)
        write(self.ended, ENDED)
        write(self.renewed, _RENEWED)
        _begin_after_the_former(self.opened, self.now)
        # Another worker may have created the same rows meanwhile.
        LeaseInterval.objects.bulk_create(self.opened, ignore_conflicts=True)

    def _open(self) -> dict[Address, LeaseInterval]:
        """The open intervals of these addresses; nobody else ends them meanwhile."""
        rows = LeaseInterval.objects.open().filter(vrf=None)
        ips = set(map(attrgetter("ip_address"), (*self.held, *self.gone)))
        if len(ips) <= _AT_ONCE:
            rows = rows.filter(ip_address__in=ips)
        return {row.ip_address: row for row in rows.select_for_update().order_by("pk")}

    def _hold(self, row: Sighting, holder: LeaseInterval | None) -> None:
        """The machine of the sighting holds the address from now on, or still."""
        assert row.leased_until is not None
        if holder and self._goes_on(holder, row):
            self._renew(holder, row)
            self.renewed.append(holder)
        elif row.leased_until > self.now:
            if holder:
                self._end_former(holder, row)
            self._begin(row)

    def _end_former(self, holder: LeaseInterval, row: Sighting) -> None:
        if holder.leased_until <= self.now or is_same_machine(holder, row):
            holder.end(LeaseInterval.End.EXPIRED, holder.leased_until)
        else:
            holder.end(LeaseInterval.End.REPLACED, self.now)
        self.ended.append(holder)

    def _begin(self, row: Sighting) -> None:
        new = LeaseInterval(ip_address=row.ip_address, mac_address=row.mac_address)
        new.started_at = self.now
        self._renew(new, row)
        self.opened.append(new)

    def _end_those_gone(self, holders: dict[Address, LeaseInterval]) -> None:
        gone = []
        for row in self.gone:
            holder = holders.get(row.ip_address)
            if holder and holder.is_open and is_same_machine(holder, row):
                gone.append(holder)
        ends = Ends(self.opened, gone, self.now)
        for holder in gone:
            ends.end(holder)
        self.ended += gone

    def _goes_on(self, holder: LeaseInterval, row: Sighting) -> bool:
        """Whether it is the same lease. What was not renewed in time has ended, and the machine
        has come back."""
        return is_same_machine(holder, row) and self.now < holder.leased_until + GRACE

    def _renew(self, interval: LeaseInterval, row: Sighting) -> None:
        assert row.leased_until is not None
        interval.last_seen, interval.leased_until = row.seen_at, row.leased_until
        interval.hostname, interval.origin = row.hostname, row.origin
        interval.client_id = row.duid
        lease = self.current.get((row.ip_address, row.mac_address or row.duid))
        if lease and not row.duid:
            interval.client_id = lease.client_id


def expire(now: datetime | None = None) -> int:
    """End the intervals whose leases have run out a while ago. Returns their number. One query
    when there are none."""
    over = LeaseInterval.objects.open().filter(leased_until__lte=(now or timezone.now()) - GRACE)
    if not over.exists():
        return 0
    at = Greatest(F("started_at"), F("leased_until"))
    return over.update(ended_at=at, ended_how=LeaseInterval.End.EXPIRED)


def evicted(ip: Address, mac: str, since: datetime, now: datetime) -> None:
    """A lease was ended from here. A reading of the lease file may have missed it since."""
    rows = LeaseInterval.objects.of_address(None, ip).filter(mac_address=mac)
    ended = {"ended_at": now, "ended_how": LeaseInterval.End.EVICTED}
    rows.open().update(**ended)
    missed = rows.filter(ended_how=LeaseInterval.End.VANISHED, ended_at__gte=since)
    missed.update(ended_how=LeaseInterval.End.EVICTED)


def is_same_machine(interval: LeaseInterval, row: Sighting) -> bool:
    """By the MAC address; by the DUID where there is none."""
    if interval.mac_address or row.mac_address:
        return interval.mac_address == row.mac_address
    return not row.duid or interval.client_id == row.duid


def _end(row: Sighting) -> tuple[datetime, str]:
    assert row.leased_until is not None
    return row.leased_until, row.mac_address or row.duid


def _begin_after_the_former(opened: Sequence[LeaseInterval], now: datetime) -> None:
    """An interval begins after the end of the former one of its address, even when the clock was
    set back. One query while it was not."""
    last = LeaseInterval.objects.aggregate(last=Max("ended_at"))["last"]
    if not opened or last is None or last <= now:
        return
    ends = dict(_ends_of(opened))
    for row in opened:
        row.started_at = max(now, ends.get(row.ip_address, now))


def _ends_of(rows: Sequence[LeaseInterval]) -> Iterator[tuple[Address, datetime]]:
    """When the former intervals of their addresses have ended."""
    ips = list(map(attrgetter("ip_address"), rows))
    for start in range(0, len(ips), _AT_ONCE):
        former = LeaseInterval.objects.filter(
            vrf=None, ip_address__in=ips[start : start + _AT_ONCE]
        )
        ended = former.order_by().values("ip_address").annotate(last=Max("ended_at"))
        yield from ended.exclude(last=None).values_list("ip_address", "last")
