"""Turn a lease into a reservation: the machine keeps the address that it has."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import Conflict, Invalid
from dhcp.state.machines import holder_name
from ipam.hostnames import validate_hostname
from ipam.models import Interface, Server, Sighting


def adopt(lease: Sighting, hostname: str = "") -> Server:
    """Save the lease's address and MAC as a new server, or as the address of the known server that
    has none; with this host name, or else the one that the machine sends.

    Raises Conflict when the address or the MAC belongs to another machine, ValidationError for the
    given name, Invalid for a lease without a MAC."""
    if not lease.mac_address:
        text = _("The lease of %s has no MAC address. Create the reservation by hand.")
        raise Invalid(text % holder_name(lease))
    server = _known_server(lease)
    if server is None:
        server = Server(hostname=hostname or _hostname(lease), mac_address=lease.mac_address)
    elif hostname:
        server.hostname = hostname
    server.ip_address = lease.ip_address
    try:
        with transaction.atomic():
            server.save()
    except ValidationError as error:
        if hostname and "hostname" in error.error_dict:
            raise  # the caller has chosen it
        raise Conflict(" ".join(error.messages)) from error
    return server


def refuse_ended(lease: Sighting) -> None:
    """Raises Conflict when the lease has ended."""
    if lease.leased_until is None or lease.leased_until <= timezone.now():
        text = _("The lease of %s has ended: its machine may have another address by now.")
        raise Conflict(text % holder_name(lease), _("Create the reservation by hand."))


def _known_server(lease: Sighting) -> Server | None:
    """The server with this MAC that has no address. Raises Conflict when the MAC's card has one, or
    is one of several."""
    nics = Interface.objects.filter(mac_address=lease.mac_address, server__vrf=None)
    if nic := nics.select_related("server").first():
        raise _already_known(lease, nic.server)
    server = Server.objects.filter(mac_address=lease.mac_address, vrf=None).first()
    if server and server.ip_address:
        raise _already_known(lease, server)
    return server


def _already_known(lease: Sighting, server: Server) -> Conflict:
    text = _("%(mac)s is already a network card of %(server)s.")
    facts = {"mac": lease.mac_address, "server": server}
    return Conflict(text % facts, _("Change its address there."))


def _hostname(lease: Sighting) -> str:
    """The host name that the machine sends, if it is valid and free; else one made from its MAC."""
    try:
        validate_hostname(lease.hostname)
    except ValidationError:
        is_usable = False
    else:
        same_name = Server.objects.filter(vrf=None, hostname__iexact=lease.hostname)
        is_usable = not same_name.exists()
    if is_usable:
        return lease.hostname
    mac = lease.mac_address or ""
    return f"device-{mac.replace(':', '')}"
