"""Questions to dnsmasq's log: what was said of these machines and addresses lately? One query,
whatever their number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from dhcp.models import DhcpTransaction
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
    """The newest rows, newest first."""

    rows: list[DhcpTransaction] = field(default_factory=list)

    def of(self, mac: str | None, ip: Address | None = None) -> list[DhcpTransaction]:
        """The rows of a machine or of an address, newest first."""
        wanted = {mac, ip} - {None, ""}
        return [
            row for row in self.rows if not wanted.isdisjoint((row.mac_address, row.ip_address))
        ]

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
    return LogEvidence(list(about.select_related("server").newest_first()[:MOST]))
