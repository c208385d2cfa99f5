"""Hand out addresses and take them back: allocate, reserve, release, quarantine.

Two callers never get one address: the row is claimed under a lock that others skip, and the unique
keys on address and VM have the last word. Errors are ipmanager.errors: Conflict names the holder,
Exhausted the pool."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, Exhausted, Invalid, NotFound
from ipam import addresses, freeze
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Server, Subnet
from ipam.placement import address_rows, pool_rows
from ipam.querysets import lock_ledger, ready

T = TypeVar("T")
# What breaks a line in a log or a terminal, and what no database stores.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Given:
    """What an allocation gave; `again` when the VM had it already."""

    row: IPAddress
    again: bool = False


@dataclass(frozen=True)
class Where:
    """Where the next free address may come from: a subnet's static pools, or one pool; from `start`
    upwards."""

    subnet: Subnet
    pool: Pool | None = None
    start: Address | None = None

    @property
    def span(self) -> tuple[Address | None, Address | None]:
        """The first and the last address that may be had; None and None when any of the subnet's
        will do."""
        if self.pool:
            return max(self.start or self.pool.first, self.pool.first), self.pool.last
        return (self.start, self.subnet.network[-1]) if self.start else (None, None)


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
) -> IPAddress:
    """Give an address of the subnet's static pools, or of one pool, to a VM or to whoever asks.

    Never-used addresses go first, then those that have been free for longest; with `not_before`
    only this address and higher ones. With `vm_id` the call is idempotent: a VM that has an address
    gets it again (and its new host name is noted). With `wanted` it is that address or none; with
    `else_next` too, the next one where that is held.

    Raises Exhausted when nothing is free, Conflict when the wanted address has a holder or the VM
    an address elsewhere, Invalid when nobody may have it, Frozen while a restored ledger has not
    been compared with the leases."""
    return give(
        subnet,
        pool=pool,
        wanted=wanted,
        else_next=else_next,
        not_before=not_before,
        vm_id=vm_id,
        hostname=hostname,
        mac_address=mac_address,
    ).row


def give(
    subnet: Subnet | None = None,
    *,
    pool: Pool | None = None,
    wanted: Address | str | None = None,
    else_next: bool = False,
    not_before: Address | str | None = None,
    vm_id: str | None = None,
    hostname: str = "",
    mac_address: str | None = None,
) -> Given:
    """What `allocate` does, and whether the VM had the address already."""
    subnet = pool.subnet if pool else subnet
    address = None if wanted is None else _address(wanted)
    where = _where(subnet, pool, not_before) if subnet else None
    noted = facts(vm_id, hostname, mac_address)
    for _attempt in range(3):
        try:
            with _whole():
                given = (
                    _take(address, subnet, pool, noted) if address else _allocate_next(where, noted)
                )
        except IntegrityError:
            continue  # the same VM, or the same address, in another process: look again
        except Conflict:
            if not (address and else_next):
                raise
            address = None
            continue
        if not given.again or _still_right(
            given.row, None if else_next else address, subnet, hostname
        ):
            return given
    raise Conflict(_("Too many callers want this address at once."), _("Try again."))


def next_free(
    subnet: Subnet, pool: Pool | None = None, not_before: Address | str | None = None
) -> Address | None:
    """The address that `allocate` would hand out now. Nothing is written or promised."""
    where = _where(subnet, pool, not_before)
    if row := IPAddress.objects.claimable(subnet, *where.span).first():
        return row.ip_address
    large = (pool_rows.peek(pool, where.start) for pool in _large(where))
    return next((address for address in large if address), None)


def hold_next(subnet: Subnet, mac_address: str | None = None) -> IPAddress:
    """The next free row, which nobody else gets before the transaction ends: time to give it to a
    server.

    Raises Exhausted.
    """

    def hold(wait: bool) -> IPAddress | None:
        free = IPAddress.objects.claimable(subnet, mac=mac_address)
        return free.select_for_update(of=("self",), skip_locked=not wait).first()

    lock_ledger()
    return _next(Where(subnet), mac_address, hold)


def reserve_next(subnet: Subnet, description: str = "") -> IPAddress:
    """Keep the next free address of the subnet by hand. Raises Exhausted."""
    with transaction.atomic():
        lock_ledger()
        return _turn(hold_next(subnet), "reserved", description)


def reserve(address: IPAddress, description: str = "", *, detach: bool = False) -> IPAddress:
    """Keep a free address by hand; a reserved one gets the new description.

    `detach` takes the address away from the server that holds it, and keeps it reserved.
    Raises Conflict, which names the holder.
    """
    with transaction.atomic():
        lock_ledger()
        row = _locked(address)
        if row.server_id and detach:
            row = _detach(row)
        if row.status not in ("available", "reserved"):
            raise _held(row)
        return _turn(row, "reserved", description)


def quarantine(address: IPAddress, description: str = "") -> IPAddress:
    """Take an address out of use because something is wrong with it. Raises Conflict while a server
    or VM has it."""
    with transaction.atomic():
        lock_ledger()
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
        lock_ledger(shared=True)
        row = _locked(address)
        if row.server_id:
            raise Conflict(
                _("%(address)s is taken by %(holder)s.") % {"address": row, "holder": row.holder},
                _("Change or delete the server; its address is freed by that."),
            )
        if row.pk is None or row.status == "available":
            return row
        address_rows.clear(row)
        if (
            row.ip_type == "static"
            and row.subnet
            and row.ip_address not in pool_rows.never_free(row.subnet)
        ):
            address_rows.update([row])
        else:
            row.delete()
        return row


def find(address: Address | str, vrf_id: int | None = None) -> IPAddress:
    """The row of an address, or a new one that is not saved yet. Raises Invalid."""
    parsed = _address(address)
    row = IPAddress.objects.filter(vrf=vrf_id, ip_address=parsed).first()
    return row or IPAddress(vrf_id=vrf_id, ip_address=parsed)


# --- how ------------------------------------------------------------------------------------------


def facts(vm_id: str | None, hostname: str, mac_address: str | None) -> dict[str, str | None]:
    """What will be written about the holder, fit for every column and every log. Raises Invalid."""
    for text in (vm_id or "", hostname):
        if not is_safe(text):
            raise Invalid(
                _("VM ids and host names have at most 255 characters, and no control characters.")
            )
    try:
        mac = addresses.parse_mac(mac_address) if mac_address else None
    except ValueError as error:
        raise Invalid(str(error)) from error
    return {"vm_id": vm_id or None, "hostname": hostname, "mac_address": mac}


def is_safe(text: str) -> bool:
    """Whether a VM's id or name fits into every column, log and terminal."""
    return len(text) <= 255 and not _UNSAFE.search(text)


