"""Which address: loopback is everybody's, every other one stands in the ledger.

An address that a server or a VM has is used as it is. A free one is taken when the first service
comes to live there, under a key of ours, and given back when the last one leaves."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.errors import Conflict
from ipam import allocate as ledger
from ipam.addresses import Address
from ipam.models import IPAddress, Subnet
from ipam.querysets import lock_ledger
from registry.models import RegistryConfig, Service
from registry.querysets import WILDCARDS

KEY = "registry:"


def address_for(config: RegistryConfig, service_id: str, host: Address | None) -> Address:
    """Where this service lives; the first thing that its transaction locks. Raises Conflict,
    Exhausted."""
    if host is None and config.subnet is not None:
        return _own(config.subnet, f"{KEY}{config.environment}/{service_id}")
    ip = host or config.service_ip_base
    move_in(config, ip)
    return ip


def is_everybodys(ip: Address) -> bool:
    return ip.is_loopback or ip in WILDCARDS


def _own(subnet: Subnet, key: str) -> Address:
    lock_ledger()
    return ledger.allocate(subnet, vm_id=key).row.ip_address


def move_in(config: RegistryConfig, ip: Address) -> None:
    """See that the ledger knows the address is in use, and that it does not forget before we have
    committed.

    Raises Conflict when nobody may live there.
    """
    if is_everybodys(ip):
        return
    held = (
        IPAddress.objects.select_for_update()
        .filter(vrf=None, ip_address=ip)
        .exclude(status="available")
        .first()
    )
    if held is None:
        subnet = Subnet.objects.containing(ip)
        if subnet is not None:
            lock_ledger()
            ledger.allocate(subnet, wanted=ip, vm_id=f"{KEY}{ip}")
        elif config.mode == RegistryConfig.Mode.PRODUCTION:
            raise Conflict(
                _("%s lies in no subnet of the ledger.") % ip, _("Make the subnet first.")
            )
    elif held.status == IPAddress.Status.QUARANTINE:
        raise Conflict(
            _("%s is in quarantine.") % ip, _("Choose another host, or release the address.")
        )


def lock_home(ip: Address | None) -> None:
    """Before a service leaves: what `leave` may change."""
    if ip is not None and not is_everybodys(ip):
        lock_ledger()


def leave(ip: Address | None) -> None:
    """Give the address back if it was ours and nobody lives there any more."""
    if ip is None or is_everybodys(ip):
        return
    held = (
        IPAddress.objects.select_for_update()
        .filter(vrf=None, ip_address=ip, vm_id__startswith=KEY)
        .first()
    )
    if held and not Service.objects.filter(ip_address=ip).exists():
        ledger.release(held)
