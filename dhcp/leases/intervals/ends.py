"""How a lease has ended before its time, as far as the lease file and dnsmasq's log tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter

from django.db.models import Q, QuerySet

from dhcp.leases.intervals.models import LeaseInterval
from ipam.addresses import Address, parse_address
from ipam.querysets import write

ENDED = ("ended_at", "ended_how")
SLACK = timedelta(seconds=2)  # a log's clock has whole seconds, and the file is read a bit later
LATE = timedelta(minutes=2)  # that the log is read after the lease file
UNKNOWN = "unknown lease"  # what dnsmasq says of a release that ends nothing
_AT_ONCE = 250  # rows that a statement names by address and by MAC address

# Who has given back which address, and when. DHCPv6 releases name no address.
Releases = Mapping[tuple[Address | None, str], datetime]


@dataclass
class Ends:
    """What tells of leases that are gone from a file: the ones that begin at the same time, and
    the log of what dnsmasq was told since."""

    opened: Iterable[LeaseInterval]
    gone: Sequence[LeaseInterval]
    now: datetime

    def end(self, row: LeaseInterval) -> None:
        """End one of those that are gone. One query for the first that did not move."""
        if (row.ip_address.version, row.machine) in self._newcomers:
            row.end(LeaseInterval.End.MOVED, self.now)
        elif at := release_of(row, self._releases):
            row.end(LeaseInterval.End.RELEASED, min(at, self.now))
        else:
            row.end(LeaseInterval.End.VANISHED, self.now)

    @cached_property
    def _newcomers(self) -> Collection[tuple[int, str]]:
        """Whose leases begin now: a machine of these that has lost one has another address. It may
        well have one of IPv4 and one of IPv6."""
        return {(row.ip_address.version, row.machine) for row in self.opened}

    @cached_property
    def _releases(self) -> Releases:
        from dhcp.models import DhcpTransaction

        since = min(map(attrgetter("last_seen"), self.gone)) - SLACK
        rows = DhcpTransaction.objects.filter(kind="release", at__gte=since)
        if len(self.gone) <= _AT_ONCE:
            ips, macs = map(attrgetter("ip_address"), self.gone), self._macs()
            rows = rows.filter(Q(ip_address__in=ips) | Q(ip_address=None, mac_address__in=macs))
        found = rows.exclude(detail=UNKNOWN).order_by("at")
        columns = found.values_list("ip_address", "mac_address", "duid", "at")
        return {(ip, mac or duid): at for ip, mac, duid, at in columns}

    def _macs(self) -> Collection[str]:
        return {row.mac_address for row in self.gone if row.mac_address}


def release_of(row: LeaseInterval, releases: Releases) -> datetime | None:
    """When its machine has given it back, if it has since the last renewal."""
    at = releases.get((row.ip_address, row.machine))
    if at is None and row.ip_address.version == 6:
        at = releases.get((None, row.machine))
    if at is None or at < row.last_seen - SLACK:
        return None
    return at


def note_releases(told: Iterable[tuple[str | None, str, datetime]]) -> None:
    """The log tells of leases that were given back: address, machine, time. It may be read after
    the lease file: leases that have vanished from it then were given back. Call it in a
    transaction. At most two queries."""
    releases = {(_address(ip), machine): at for ip, machine, at in told}
    if not releases:
        return
    ended = []
    for row in _vanished(releases):
        at = release_of(row, releases)
        if at and row.ended_at and at <= row.ended_at + SLACK:
            row.end(LeaseInterval.End.RELEASED, min(at, row.ended_at))
            ended.append(row)
    write(ended, ENDED)


def _address(text: str | None) -> Address | None:
    return parse_address(text) if text else None


def _vanished(releases: Releases) -> QuerySet[LeaseInterval]:
    """Those that nobody knew the end of, around these times."""
    around = (min(releases.values()) - SLACK, max(releases.values()) + LATE)
    rows = LeaseInterval.objects.filter(ended_how="vanished", ended_at__range=around)
    return rows.select_for_update().order_by("pk")
