"""The pool for virtual machines: one network, made on first use, from which each VM gets one
address.

Callers see only the addresses that VMs hold in this network, and nothing else of the ledger."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from core.errors import Invalid, NotFound, Reason, Unavailable
from ipam import addresses
from ipam import allocate as verbs
from ipam.addresses import Address, Network
from ipam.fields import AddressField
from ipam.models import IPAddress, Subnet
from ipam.querysets import IPAddressQuerySet, lock_ledger
from ipam.usage import Share
from ipam.usage.measure import static_rows


def pool() -> Subnet:
    """The pool's subnet as IPMANAGER_POOL_NETWORK names it; made when it is missing."""
    return ensure(settings.POOL_NETWORK, settings.POOL_GATEWAY)


def ensure(network: Network, gateway: Address) -> Subnet:
    """The subnet of this network, made with this gateway when it is missing. Raises Unavailable."""
    return _existing(network) or make(network, gateway)


def make(network: Network, gateway: Address) -> Subnet:
    """Make the subnet, with all of it as a static pool. Of processes that start at once, one makes
    it. Raises Unavailable."""
    subnet = Subnet(network=network, gateway=gateway, name="VM pool")
    subnet.static_ip_pools = [_everything(network)]
    try:
        subnet.save()
    except ValidationError as error:
        if found := _existing(network):
            return found
        raise Unavailable(
            " ".join(error.messages), hint="Check IPMANAGER_POOL_NETWORK and the subnets."
        ) from error
    return subnet


def allocate(vm_id: str, hostname: str = "") -> tuple[IPAddress, Subnet]:
    """The VM's address, new or the one it has. Raises Exhausted, Conflict, Invalid."""
    subnet = pool()
    row = verbs.allocate(subnet, vm_id=vm_id, hostname=hostname).row
    if row.ip_type != IPAddress.Type.STATIC and not subnet.pools.exists():
        # The subnet was made without a pool, so all of its addresses are for VMs.
        make_static(subnet)
    return row, subnet


def make_static(subnet: Subnet) -> None:
    """Give a subnet without a pool one of its whole size. Raises Unavailable."""
    subnet.static_ip_pools = [_everything(subnet.network)]
    try:
        subnet.save()
    except ValidationError as error:
        raise Unavailable(
            " ".join(error.messages), hint=f"give {subnet.network} a static pool"
        ) from error


@lru_cache(8)
def ends(network: Network) -> tuple[Any, Any]:
    """The first and the last address, as parameters of a statement."""
    first, last = (AddressField().get_db_prep_value(network[end], connection) for end in (0, -1))
    return first, last


def held() -> IPAddressQuerySet:
    """The rows that VMs hold in the pool's network."""
    return IPAddress.objects.filter(vrf=None, vm_id__isnull=False).within(settings.POOL_NETWORK)


def find(vm_id: str) -> IPAddress:
    """The VM's row. Raises NotFound."""
    row = _held_by(vm_id).first()
    if row is None:
        raise NotFound(Reason("IP not found"))
    return row


def release(vm_id: str) -> None:
    """Free the VM's address. Raises NotFound."""
    _release(_held_by(vm_id))


def release_by_ip(text: str) -> Address:
    """Free the address if a VM holds it. Raises Invalid, NotFound."""
    try:
        address = addresses.parse_address(text)
    except ValueError as error:
        raise Invalid(Reason("Invalid IP address")) from error
    if address not in settings.POOL_NETWORK:
        raise Invalid(Reason("Invalid IP address"))
    _release(held().filter(ip_address=address))
    return address


def figures() -> tuple[Subnet, Share]:
    """The pool and how much of it is allocated."""
    subnet = pool()
    return subnet, static_rows(subnet)


def _held_by(vm_id: str) -> IPAddressQuerySet:
    if not verbs.is_safe(vm_id):
        return held().none()
    return held().filter(vm_id=vm_id)


def _release(rows: IPAddressQuerySet) -> None:
    with transaction.atomic():
        lock_ledger(shared=True)  # before the row, as everywhere
        row = rows.select_for_update().first()  # so that it is still this VM's when it is freed
        if row is None:
            raise NotFound(Reason("IP not found"))
        verbs.release(row)


def _existing(network: Network) -> Subnet | None:
    return Subnet.objects.in_vrf(None).filter(network=network).first()


def _everything(network: Network) -> str:
    return f"{addresses.first_host(network)}-{addresses.last_host(network)}"
