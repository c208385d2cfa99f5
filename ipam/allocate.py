"""Hand out addresses and take them back: allocate, reserve, release, quarantine.

Two callers never get one address: the row is claimed under a lock that others skip, and the unique keys on
address and VM have the last word. Errors are ipmanager.errors: Conflict names the holder, Exhausted the pool.
"""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from ipam import addresses, rows, settle
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Server, Subnet
from ipam.querysets import ready
from ipmanager.errors import Conflict, Exhausted, Invalid, NotFound


def allocate(
    subnet: Subnet | None = None,
    *,
    pool: Pool | None = None,
    wanted: Address | str | None = None,
    vm_id: str | None = None,
    hostname: str = "",
    mac_address: str | None = None,
) -> IPAddress:
    """Give an address of the subnet's static pools, or of one pool, to a VM or to whoever asks.

    Never-used addresses go first, then those that have been free for longest. With `vm_id` the call is
    idempotent: a VM that has an address gets it again (and its new host name is noted). With `wanted` it is
    that address or none.

    Raises Exhausted when nothing is free, Conflict when the wanted address has a holder, Invalid when nobody
    may have it.
    """
    subnet = pool.subnet if pool else subnet
    mac_address = addresses.parse_mac(mac_address) if mac_address else None
    facts = {"vm_id": vm_id or None, "hostname": hostname, "mac_address": mac_address}
    for _attempt in range(3):
        if known := _known(vm_id, hostname):
            return known
        try:
            with transaction.atomic():
                if wanted is not None:
                    return _take(_address(wanted), subnet, facts)
                return _allocate_next(_required(subnet), pool, facts)
        except IntegrityError:
            continue  # the same VM, or the same address, in another process: look again
    raise Conflict(_("Too many callers want this address at once."), _("Try again."))


def next_free(subnet: Subnet) -> Address | None:
    """The address that `allocate` would hand out now. Nothing is written or promised."""
    if row := IPAddress.objects.claimable(subnet).first():
        return row.ip_address
    large = (settle.peek(pool) for pool in _large(subnet, None))
    return next((address for address in large if address), None)


def hold_next(subnet: Subnet, mac_address: str | None = None) -> IPAddress:
    """The next free row, which nobody else gets before the transaction ends: time to give it to a server.

    Raises Exhausted.
    """

    def hold(wait: bool) -> IPAddress | None:
        free = IPAddress.objects.claimable(subnet, mac=mac_address)
        return free.select_for_update(of=("self",), skip_locked=not wait).first()

    return _next(subnet, None, mac_address, hold)


def reserve_next(subnet: Subnet, description: str = "") -> IPAddress:
    """Keep the next free address of the subnet by hand. Raises Exhausted."""
    with transaction.atomic():
        return _turn(hold_next(subnet), "reserved", description)


def reserve(address: IPAddress, description: str = "", *, detach: bool = False) -> IPAddress:
    """Keep a free address by hand; a reserved one gets the new description.

    `detach` takes the address away from the server that holds it, and keeps it reserved.
    Raises Conflict, which names the holder.
    """
    with transaction.atomic():
        row = _locked(address)
        if row.server_id and detach:
            row = _detach(row)
        if row.status not in ("available", "reserved"):
            raise _held(row)
        return _turn(row, "reserved", description)


def quarantine(address: IPAddress, description: str = "") -> IPAddress:
    """Take an address out of use because something is wrong with it. Raises Conflict while a server or VM has it."""
    with transaction.atomic():
        row = _locked(address)
        if row.server_id or row.vm_id:
            raise _held(row)
        return _turn(row, "quarantine", description)


def release(address: IPAddress) -> IPAddress:
    """Make an allocated, reserved or quarantined address free again.

    The row is returned; outside the static pools it is deleted, and the returned row has no key.
    Raises Conflict when a server holds it: its address is changed on the server.
    """
    with transaction.atomic():
        row = _locked(address)
        if row.server_id:
            raise Conflict(
                _("%(address)s is taken by %(holder)s.") % {"address": row, "holder": row.holder},
                _("Change or delete the server; its address is freed by that."),
            )
        if row.pk is None or row.status == "available":
            return row
        rows.clear(row)
        if row.ip_type == "static" and row.subnet and row.ip_address not in settle.never_free(row.subnet):
            rows.update([row])
        else:
            row.delete()
        return row


def find(address: Address | str, vrf_id: int | None = None) -> IPAddress:
    """The row of an address, or a new one that is not saved yet. Raises Invalid."""
    parsed = _address(address)
    row = IPAddress.objects.filter(vrf=vrf_id, ip_address=parsed).first()
    return row or IPAddress(vrf_id=vrf_id, ip_address=parsed)


