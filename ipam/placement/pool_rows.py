"""Keep the address rows of subnets in step with subnets and pools: which subnet a row belongs to,
whether it is static or dhcp, and which free rows exist.

A small static pool has a free row for each of its addresses. Pools above MATERIALISED addresses are
counted by arithmetic; `create_next_chunk` creates their rows as allocation needs them, and
`Pool.materialised_to` says how far it has come."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import filterfalse, islice

from django.db import DatabaseError, transaction
from django.db.models import Q

from ipam import addresses
from ipam.addresses import Address, Network
from ipam.models import IPAddress, Pool, Subnet
from ipam.placement import address_rows
from ipam.placement.spans import Spans
from ipam.querysets import SubnetIndex, hurry, lock_ledger

logger = logging.getLogger(__name__)
MATERIALISED = 4096
_OTHER_TYPE = {"static": "dhcp", "dhcp": "static"}
CHUNK = 1024  # rows that one allocation now and then creates: some ten milliseconds
LOW = CHUNK // 4  # free rows that are left when the next chunk is created
FEW = 100  # pools of a subnet that a statement can name one by one
_KEYS_AT_ONCE = 900
_WINDOW = 4096  # addresses that are compared with the table at once, at most


# --- after a change of a subnet or pool -----------------------------------------------------------


def subnet_changed(subnet: Subnet, before: Subnet | None = None) -> None:
    """After a subnet was created or changed (`before` is what it was): take over its rows, give up
    those outside and the network that it no longer has, and create or delete free rows."""
    with transaction.atomic():
        _take_over_rows(subnet)
        if before and before.network != subnet.network:
            _give_up_rows(subnet)
            network_left(before.network, subnet.vrf_id, subnet)
        if before and before.gateway and before.gateway != subnet.gateway:
            restart_walk(subnet, addresses.host_network(before.gateway))
        pools_changed(subnet)


def network_left(network: Network, vrf_id: int | None, former: Subnet | None = None) -> None:
    """After a subnet gave up this network: its rows go to the most specific subnet around it, whose
    pools reach here again. Without one they stay, in no subnet.

    A subnet that outgrew its own parent (`former`) still holds rows that are that parent's now."""
    with transaction.atomic():
        heir = Subnet.objects.in_vrf(vrf_id).supernets_of(network).last()
        if heir and heir == former:
            return
        orphaned = Q(subnet=None)
        if heir and former and addresses.inside(heir.network, former.network):
            orphaned |= Q(subnet=former)
        rows = IPAddress.objects.within(network).filter(orphaned, vrf=vrf_id)
        address_rows.delete_free(rows.filter(status="available"))
        if heir:
            address_rows.move(rows, heir)
            restart_walk(heir, network)
            pools_changed(heir)
        else:
            kept = list(rows.filter(ip_type="dhcp").live())
            _change_type(list(rows.filter(ip_type="static")))
            address_rows.note_history(kept, "~")  # their subnet has become NULL


def pools_changed(subnet: Subnet) -> None:
    """After a change of a subnet's pools: the type of its live rows, and which free rows exist."""
    pools = list(subnet.pools.filter(kind="static").order_by("first"))
    if len(pools) > FEW:
        _sort_rows(subnet, pools)
    else:
        _sort_rows_in_sql(subnet, pools)
    small = [pool for pool in pools if pool.size <= MATERIALISED]
    if small:
        _create_missing_rows(small, subnet)


def _sort_rows_in_sql(subnet: Subnet, pools: Sequence[Pool]) -> None:
    """Delete the free rows outside the pools, and correct the type of the live ones."""
    rows = IPAddress.objects.filter(subnet=subnet)
    in_pools = _in_any(pools)
    wanted = in_pools & ~Q(ip_address__in=never_allocated(subnet))
    address_rows.delete_free(rows.filter(status="available").exclude(wanted))
    wrong_type = (in_pools & Q(ip_type="dhcp")) | (~in_pools & Q(ip_type="static"))
    _change_type(list(rows.live().filter(wrong_type)))


