"""Allocate addresses and take them back: allocate, reserve, release, quarantine.

No address is given to two callers: the row is claimed under a lock that other claims skip, and the
unique keys on address and VM have the last word. Errors are those of core.errors: Conflict names
the holder, Exhausted the subnet or pool."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, Exhausted, Invalid, NotFound, Reason
from ipam import addresses, freeze, rules
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Server, Subnet
from ipam.placement import address_rows, pool_rows, unpooled
from ipam.querysets import allocatable, lock_ledger, say_site
from ipam.rules import taken
from ipam.sightings import ask
from ipam.signals import changed
from ipam.usage.children import children_with_free

T = TypeVar("T")
Holder = dict[str, str | None]  # the columns vm_id, hostname and mac_address of an address row
_ATTEMPTS = 3
NAMED = 5  # child subnets in the hint of an error
# Control characters, which break lines in a log or a terminal, and lone surrogates, which no
# database stores.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Allocation:
    """An address that `allocate` gave; `existing` when the VM had it before."""

    row: IPAddress
    existing: bool = False


@dataclass(frozen=True)
class Source:
    """Where the next free address may come from: the static pools of a subnet (its host addresses
    where it has none), or one pool, from `start` upwards."""

    subnet: Subnet
    pool: Pool | None = None
    start: Address | None = None

    @property
    def first(self) -> Address | None:
        """The lowest address; None when any address of the subnet will do."""
        if not self.pool:
            return self.start
        return max(self.start or self.pool.first, self.pool.first)

    @property
    def last(self) -> Address | None:
        """The highest address; None when any address of the subnet will do."""
        if self.pool:
            return self.pool.last
        return self.subnet.network[-1] if self.start else None


def allocate(
    subnet: Subnet | None = None,
    *,
    pool: Pool | None = None,
    wanted: Address | str | None = None,
    else_next: bool = False,
    not_before: Address | str | None = None,
    vm_id: str | None = None,
    hostname: str = "",
    mac_address: str | None = None,
) -> Allocation:
    """Allocate an address from a subnet's static pools, or from one pool.

    Addresses that were never used come first, then those that have been free for longest; with
    `not_before`, only that address and higher ones. A subnet without a static pool gives its lowest
    free host address outside gateway, DHCP pools and child subnets.

    With `vm_id` the call is idempotent: a VM that has an address gets it again, and its new host
    name and MAC address are stored. With `wanted` it is that address or none; with `else_next` too,
    the next one if somebody holds it. With `mac_address` DHCP gives the address to that machine,
    and no other may have the MAC address.

    Raises Exhausted when nothing is free, Conflict when the wanted address has a holder or the VM
    an address elsewhere, Invalid when no machine may have the address, Frozen while a restored
    ledger has not been compared with the leases."""
    if pool:
        subnet = pool.subnet
    holder = facts(vm_id, hostname, mac_address)
    find = partial(_allocate, subnet, pool, wanted, else_next, not_before, holder)
    if subnet and wanted is None:
        _ask_first(_source(subnet, pool, not_before), holder["mac_address"])
    if not holder["mac_address"]:
        return find()
    with transaction.atomic():
        lock_ledger()
        _refuse_known_mac(holder, subnet or _subnet_around(wanted))
        found = find()
        changed.send(IPAddress, instances=[found.row])
        return found


def _allocate(
    subnet: Subnet | None,
    pool: Pool | None,
    wanted: Address | str | None,
    else_next: bool,
    not_before: Address | str | None,
    holder: Holder,
) -> Allocation:
    """`allocate`, without what DHCP has to know of a MAC address."""
    address = None if wanted is None else _address(wanted)
    source = _source(subnet, pool, not_before) if subnet else None
    for _attempt in range(_ATTEMPTS):
        try:
            with _all_or_nothing():
                found = (
                    _allocate_wanted(address, subnet, pool, holder)
                    if address
                    else _allocate_next(source, holder)
                )
        except IntegrityError:
            continue  # another process took the address, or gave this VM one: read again
        except Conflict:
            if not address or not else_next:
                raise
            address = None
            continue
        if not found.existing:
            return found
        _refuse_elsewhere(found.row, None if else_next else address, subnet)
        if _store_facts(found.row, holder):
            return found
    raise Conflict(Reason(_("Too many callers want this address at once.")), _("Try again."))


def _refuse_known_mac(holder: Holder, subnet: Subnet | None) -> None:
    """Raise Conflict when another machine has the MAC address. The ledger is locked."""
    if subnet is None:
        return
    own = None
    if holder["vm_id"]:
        own = IPAddress.objects.filter(vm_id=holder["vm_id"]).values_list("pk", flat=True).first()
    mac, version = holder["mac_address"] or "", subnet.network.version
    if message := rules.mac_holder(mac, subnet.vrf_id, version, own):
        raise Conflict(message, _("Give each machine its own MAC address."))


def _subnet_around(wanted: Address | str | None) -> Subnet | None:
    return Subnet.objects.containing(_address(wanted)) if wanted else None


def next_free(
    subnet: Subnet, pool: Pool | None = None, not_before: Address | str | None = None
) -> Address | None:
    """The address that `allocate` would give now, or None. Nothing is written or reserved."""
    source = _source(subnet, pool, not_before)
    row = IPAddress.objects.claimable(subnet, source.first, source.last).first()
    if row:
        return row.ip_address
    for large in _large_pools(source):
        if address := pool_rows.next_without_row(large, source.start):
            return address
    return _next_unpooled(source)


def hold_next(
    subnet: Subnet, mac_address: str | None = None, pool: Pool | None = None
) -> IPAddress:
    """The next free row, locked until the transaction ends, so that it can be given to a server.

    In a subnet without a static pool it is a new row, which is not saved. Raises Exhausted."""
    source = Source(subnet, pool)
    _ask_first(source, mac_address)

    def hold(wait: bool) -> IPAddress | None:
        free = IPAddress.objects.claimable(subnet, source.first, source.last, mac_address)
        return free.select_for_update(of=("self",), skip_locked=not wait).first()

    lock_ledger()
    if row := _next(source, mac_address, hold):
        return row
    if address := _next_unpooled(source, mac_address):
        return IPAddress(vrf_id=subnet.vrf_id, subnet=subnet, ip_address=address)
    raise _exhausted(source)


def reserve_next(subnet: Subnet, description: str = "") -> IPAddress:
    """Reserve the next free address of the subnet. Raises Exhausted."""
    with transaction.atomic():
        lock_ledger()
        return _set_status(hold_next(subnet), "reserved", description)


def reserve(address: IPAddress, description: str = "", *, detach: bool = False) -> IPAddress:
    """Reserve a free address; a reserved one gets the new description.

    `detach` takes the address away from the server that holds it, and reserves it. Raises Conflict,
    which names the holder."""
    with transaction.atomic():
        lock_ledger()
        row = _locked(address)
        if row.server_id and detach:
            row = _detach(row)
        if row.status not in ("available", "reserved"):
            raise _held(row)
        return _set_status(row, "reserved", description)


def take_from_server(address: IPAddress) -> IPAddress:
    """Take the address away from the server that holds it. Return the row: free, or reserved as
    before; one that was deleted has no key."""
    with transaction.atomic():
        lock_ledger()
        row = _locked(address)
        if not row.server_id:
            return row
        return _detach(row)


def quarantine(address: IPAddress, description: str = "") -> IPAddress:
    """Take an address out of use because something is wrong with it. Raises Conflict while a server
    or VM holds it."""
    with transaction.atomic():
        lock_ledger()
        row = _locked(address)
        if row.server_id or row.vm_id:
            raise _held(row)
        return _set_status(row, "quarantine", description)


def release(address: IPAddress) -> IPAddress:
    """Free an allocated, reserved or quarantined address.

    Return the row; outside the static pools it is deleted, and has no key any more. Raises Conflict
    when a server holds it: that address is changed at the server."""
    with transaction.atomic():
        lock_ledger(shared=True)
        row = _locked(address)
        if row.server_id:
            raise Conflict(
                taken(row), _("Change or delete the server; its address is freed by that.")
            )
        if row.pk is None or row.status == "available":
            return row
        if row.is_dhcp_allocation:
            changed.send(IPAddress, instances=[row])
        address_rows.clear(row)
        if _stays_when_free(row):
            address_rows.update([row])
        else:
            row.delete()
        return row


def find(address: Address | str, vrf_id: int | None = None) -> IPAddress:
    """The row of an address, or a new row that is not saved yet. Raises Invalid."""
    parsed = _address(address)
    row = IPAddress.objects.filter(vrf=vrf_id, ip_address=parsed).first()
    return row or IPAddress(vrf_id=vrf_id, ip_address=parsed)


# --- how ------------------------------------------------------------------------------------------


def facts(vm_id: str | None, hostname: str, mac_address: str | None) -> Holder:
    """The holder's columns, checked: they fit into every column and every log. Raises Invalid."""
    if not is_safe(vm_id or "") or not is_safe(hostname):
        text = _("VM ids and host names have at most 255 characters, and no control characters.")
        raise Invalid(Reason(text))
    try:
        mac = addresses.parse_mac(mac_address) if mac_address else None
    except ValueError as error:
        raise Invalid(Reason(error)) from error
    return {"vm_id": vm_id or None, "hostname": hostname, "mac_address": mac}