# --- how ------------------------------------------------------------------------------------------------


def _known(vm_id: str | None, hostname: str) -> IPAddress | None:
    row = IPAddress.objects.filter(vm_id=vm_id).first() if vm_id else None
    if row and hostname and row.hostname != hostname:
        row.hostname = hostname
        rows.update([row])
    return row


def _allocate_next(subnet: Subnet, pool: Pool | None, facts: dict) -> IPAddress:
    first, last = _span(pool)
    return _next(subnet, pool, facts["mac_address"], lambda wait: claim(subnet, facts, first, last, wait=wait))


def _next(
    subnet: Subnet, pool: Pool | None, mac_address: str | None, take: Callable[[bool], IPAddress | None]
) -> IPAddress:
    """The next free address. Rows locked by others are skipped at first; before "exhausted" we wait for them."""
    while True:
        for wait in (False, True):
            if row := take(wait):
                return row
        if IPAddress.objects.claimable(subnet, *_span(pool), mac_address).exists():
            continue
        if not any(settle.extend(large, ready(subnet.vrf_id, mac_address)) for large in _large(subnet, pool)):
            raise Exhausted(
                _("%s has no free address.") % (pool or subnet), _("Widen a static pool or release an address.")
            )


def _span(pool: Pool | None) -> tuple[Address | None, Address | None]:
    return (pool.first, pool.last) if pool else (None, None)


def _large(subnet: Subnet, pool: Pool | None) -> list[Pool]:
    """The pools whose rows are made as they are needed, those that have been walked to their end left out."""
    pools = [pool] if pool else list(subnet.pools.filter(kind="static").order_by("first"))
    return [pool for pool in pools if pool.size > settle.MATERIALISED and pool.materialised_to != pool.last]


def _take(wanted: Address, subnet: Subnet | None, facts: dict) -> IPAddress:
    """The wanted address and no other."""
    subnet = subnet or Subnet.objects.containing(wanted)
    if subnet is None:
        raise NotFound(_("%s lies in no subnet.") % wanted, _("Make the subnet first."))
    if row := claim(subnet, facts, wanted, wanted, wait=True):
        return row
    row = find(wanted, subnet.vrf_id)
    if row.pk and row.status != "available":
        raise _held(row)
    for name, value in facts.items():
        setattr(row, name, value)
    row.status = "allocated"
    try:
        row.save()
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from error
    return row


def claim(
    subnet: Subnet, facts: dict, first: Address | None, last: Address | None, *, wait: bool
) -> IPAddress | None:
    """Turn the first claimable row into an allocated one, in one statement where the database can."""
    if connection.vendor == "postgresql":
        return IPAddress.objects.claim(subnet, facts, first, last, wait=wait)
    row = IPAddress.objects.claimable(subnet, first, last, facts["mac_address"]).first()
    if row:
        for name, value in facts.items():
            setattr(row, name, value)
        row.status, row.freed_at = "allocated", None
        rows.update([row])
    return row


def _turn(row: IPAddress, status: str, description: str) -> IPAddress:
    if row.status != status and not row.server_id and not row.vm_id:
        rows.clear(row)
        row.freed_at = None
    row.status = status
    row.description = description or row.description
    try:
        row.save()
    except ValidationError as error:
        raise Conflict(" ".join(error.messages)) from error
    return row


def _detach(row: IPAddress) -> IPAddress:
    """Take the address away from its server, card by card."""
    server = Server.objects.get(pk=row.server_id)
    for nic in server.interfaces.filter(ip_address=row.ip_address):
        nic.ip_address = None
        nic.save()
    if server.ip_address == row.ip_address:
        server.ip_address = None
        server.save()
    return find(row.ip_address, row.vrf_id)


def _locked(address: IPAddress) -> IPAddress:
    """The row as it is now, locked until the transaction ends; a row that is not saved yet as it stands."""
    if address.pk is None:
        address.subnet = Subnet.objects.containing(address.ip_address, address.vrf_id)
        return address
    row = IPAddress.objects.select_for_update(of=("self",)).select_related("server", "subnet").filter(pk=address.pk)
    if found := row.first():
        return found
    raise NotFound(_("%s is no longer in the ledger.") % address, _("Reload the page."))


def _required(subnet: Subnet | None) -> Subnet:
    if subnet is None:
        raise Invalid(_("Say which subnet or pool the address shall come from."))
    return subnet


def _address(value: Address | str) -> Address:
    try:
        return addresses.parse_address(value)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _held(row: IPAddress) -> Conflict:
    return Conflict(
        _("%(address)s is taken by %(holder)s.") % {"address": row.ip_address, "holder": row.holder},
        _("Choose another address, or release this one first."),
    )
