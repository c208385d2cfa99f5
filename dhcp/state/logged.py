"""What dnsmasq's log says of a machine: that it was refused its address, or asked elsewhere."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _

from dhcp.log.evidence import LogEvidence
from dhcp.models import DhcpTransaction
from dhcp.state.verdict import PENDING, UNSERVED, MachineState, format_time
from ipam.addresses import Address

Kind = DhcpTransaction.Kind
# A machine that has found its address in use; dnsmasq then keeps the address from everybody.
DECLINED = (Kind.DECLINE, Kind.DISABLED)
BACK_OFF = timedelta(minutes=10)
CLOCK = timedelta(seconds=1)  # of a log in a file
# What each refusal means, and what to do.
_KINDS = {
    Kind.NAK: PENDING,
    Kind.DECLINE: PENDING,
    Kind.DISABLED: PENDING,
    Kind.LOST: PENDING,
    Kind.IGNORED: UNSERVED,
    Kind.FULL: UNSERVED,
    Kind.NOT_USED: UNSERVED,
}


def reason(row: DhcpTransaction) -> str:
    """The refusal as a sentence with its time."""
    facts = {"ip": row.ip_address, "at": format_time(row.at), "detail": row.detail}
    return _texts()[Kind(row.kind)] % facts


def _texts() -> dict[Kind, str]:
    declined = _(
        "It found %(ip)s in use by another machine, %(at)s. "
        "dnsmasq then offers that address to nobody for 10 minutes."
    )
    return {
        Kind.NAK: _("dnsmasq refused its request for %(ip)s, %(at)s: %(detail)s."),
        Kind.DECLINE: declined,
        Kind.DISABLED: declined,
        Kind.LOST: _("dnsmasq took its lease of %(ip)s away, %(at)s."),
        Kind.IGNORED: _("dnsmasq ignores it (dhcp-ignore), the last time %(at)s."),
        Kind.FULL: _("dnsmasq had no address for it, %(at)s."),
        Kind.NOT_USED: _("dnsmasq does not give it %(ip)s, because %(detail)s (%(at)s)."),
    }


def remedy(row: DhcpTransaction) -> str:
    """What to do about the refusal."""
    return {
        Kind.NAK: _("Wait until it asks anew, or restart its network."),
        Kind.DECLINE: _("Find the machine that uses the address without a reservation."),
        Kind.DISABLED: _("Find the machine that uses the address without a reservation."),
        Kind.LOST: _("Wait until it asks anew, or restart its network."),
        Kind.IGNORED: _("Remove that dhcp-ignore from dnsmasq's configuration."),
        Kind.FULL: _("Widen the DHCP pool, or reserve an address for it."),
        Kind.NOT_USED: _("Give the machine another address, or wait until the address is free."),
    }[Kind(row.kind)]


def kind(row: DhcpTransaction) -> str:
    """The state of a machine that was refused so."""
    return _KINDS[Kind(row.kind)]


def refusal(log: LogEvidence, mac: str | None, ip: Address | None) -> DhcpTransaction | None:
    """The last refusal of this machine, or of this address, that still counts."""
    row = log.refused(mac, ip)
    if row is None or row.kind not in _KINDS or row.mac_address not in (mac, None):
        return None
    if ip and row.ip_address not in (ip, None):
        return None
    if row.kind == Kind.NOT_USED and "declined" in row.detail:
        return next((one for one in log.of(mac, ip) if one.kind in DECLINED), row)
    return row


def state(row: DhcpTransaction, url: str) -> MachineState:
    until = row.at + BACK_OFF if row.kind in DECLINED else None
    return MachineState(kind(row), reason(row), until, remedy=remedy(row), url=url, seen_at=row.at)