def is_safe(text: str) -> bool:
    """Whether a VM's id or name fits into every column, log and terminal."""
    return len(text) <= 255 and not _UNSAFE.search(text)


def _stays_when_free(row: IPAddress) -> bool:
    """Whether the row may be allocated again; every other free row is deleted."""
    if row.ip_type != "static" or not row.subnet:
        return False
    return row.ip_address not in pool_rows.never_allocated(row.subnet)


def _all_or_nothing() -> AbstractContextManager[object]:
    """A transaction or savepoint, unless one statement does it all.

    PostgreSQL claims in one statement, which needs no transaction around it: two round trips less.
    Inside the caller's transaction, a savepoint keeps a refused unique key from spoiling that."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        return nullcontext()
    return transaction.atomic()


def _refuse_elsewhere(row: IPAddress, wanted: Address | None, subnet: Subnet | None) -> None:
    """Raise Conflict when the address that the VM has is not one that the caller asks for."""
    fits = not wanted or wanted == row.ip_address
    if subnet:
        fits = fits and row.vrf_id == subnet.vrf_id and row.ip_address in subnet.network
    if not fits:
        text = _("VM “%(vm)s” has %(address)s already.")
        names = {"vm": row.vm_id, "address": row.ip_address}
        raise Conflict(Reason(text % names, row), _("Release that address first."))


def _store_facts(row: IPAddress, holder: Holder) -> bool:
    """Store the new name or MAC address of a VM that asks again; False when it has lost its address
    meanwhile."""
    new = {}
    for column in ("hostname", "mac_address"):
        if holder[column] and getattr(row, column) != holder[column]:
            new[column] = holder[column]
    if not new:
        return True
    with transaction.atomic():
        say_site()
        locked = IPAddress.objects.select_for_update().filter(pk=row.pk, vm_id=row.vm_id).first()
        if locked is None:
            return False
        for column, value in new.items():
            setattr(locked, column, value)
            setattr(row, column, value)
        address_rows.update([locked], list(new))
        return True


def _source(subnet: Subnet, pool: Pool | None, not_before: Address | str | None) -> Source:
    if not_before is None:
        return Source(subnet, pool)
    start = _address(not_before)
    if start not in subnet.network or (pool and start > pool.last):
        raise _not_in(start, pool or subnet.network)
    return Source(subnet, pool, start)


def _allocate_next(source: Source | None, holder: Holder) -> Allocation:
    """The next free address."""
    if source is None:
        raise Invalid(Reason(_("Specify a subnet or a pool.")))

    def take(wait: bool) -> Allocation | None:
        return claim(source.subnet, holder, source.first, source.last, wait=wait)

    found = _next(source, holder["mac_address"], take) or _allocate_unpooled(source, holder)
    if found is None:
        raise _exhausted(source)
    return found


def _ask_first(source: Source, mac_address: str | None) -> None:
    """Whether somebody answers at the next addresses, where that can be asked."""

    def candidates(number: int) -> list[Address]:
        subnet, first, last = source.subnet, source.first, source.last
        free = IPAddress.objects.claimable(subnet, first, last, mac_address)
        found = list(free.values_list("ip_address", flat=True)[:number])
        unpooled_next = None if found else _next_unpooled(source, mac_address)
        return found or [unpooled_next] * (unpooled_next is not None)

    ask.before_handout(source.subnet, candidates)


def _next(source: Source, mac_address: str | None, take: Callable[[bool], T | None]) -> T | None:
    """What `take` finds in the static pools. It skips rows that others have locked at first, and
    waits for them before the source counts as exhausted: None."""
    subnet = source.subnet
    while True:
        for wait in (False, True):
            if found := take(wait):
                return found
        freeze.refuse()
        free = IPAddress.objects.claimable(subnet, source.first, source.last, mac_address)
        if not free.exists() and not _create_more_rows(source, mac_address):
            return None


def _allocate_unpooled(source: Source, holder: Holder) -> Allocation | None:
    """The next address of a subnet without a static pool, as a new row. Under the ledger's lock, so
    that callers at the same time each get their own, and a VM only one."""
    if source.pool:
        return None
    with transaction.atomic():
        lock_ledger()
        freeze.refuse()
        if found := claim(source.subnet, holder, source.first, source.last, wait=True):
            return found
        address = _next_unpooled(source, holder["mac_address"])
        if address is None:
            return None
        row = IPAddress(vrf_id=source.subnet.vrf_id, subnet=source.subnet, ip_address=address)
        _give(row, holder)
        row.ip_type = "dhcp"  # as every row outside of static pools
        address_rows.create([row])
        return Allocation(row)


def _next_unpooled(source: Source, mac_address: str | None = None) -> Address | None:
    if source.pool:
        return None
    return unpooled.next_address(source.subnet, source.first, source.last, mac_address)


def _exhausted(source: Source) -> Exhausted:
    """The error that says where else there are free addresses."""
    text = _("%s has no free address.")
    error = Exhausted(
        Reason(text % (source.pool or source.subnet), source.subnet),
        _("Widen a static pool or release an address."),
    )
    if source.pool is None and (children := children_with_free(source.subnet)):
        names = ", ".join(f"{child.network} ({child.free})" for child in children[:NAMED])
        error.hint = _("Allocate from a subnet inside it that has free addresses: %s.") % names
        error.details = {"children": [child.as_dict() for child in children]}
    return error


def _create_more_rows(source: Source, mac_address: str | None) -> bool:
    """Whether there are more rows now in one of the large pools."""
    free = allocatable(source.subnet.vrf_id, mac_address)
    return any(
        pool_rows.create_next_chunk(large, free, source.start) for large in _large_pools(source)
    )


def _large_pools(source: Source) -> list[Pool]:
    """The pools whose rows are created as they are needed, without those that have been walked to
    their end."""
    if source.pool:
        pools = [source.pool]
    else:
        pools = list(source.subnet.pools.filter(kind="static").order_by("first"))
    return [pool for pool in pools if pool_rows.has_more_rows(pool)]


def _allocate_wanted(
    wanted: Address, subnet: Subnet | None, pool: Pool | None, holder: Holder
) -> Allocation:
    """The wanted address and no other, inside or outside the static pools."""
    subnet = subnet or Subnet.objects.containing(wanted)
    if subnet is None:
        text = _("%s lies in no subnet.")
        raise NotFound(Reason(text % wanted), _("Create the subnet first."))
    if wanted not in subnet.network or (pool and not pool.first <= wanted <= pool.last):
        raise _not_in(wanted, pool or subnet.network)
    if found := claim(subnet, holder, wanted, wanted, wait=True):
        return found
    freeze.refuse()
    row = find(wanted, subnet.vrf_id)
    if row.pk and row.status != "available":
        raise _held(row)
    _give(row, holder)
    try:
        row.save()
    except ValidationError as error:
        raise Invalid(Reason.joined(error.messages)) from error
    return Allocation(row)


def claim(
    subnet: Subnet, holder: Holder, first: Address | None, last: Address | None, *, wait: bool
) -> Allocation | None:
    """The row that the VM has already, or the first free one given to it; None when there is none.
    On PostgreSQL it is one statement."""
    if connection.vendor == "postgresql":
        found: Any = IPAddress.objects.claim(subnet, holder, first, last, wait=wait)
        return found and Allocation(found, existing=found.known)
    if holder["vm_id"]:
        known = IPAddress.objects.filter(vm_id=holder["vm_id"]).first()
        if known:
            return Allocation(known, existing=True)
    row = IPAddress.objects.claimable(subnet, first, last, holder["mac_address"]).first()
    if row is None:
        return None
    _give(row, holder)
    row.freed_at = None
    address_rows.update([row])
    return Allocation(row)


def _give(row: IPAddress, holder: Holder) -> None:
    """Allocate the row in memory."""
    for column, value in holder.items():
        setattr(row, column, value)
    row.status = "allocated"


def _set_status(row: IPAddress, status: str, description: str) -> IPAddress:
    if row.status != status and not row.server_id and not row.vm_id:
        address_rows.clear(row)
        row.freed_at = None
    row.status = status
    row.description = description or row.description
    try:
        row.save()
    except ValidationError as error:
        raise Conflict(Reason.joined(error.messages)) from error
    return row


def _detach(row: IPAddress) -> IPAddress:
    """Take the address away from its server and from its interfaces."""
    server = Server.objects.get(addresses=row.pk)
    for nic in server.interfaces.filter(ip_address=row.ip_address):
        nic.ip_address = None
        nic.save()
    if server.ip_address == row.ip_address:
        server.ip_address = None
        server.save()
    return find(row.ip_address, row.vrf_id)


def _locked(address: IPAddress) -> IPAddress:
    """The row as it is now, locked until the transaction ends; a row that is not saved yet is
    returned unchanged."""
    if address.pk is None:
        address.subnet = Subnet.objects.containing(address.ip_address, address.vrf_id)
        return address
    row = (
        IPAddress.objects.select_for_update(of=("self",))
        .select_related("server", "subnet")
        .filter(pk=address.pk)
    )
    if found := row.first():
        return found
    text = _("%s is no longer in the ledger.")
    raise NotFound(Reason(text % address), _("Reload the page."))


def _address(value: Address | str) -> Address:
    try:
        return addresses.parse_address(value)
    except ValueError as error:
        raise Invalid(Reason(error)) from error


def _not_in(address: Address, area: object) -> Invalid:
    """`area` is the network or the pool that the caller has named."""
    text = _("%(address)s is not in %(network)s.")
    return Invalid(Reason(text % {"address": address, "network": area}))


def _held(row: IPAddress) -> Conflict:
    return Conflict(taken(row), _("Choose another address, or release this one first."))