def _whole() -> AbstractContextManager[object]:
    """All or nothing. PostgreSQL claims in one statement, which is whole without a transaction
    around it: two round trips less. Inside somebody's transaction, a savepoint keeps a refused
    unique key from spoiling that."""
    alone = connection.vendor == "postgresql" and not connection.in_atomic_block
    return nullcontext() if alone else transaction.atomic()


def _still_right(
    row: IPAddress, wanted: Address | None, subnet: Subnet | None, hostname: str
) -> bool:
    """Note the new name of a VM that asks again; False when it lost its address meanwhile.

    Raises Conflict when what it has is not what it asks for.
    """
    elsewhere = subnet and (row.vrf_id != subnet.vrf_id or row.ip_address not in subnet.network)
    if elsewhere or (wanted and wanted != row.ip_address):
        raise Conflict(
            _("VM “%(vm)s” has %(address)s already.")
            % {"vm": row.vm_id, "address": row.ip_address},
            _("Release that address first."),
        )
    if not hostname or row.hostname == hostname:
        return True
    with transaction.atomic():
        locked = IPAddress.objects.select_for_update().filter(pk=row.pk, vm_id=row.vm_id).first()
        if locked:
            locked.hostname = row.hostname = hostname
            address_rows.update([locked], ["hostname"])
        return locked is not None


def _where(subnet: Subnet, pool: Pool | None, not_before: Address | str | None) -> Where:
    if not_before is None:
        return Where(subnet, pool)
    start, area = _address(not_before), pool or subnet.network
    if start not in subnet.network or (pool and start > pool.last):
        raise Invalid(_("%(address)s is not in %(network)s.") % {"address": start, "network": area})
    return Where(subnet, pool, start)


