"""The addresses of services: loopback is shared, every other address is claimed in the ledger.

An address that a server or a VM holds is used without a claim. A free one is claimed with the first
service that uses it, under a key of the registry, and released with the last one."""

from __future__ import annotations

from collections.abc import Iterable

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
    """The address of a service. It is the first thing that its transaction locks.

    Raises Conflict and Exhausted."""
    if host is None and config.subnet is not None:
        return _allocate(config.subnet, f"{KEY}{config.environment}/{service_id}")
    ip = host or config.service_ip_base
    claim_address(config, ip)
    return ip


def is_shared(ip: Address) -> bool:
    """Whether services use the address without a claim: loopback and wildcard addresses."""
    return ip.is_loopback or ip in WILDCARDS


def _allocate(subnet: Subnet, key: str) -> Address:
    lock_ledger()
    return ledger.allocate(subnet, vm_id=key).row.ip_address


def claim_address(config: RegistryConfig, ip: Address) -> None:
    """See to it that the ledger marks the address as in use until we have committed.

    Raises Conflict when no service may use it."""
    if is_shared(ip):
        return
    locked = IPAddress.objects.select_for_update().filter(vrf=None, ip_address=ip)
    held = locked.exclude(status="available").first()
    if held is None:
        _claim_free_address(config, ip)
    elif held.status == IPAddress.Status.QUARANTINE:
        raise Conflict(
            _("%s is in quarantine.") % ip, _("Choose another host, or release the address.")
        )


def _claim_free_address(config: RegistryConfig, ip: Address) -> None:
    subnet = Subnet.objects.containing(ip)
    if subnet is not None:
        lock_ledger()
        ledger.allocate(subnet, wanted=ip, vm_id=f"{KEY}{ip}")
    elif config.mode == RegistryConfig.Mode.PRODUCTION:
        raise Conflict(_("%s is in no subnet of the ledger.") % ip, _("Create the subnet first."))


def lock_for_release(ip: Address | None) -> None:
    """Lock what `release_address` may change, before the service is deleted."""
    if ip is not None and not is_shared(ip):
        lock_ledger()


def release_addresses(services: Iterable[Service]) -> None:
    """Release the addresses that these services had, once each."""
    for ip in {service.ip_address for service in services}:
        release_address(ip)


def release_address(ip: Address | None) -> None:
    """Release the address if the registry has claimed it and no service uses it any more."""
    if ip is None or is_shared(ip):
        return
    locked = IPAddress.objects.select_for_update().filter(vrf=None, ip_address=ip)
    claimed = locked.filter(vm_id__startswith=KEY).first()
    if claimed and not Service.objects.filter(ip_address=ip).exists():
        ledger.release(claimed)
