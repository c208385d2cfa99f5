"""Make what a machine has got its own: a lease becomes a reservation."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid
from dhcp.state.machines import holder_name
from ipam.hostnames import validate_hostname
from ipam.models import Interface, Server, Sighting


def adopt(lease: Sighting) -> Server:
    """The server that has the lease's address and MAC from now on: a new one, or a known one
    without an address.

    Raises Conflict when the address or the MAC belongs to somebody else already, Invalid without a
    MAC."""
    if not lease.mac_address:
        raise Invalid(
            _("%s names no MAC address; reserve its address by hand.") % holder_name(lease)
        )
    server = _known(lease) or Server(hostname=_free_name(lease), mac_address=lease.mac_address)
    server.ip_address = lease.ip_address
    try:
        with transaction.atomic():
            server.save()
    except ValidationError as error:
        raise Conflict(" ".join(error.messages)) from error
    return server


def _known(lease: Sighting) -> Server | None:
    """The server with this MAC, if it still has room for the address."""
    nic = (
        Interface.objects.filter(mac_address=lease.mac_address, server__vrf=None)
        .select_related("server")
        .first()
    )
    server = (
        nic.server
        if nic
        else Server.objects.filter(mac_address=lease.mac_address, vrf=None).first()
    )
    if server and (nic or server.ip_address):
        text = _("%(mac)s is a card of %(server)s already.") % {
            "mac": lease.mac_address,
            "server": server,
        }
        raise Conflict(text, _("Change the address there."))
    return server


def _free_name(lease: Sighting) -> str:
    """What the machine calls itself, if that is a name and nobody's; else one made from its MAC."""
    made = f"device-{(lease.mac_address or '').replace(':', '')}"
    try:
        validate_hostname(lease.hostname)
    except ValidationError:
        return made
    return (
        made
        if Server.objects.filter(vrf=None, hostname__iexact=lease.hostname).exists()
        else lease.hostname
    )
