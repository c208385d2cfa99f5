"""Questions to dnsmasq's log: what was said of these machines and addresses lately? Two queries,
whatever their number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from dhcp.models import DhcpProblem, DhcpTransaction
from ipam.addresses import Address

RECENT = timedelta(hours=24)
MOST = 1000  # rows
Kind = DhcpTransaction.Kind
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
        return [row for row in self.rows if _concerns(row, mac, ip)]

    def problems_of(self, mac: str | None, ip: Address | None = None) -> list[DhcpProblem]:
        """What somebody has to act on."""
        return [row for row in self.problems if _concerns(row, mac, ip)]

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
    problems = DhcpProblem.objects.current().select_related("server")
    concerned = [row for row in problems if row.mac_address in macs or row.ip_address in ips]
    return LogEvidence(list(rows), concerned)


def _concerns(row: DhcpTransaction | DhcpProblem, mac: str | None, ip: Address | None) -> bool:
    return bool((mac and row.mac_address == mac) or (ip and row.ip_address == ip))
