"""Give an address to the machine that was seen there, by the ledger's own verbs and rules."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import Conflict, Reason
from discovery.models import Squatter
from ipam import allocate as verbs
from ipam.addresses import Address
from ipam.hostnames import validate_hostname
from ipam.models import IPAddress, Pool, Server, Subnet


def reserve(
    ip: Address, mac: str, vrf_id: int | None, hostname: str, claimed: str
) -> IPAddress | Server:
    """Let DHCP give the address to this machine and to no other: an allocation with its MAC
    address. An address of a DHCP pool is kept by a server only, so that is made there.

    Without a `hostname`, it gets the one that it claims, where that is valid and free."""
    subnet = Subnet.objects.containing(ip, vrf_id)
    if subnet is None:
        raise Conflict(Reason(_("%s is in no subnet.") % ip), _("Create the subnet first."))
    _end_quarantine(ip, vrf_id)
    pool = Pool.objects.covering(ip, subnet)
    if pool and pool.kind == Pool.Kind.DHCP:
        return adopt(ip, mac, vrf_id, hostname, claimed)
    name = hostname or usable_name(claimed, vrf_id)
    return verbs.allocate(subnet, wanted=ip, hostname=name, mac_address=mac).row


def adopt(ip: Address | None, mac: str, vrf_id: int | None, hostname: str, claimed: str) -> Server:
    """Make a server of the machine. Without a name that can be used, it gets one made from its MAC
    address."""
    _end_quarantine(ip, vrf_id)
    name = hostname or usable_name(claimed, vrf_id) or f"device-{mac.replace(':', '')}"
    server = Server(vrf_id=vrf_id, hostname=name, mac_address=mac, ip_address=ip)
    server.save()
    return server


def quarantine(ip: Address, vrf_id: int | None, text: str) -> IPAddress:
    """Let nobody have the address, until somebody releases it."""
    _end_quarantine(ip, vrf_id)  # which would end by itself
    return verbs.quarantine(verbs.find(ip, vrf_id), text)


def _end_quarantine(ip: Address | None, vrf_id: int | None) -> None:
    """Free an address that is in quarantine only because it has answered."""
    rows = IPAddress.objects.filter(vrf=vrf_id, ip_address=ip, status="quarantine")
    row = rows.exclude(squatter=None).first()
    if row is not None:
        Squatter.objects.filter(address=row).delete()
        verbs.release(row)


def usable_name(claimed: str, vrf_id: int | None) -> str:
    """The host name that a machine claims, if it is valid and free; else empty."""
    try:
        validate_hostname(claimed)
    except ValidationError:
        return ""
    if Server.objects.filter(vrf=vrf_id, hostname__iexact=claimed).exists():
        return ""
    return claimed