def _sort_rows(subnet: Subnet, pools: Sequence[Pool]) -> None:
    """The same for many pools, whose ranges a database would compare with each row one by one."""
    spans, never = Spans.of(pools), set(never_allocated(subnet))
    needless: list[int] = []
    wrong_type: list[int] = []
    rows = IPAddress.objects.filter(subnet=subnet)
    for key, address, status, ip_type in rows.values_list("pk", "ip_address", "status", "ip_type"):
        in_pool = spans.meet(int(address), int(address))
        if status == "available":
            if not in_pool or address in never:
                needless.append(key)
        elif in_pool != (ip_type == "static"):
            wrong_type.append(key)
    for keys in _chunks(needless):
        address_rows.delete_free(IPAddress.objects.filter(pk__in=keys))
    for keys in _chunks(wrong_type):
        _change_type(list(IPAddress.objects.filter(pk__in=keys)))


def _chunks(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        yield keys[start : start + _KEYS_AT_ONCE]


def _take_over_rows(subnet: Subnet) -> None:
    """Take over the rows in the subnet's range that belong to its parent or to no subnet."""
    rows = IPAddress.objects.within(subnet.network).filter(vrf=subnet.vrf_id)
    address_rows.move(rows.filter(Q(subnet=None) | Q(subnet=subnet.parent)), subnet)


def _give_up_rows(subnet: Subnet) -> None:
    """Move the rows that the subnet no longer contains to the subnet that does."""
    network = subnet.network
    outside = IPAddress.objects.filter(subnet=subnet).exclude(
        ip_address__range=(network.network_address, network.broadcast_address)
    )
    address_rows.delete_free(outside.filter(status="available"))
    rows = list(outside)
    if not rows:
        return
    index = SubnetIndex.of([row.ip_address for row in rows], Subnet.objects.in_vrf(subnet.vrf_id))
    for row in rows:
        row.subnet = index.containing(row.vrf_id, row.ip_address)
    address_rows.update(rows, ["subnet"])


def _change_type(rows: Sequence[IPAddress]) -> None:
    """Turn static rows into dhcp ones and the other way round."""
    for row in rows:
        row.ip_type = _OTHER_TYPE[row.ip_type]
    address_rows.update(rows, ["ip_type"])  # nothing else: a release may be under way


def _create_missing_rows(pools: Sequence[Pool], subnet: Subnet) -> None:
    """Create the missing free rows of small pools."""
    children, written = subnet.children, set[Address]()
    if len(pools) <= FEW:  # of many, the database passes over what is there
        for pool in pools:
            written |= _written(subnet.vrf_id, pool.first, pool.last)
    missing: list[Address] = []
    for pool in pools:
        walk = pool_addresses(pool, subnet, children)
        missing += filterfalse(written.__contains__, walk)
    IPAddress.objects.insert_free(subnet, missing)


# --- large pools ----------------------------------------------------------------------------------


def has_more_rows(pool: Pool) -> bool:
    """Whether `create_next_chunk` could create rows of the pool: it is large, and has not been
    walked to its end."""
    return pool.size > MATERIALISED and pool.materialised_to != pool.last


def create_next_chunk(pool: Pool, free: Q, start: Address | None = None) -> bool:
    """Create the next chunk of a large pool's rows, unless `free` rows have appeared meanwhile.
    With `start`, create them from there on, and leave the mark of the walk where it is.

    False when the pool has been walked to its end."""
    with transaction.atomic():
        lock_ledger()
        pool = Pool.objects.select_for_update().select_related("subnet").get(pk=pool.pk)
        first = max(pool.first, start) if start else pool.first
        if IPAddress.objects.filter(free, subnet=pool.subnet).between(first, pool.last).exists():
            return True
        return _write_chunk(pool, start)


def create_rows_ahead(pool_id: int | None, given: str, left: int | None) -> None:
    """Create the next chunk before it is needed. `left` is how many addresses lie between the one
    just given and the mark of its pool's walk: the caller who gets the LOW-th before the mark does
    the work, while others go on with what is left. If that fails, `create_next_chunk` does it."""
    if left != LOW:
        return
    mark = addresses.parse_address(given) + LOW
    try:
        with transaction.atomic():
            hurry()
            lock_ledger()
            pool = Pool.objects.select_for_update().select_related("subnet").get(pk=pool_id)
            if pool.materialised_to == mark != pool.last:
                _write_chunk(pool)
    except (DatabaseError, Pool.DoesNotExist) as error:
        reason = str(error).strip()
        logger.info("the next rows of pool %s are created when needed: %s", pool_id, reason)


def next_without_row(pool: Pool, start: Address | None = None) -> Address | None:
    """The first address of the pool that has no row yet, not below `start`."""
    return next(_without_row(pool, start), None)


def restart_walk(subnet: Subnet, network: Network) -> None:
    """Let large pools be walked again over a network in which addresses have become free."""
    for pool in subnet.pools.filter(kind="static").exclude(materialised_to=None):
        first = max(int(pool.first), int(network.network_address))
        if pool.materialised_to and int(pool.materialised_to) >= first:
            mark = type(pool.first)(first - 1) if first > int(pool.first) else None
            Pool._base_manager.filter(pk=pool.pk).update(materialised_to=mark)


def _write_chunk(pool: Pool, start: Address | None = None) -> bool:
    """False when nothing is left to write."""
    fresh = list(islice(_without_row(pool, start), CHUNK))
    IPAddress.objects.insert_free(pool.subnet, fresh)
    if not start:
        mark = fresh[-1] if fresh else pool.last
        Pool._base_manager.filter(pk=pool.pk).update(materialised_to=mark)
    return bool(fresh)


def _without_row(pool: Pool, start: Address | None = None) -> Iterator[Address]:
    """The pool's addresses above its mark, not below `start`, that have no row yet."""
    first = int(pool.first)
    if pool.materialised_to:
        first = int(pool.materialised_to) + 1
    if start:
        first = max(first, int(start))
    if first > int(pool.last):
        return
    walk = pool_addresses(pool, pool.subnet, pool.subnet.children, type(pool.first)(first))
    size = CHUNK
    while window := list(islice(walk, size)):
        written = _written(pool.subnet.vrf_id, window[0], window[-1])
        yield from filterfalse(written.__contains__, window)
        size = min(2 * size, _WINDOW)


# --- arithmetic -----------------------------------------------------------------------------------


def pool_addresses(
    pool: Pool, subnet: Subnet, children: Sequence[Subnet], start: Address | None = None
) -> Iterator[Address]:
    """The addresses that the pool may give, upwards: none in a child subnet, no network, broadcast
    or gateway address. The children are in the order of their networks.

    A pool that raw SQL has let out of its subnet ends where the subnet does."""
    network = subnet.network
    if network.version != pool.first.version:
        return
    never = set(never_allocated(subnet))
    position = max(int(start or pool.first), int(network.network_address))
    last = min(int(pool.last), int(network.broadcast_address))
    from_here = bisect_left(children, position, key=_last_address)
    for child in islice(children, from_here, None):
        low, high = int(child.network.network_address), int(child.network.broadcast_address)
        if low > last:
            break
        yield from _range(pool, position, low - 1, never)
        position = high + 1
    yield from _range(pool, position, last, never)


def _last_address(subnet: Subnet) -> int:
    return int(subnet.network.broadcast_address)


def _range(pool: Pool, first: int, last: int, never: set[Address]) -> Iterator[Address]:
    return filterfalse(never.__contains__, map(type(pool.first), range(first, last + 1)))


def never_allocated(subnet: Subnet) -> list[Address]:
    """The gateway, and the network and broadcast address where the subnet has them."""
    network = subnet.network
    never = {network.network_address, network.broadcast_address}
    never -= {addresses.first_host(network), addresses.last_host(network)}
    if subnet.gateway:
        never.add(subnet.gateway)
    return sorted(never)


def _written(vrf_id: int | None, first: Address, last: Address) -> set[Address]:
    """The addresses in a range that have a row."""
    rows = IPAddress.objects.between(first, last).filter(vrf=vrf_id)
    return set(rows.values_list("ip_address", flat=True))


def _in_any(pools: Sequence[Pool]) -> Q:
    """Inside one of the pools; with no pool, never."""
    found = Q(pk__in=[])
    for pool in pools:
        found |= Q(ip_address__range=(pool.first, pool.last))
    return found
