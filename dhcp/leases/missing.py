"""Leases that have not ended and are no longer in their lease file.

dnsmasq itself takes a lease out before its end when the machine gives it back, or gets another
address, or when another machine gets this one: a few at a time. When most of them are gone at once,
the file was emptied, replaced or shortened. The machines go on using their addresses until the end
of their leases, so the ledger keeps the leases until then, and the loss is told. A machine that
renews its lease brings it back: dnsmasq is authoritative."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import chain, filterfalse
from operator import attrgetter

from dhcp.leases.lease_file import LeaseRecord
from dhcp.models import DhcpTransaction
from ipam.models import Sighting

FEWEST = 3  # leases that are gone at once
SHARE = 0.5  # of those that had not ended


def is_live(now: datetime) -> Callable[[Sighting], bool]:
    """Whether a lease has not ended by then."""
    return lambda row: row.leased_until is not None and row.leased_until > now


def lost(
    gone: Sequence[Sighting], before: int, current: Iterable[LeaseRecord]
) -> Collection[Sighting]:
    """Of the leases that are `gone` from a file with `before` live ones, those that stay: they were
    lost, now or earlier. One query if most of them are gone."""
    if not gone:
        return ()
    left = list(filterfalse(_Replaced(current).has, gone))
    is_known = attrgetter("missing_since")
    stay, now = list(filter(is_known, left)), list(filterfalse(is_known, left))
    before -= len(stay)
    if _is_sudden(len(now), before):
        now = _not_released(now)
    if _is_sudden(len(now), before):
        stay += now
    return set(stay)


def _is_sudden(number: int, before: int) -> bool:
    return number >= FEWEST and number > before * SHARE


class _Replaced:
    """What the present leases make of the ones before: their machine has moved, or another machine
    has their address."""

    def __init__(self, current: Iterable[LeaseRecord]) -> None:
        names = map(attrgetter("ip", "mac", "duid"), current)
        self.taken = set(chain.from_iterable(names)) - {None, ""}

    def has(self, row: Sighting) -> bool:
        return not self.taken.isdisjoint((row.ip_address, row.mac_address, row.duid))


def _not_released(rows: Sequence[Sighting]) -> list[Sighting]:
    """Those that their machines have not given back, as far as dnsmasq's log tells."""
    released = DhcpTransaction.objects.filter(
        kind=DhcpTransaction.Kind.RELEASE, at__gte=min(map(attrgetter("seen_at"), rows))
    )
    known = set(released.values_list("ip_address", "mac_address"))
    return [row for row in rows if (row.ip_address, row.mac_address) not in known]
