"""Settle the rows of a subnet: whose they are, of which type, and which free ones must exist.

A free row exists for every address of a small static pool. Pools above MATERIALISED addresses are
counted by arithmetic; `extend` makes their rows a chunk at a time, as allocation needs them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice

from django.db import DatabaseError, transaction
from django.db.models import Q

from ipam import addresses
from ipam.addresses import Address, Network
from ipam.models import IPAddress, Pool, Subnet
from ipam.placement import address_rows
from ipam.querysets import SubnetIndex, hurry, lock_ledger

logger = logging.getLogger(__name__)
MATERIALISED = 4096
CHUNK = 1024  # rows written by one allocation now and then: some ten milliseconds
LOW = CHUNK // 4  # free rows that are left when the next chunk is written
_WINDOW = 4096  # addresses that are looked at together at most


def settle(subnet: Subnet, was: Subnet | None = None) -> None:
    """After a subnet was made or changed (`was` is what it was): adopt its rows, let go of those
    outside, refresh its stock, and hand over the network that is no longer its own."""
    with transaction.atomic():
        adopt(subnet)
        if was and was.network != subnet.network:
            leave(subnet)
            hand_over(was.network, subnet.vrf_id, subnet)
        if was and was.gateway != subnet.gateway and was.gateway:
            reopen(subnet, addresses.host_network(was.gateway))
        refresh(subnet)


def hand_over(network: Network, vrf_id: int | None, former: Subnet | None = None) -> None:
    """After a subnet left this network: its rows go to the most specific subnet that is left around
    it, whose pools reach here again. Without one they stay, unplaced.

    A subnet that outgrew its own parent (`former`) still holds rows that are that parent's now.
    """
    with transaction.atomic():
        heir = Subnet.objects.in_vrf(vrf_id).supernets_of(network).last()
        if heir and heir == former:
            return
        whose = Q(subnet=None)
        if heir and former and addresses.inside(heir.network, former.network):
            whose |= Q(subnet=former)
        orphans = IPAddress.objects.within(network).filter(whose, vrf=vrf_id)
        address_rows.forget(orphans.filter(status="available"))
        if heir:
            address_rows.move(orphans, heir)
            reopen(heir, network)
            refresh(heir)
        else:
            retype(list(orphans.filter(ip_type="static")))


def adopt(subnet: Subnet) -> None:
    """Take over the rows in the subnet's range that belong to its parent or to nobody."""
    parent = subnet.parent
    mine = IPAddress.objects.within(subnet.network).filter(vrf=subnet.vrf_id)
    address_rows.move(mine.filter(Q(subnet=None) | Q(subnet=parent)), subnet)


def leave(subnet: Subnet) -> None:
    """Let go of the rows that the subnet no longer contains."""
    network = subnet.network
    outside = IPAddress.objects.filter(subnet=subnet).exclude(
        ip_address__range=(network.network_address, network.broadcast_address)
    )
    address_rows.forget(outside.filter(status="available"))
    strays = list(outside)
    if strays:
        index = SubnetIndex.of(
            [row.ip_address for row in strays], Subnet.objects.in_vrf(subnet.vrf_id)
        )
        for row in strays:
            row.subnet = index.containing(row.vrf_id, row.ip_address)
        address_rows.update(strays, ["subnet"])


def refresh(subnet: Subnet) -> None:
    """Make the subnet's rows say what its pools say: types of the live ones, presence of the free
    ones."""
    pools = list(subnet.pools.filter(kind="static").order_by("first"))
    mine = IPAddress.objects.filter(subnet=subnet)
    inside = _in_any(pools)
    address_rows.forget(
        mine.filter(status="available").exclude(inside & ~Q(ip_address__in=never_free(subnet)))
    )
    retype(list(mine.live().filter((inside & Q(ip_type="dhcp")) | (~inside & Q(ip_type="static")))))
    children = subnet.children if pools else []
    for pool in pools:
        if pool.size <= MATERIALISED:
            materialise(pool, subnet, children)


def retype(changed: Sequence[IPAddress]) -> None:
    """Turn static rows into dhcp ones and the other way round."""
    for row in changed:
        row.ip_type = "dhcp" if row.ip_type == "static" else "static"
    address_rows.update(changed, ["ip_type"])  # nothing else: a release may be under way


def materialise(pool: Pool, subnet: Subnet, children: Sequence[Subnet]) -> int:
    """Make the missing rows of a small pool; how many they were."""
    there = set(
        IPAddress.objects.between(pool.first, pool.last)
        .filter(vrf=subnet.vrf_id)
        .values_list("ip_address", flat=True)
    )
    missing = [
        address for address in free_addresses(pool, subnet, children) if address not in there
    ]
    stock(subnet, missing)
    return len(missing)