def _allocate_next(where: Where | None, facts: dict) -> Given:
    if where is None:
        raise Invalid(_("Say which subnet or pool the address shall come from."))
    first, last = where.span
    return _next(
        where, facts["mac_address"], lambda wait: claim(where.subnet, facts, first, last, wait=wait)
    )


def _next(where: Where, mac_address: str | None, take: Callable[[bool], T | None]) -> T:
    """The next free address. Rows locked by others are skipped at first; before "exhausted" we wait
    for them."""
    subnet = where.subnet
    while True:
        for wait in (False, True):
            if found := take(wait):
                return found
        freeze.refuse()
        if IPAddress.objects.claimable(subnet, *where.span, mac_address).exists():
            continue
        free = ready(subnet.vrf_id, mac_address)
        if not any(pool_rows.extend(large, free, where.start) for large in _large(where)):
            raise Exhausted(
                _("%s has no free address.") % (where.pool or subnet),
                _("Widen a static pool or release an address."),
            )


def _large(where: Where) -> list[Pool]:
    """The pools whose rows are made as they are needed, those that have been walked to their end
    left out."""
    pools = (
        [where.pool]
        if where.pool
        else list(where.subnet.pools.filter(kind="static").order_by("first"))
    )
    return [
        pool
        for pool in pools
        if pool.size > pool_rows.MATERIALISED and pool.materialised_to != pool.last
    ]


def _take(wanted: Address, subnet: Subnet | None, pool: Pool | None, facts: dict) -> Given:
    """The wanted address and no other."""
    subnet = subnet or Subnet.objects.containing(wanted)
    if subnet is None:
        raise NotFound(_("%s lies in no subnet.") % wanted, _("Make the subnet first."))
    if wanted not in subnet.network or (pool and not pool.first <= wanted <= pool.last):
        raise Invalid(
            _("%(address)s is not in %(network)s.")
            % {"address": wanted, "network": pool or subnet.network}
        )
    if given := claim(subnet, facts, wanted, wanted, wait=True):
        return given
    freeze.refuse()
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
    return Given(row)


def claim(
    subnet: Subnet, facts: dict, first: Address | None, last: Address | None, *, wait: bool
) -> Given | None:
    """What the VM has already, or the first claimable row turned into its own; in one statement
    where the database can."""
    if connection.vendor == "postgresql":
        found = IPAddress.objects.claim(subnet, facts, first, last, wait=wait)
        return Given(found, again=found.known) if found else None  # type: ignore[attr-defined]  # of the statement
    if facts["vm_id"] and (known := IPAddress.objects.filter(vm_id=facts["vm_id"]).first()):
        return Given(known, again=True)
    row = IPAddress.objects.claimable(subnet, first, last, facts["mac_address"]).first()
    if row is None:
        return None
    for name, value in facts.items():
        setattr(row, name, value)
    row.status, row.freed_at = "allocated", None
    address_rows.update([row])
    return Given(row)


def _turn(row: IPAddress, status: str, description: str) -> IPAddress:
    if row.status != status and not row.server_id and not row.vm_id:
        address_rows.clear(row)
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
    server = Server.objects.get(addresses=row.pk)
    for nic in server.interfaces.filter(ip_address=row.ip_address):
        nic.ip_address = None
        nic.save()
    if server.ip_address == row.ip_address:
        server.ip_address = None
        server.save()
    return find(row.ip_address, row.vrf_id)


def _locked(address: IPAddress) -> IPAddress:
    """The row as it is now, locked until the transaction ends; a row that is not saved yet as it
    stands."""
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
    raise NotFound(_("%s is no longer in the ledger.") % address, _("Reload the page."))


def _address(value: Address | str) -> Address:
    try:
        return addresses.parse_address(value)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _held(row: IPAddress) -> Conflict:
    return Conflict(
        _("%(address)s is taken by %(holder)s.")
        % {"address": row.ip_address, "holder": row.holder},
        _("Choose another address, or release this one first."),
    )
