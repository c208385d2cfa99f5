"""Questions to dnsmasq's log: what was said of these machines and addresses lately? Two queries,
whatever their number."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from django.utils import timezone

from dhcp.models import DhcpProblem, DhcpTransaction
from ipam.addresses import Address

RECENT = timedelta(hours=24)
MOST = 1000  # rows
Kind = DhcpTransaction.Kind
Row = TypeVar("Row", DhcpTransaction, DhcpProblem)
# What tells that a machine did not get what it asked for.
REFUSED = frozenset(
    {
        Kind.NAK,
        Kind.DECLINE,
        Kind.IGNORED,
        Kind.FULL,
        Kind.NOT_USED,
        Kind.DISABLED,
        Kind.LOST,
    }
)


@dataclass(slots=True)
class LogEvidence:
    """The newest rows, newest first, and the current problems."""

    rows: list[DhcpTransaction] = field(default_factory=list)
    problems: list[DhcpProblem] = field(default_factory=list)

    def of(self, mac: str | None, ip: Address | None = None) -> list[DhcpTransaction]:
        """The rows of a machine or of an address, newest first."""
        return list(_concerning(self.rows, mac, ip))

    def problems_of(self, mac: str | None, ip: Address | None = None) -> list[DhcpProblem]:
        """What somebody has to act on."""
        return list(_concerning(self.problems, mac, ip))

    def acknowledged(self, mac: str | None, ip: Address | None) -> DhcpTransaction | None:
        """When the machine has last got this address."""
        for row in self.rows:
            if (row.kind, row.mac_address, row.ip_address) == (Kind.ACK, mac, ip):
                return row
        return None

    def refused(self, mac: str | None, ip: Address | None = None) -> DhcpTransaction | None:
        """The last refusal of the machine, or of the address, since it was last acknowledged."""
        for row in self.of(mac, ip):
            if row.kind == Kind.ACK and ip in (None, row.ip_address):
                return None
            if row.kind in REFUSED:
                return row
        return None


def recent(
    macs: Collection[str], ips: Collection[Address] = (), within: timedelta = RECENT
) -> LogEvidence:
    """What dnsmasq has logged of these machines and addresses."""
    since = timezone.now() - within
    about = DhcpTransaction.objects.about(macs, ips).filter(at__gt=since)
    rows = about.select_related("server").newest_first()[:MOST]
    problems = DhcpProblem.objects.current().about(macs, ips).select_related("server")
    return LogEvidence(list(rows), list(problems))


def _concerning(rows: Iterable[Row], mac: str | None, ip: Address | None) -> Iterator[Row]:
    wanted = {mac, ip} - {None, ""}
    return (row for row in rows if not wanted.isdisjoint((row.mac_address, row.ip_address)))