def extend(pool: Pool, ready: Q, start: Address | None = None) -> bool:
    """Make the next chunk of a large pool's rows, unless rows that are `ready` have appeared
    meanwhile; from `start` on if it is given, and then the walk itself goes on where it was.

    False when the pool has been walked to its end.
    """
    with transaction.atomic():
        lock_ledger()
        pool = Pool.objects.select_for_update().select_related("subnet").get(pk=pool.pk)
        first = max(pool.first, start) if start else pool.first
        if IPAddress.objects.filter(ready, subnet=pool.subnet).between(first, pool.last).exists():
            return True
        return _write_chunk(pool, start)


def keep_ahead(pool_id: int | None, given: str, left: int | None) -> None:
    """After an address was given out of a pool that has been walked up to a mark, so many addresses
    further: who gets the LOW-th before the mark writes the next chunk, while the others go on with
    what is left. If that cannot be now, `extend` will do it."""
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
        logger.info(
            "the next rows of pool %s are written when they are needed: %s",
            pool_id,
            str(error).strip(),
        )


def _write_chunk(pool: Pool, start: Address | None = None) -> bool:
    """False when there is nothing left to write."""
    fresh = list(islice(_unwritten(pool, start), CHUNK))
    stock(pool.subnet, fresh)
    if not start:
        Pool._base_manager.filter(pk=pool.pk).update(
            materialised_to=fresh[-1] if fresh else pool.last
        )
    return bool(fresh)


def peek(pool: Pool, start: Address | None = None) -> Address | None:
    """The first address whose row `extend` would make; nothing is written."""
    return next(_unwritten(pool, start), None)


def reopen(subnet: Subnet, network: Network) -> None:
    """Let large pools walk again over a network in which addresses have become free for them."""
    for pool in subnet.pools.filter(kind="static").exclude(materialised_to=None):
        first = max(int(pool.first), int(network.network_address))
        if pool.materialised_to and int(pool.materialised_to) >= first:
            mark = type(pool.first)(first - 1) if first > int(pool.first) else None
            Pool._base_manager.filter(pk=pool.pk).update(materialised_to=mark)


def stock(subnet: Subnet, free: Sequence[Address]) -> None:
    """Insert free rows; an address that somebody wrote meanwhile is left as it is."""
    IPAddress.objects.stock(subnet, free)


def free_addresses(
    pool: Pool, subnet: Subnet, children: Sequence[Subnet], start: Address | None = None
) -> Iterator[Address]:
    """The addresses that the pool may hand out, upwards, not in a child subnet, not the ends, not
    the gateway.

    A pool that raw SQL has let out of its subnet ends where the subnet does.
    """
    kind, never, network = type(pool.first), set(map(int, never_free(subnet))), subnet.network
    if network.version != pool.first.version:
        return
    position = max(int(start or pool.first), int(network.network_address))
    last = min(int(pool.last), int(network.broadcast_address))
    for child in sorted(children, key=lambda child: child.network):
        low, high = int(child.network.network_address), int(child.network.broadcast_address)
        if high < position or low > last:
            continue
        yield from (kind(value) for value in range(position, low) if value not in never)
        position = high + 1
    yield from (kind(value) for value in range(position, last + 1) if value not in never)


def never_free(subnet: Subnet) -> list[Address]:
    """The gateway, and the addresses at the ends that no machine may have."""
    network = subnet.network
    ends = {network.network_address, network.broadcast_address} - {
        addresses.first_host(network),
        addresses.last_host(network),
    }
    return sorted(ends | ({subnet.gateway} if subnet.gateway else set()))


def _unwritten(pool: Pool, start: Address | None = None) -> Iterator[Address]:
    """The pool's addresses above its mark, and not below `start`, that have no row yet."""
    first = int(pool.materialised_to) + 1 if pool.materialised_to else int(pool.first)
    first = max(first, int(start)) if start else first
    if first > int(pool.last):
        return
    walk = free_addresses(pool, pool.subnet, pool.subnet.children, type(pool.first)(first))
    size = CHUNK
    while window := list(islice(walk, size)):
        there = set(
            IPAddress.objects.between(window[0], window[-1])
            .filter(vrf=pool.subnet.vrf_id)
            .values_list("ip_address", flat=True)
        )
        yield from (address for address in window if address not in there) if there else window
        size = min(2 * size, _WINDOW)


def _in_any(pools: Sequence[Pool]) -> Q:
    """Inside one of the pools; with no pool, never."""
    found = Q(pk__in=[])
    for pool in pools:
        found |= Q(ip_address__range=(pool.first, pool.last))
    return found
