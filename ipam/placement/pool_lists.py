"""Replace the pools of a subnet by a list of ranges: all are checked together, and the address rows
are brought in step once, so that a thousand pools cost little more than one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from operator import attrgetter

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ipam import addresses
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Subnet
from ipam.placement.pool_rows import MATERIALISED, pools_changed
from ipam.placement.spans import Spans, span
from ipam.querysets import keys_of, note_history
from ipam.rules import overlap_error
from ipam.signals import pools_replaced

MOST_ROWS = 65_536  # free rows that one change may create


def replace_pools(subnet: Subnet, lists: Mapping[str, Iterable[str]]) -> None:
    """Give the subnet these pools of each kind in `lists`. A pool that is in the list already stays
    as it is. Raises ValidationError."""
    wanted = {
        (kind, *addresses.parse_range(text)) for kind, texts in lists.items() for text in texts
    }
    gone: list[Pool] = []
    for pool in subnet.pools.filter(kind__in=lists):
        if (pool.kind, pool.first, pool.last) in wanted:
            wanted.remove((pool.kind, pool.first, pool.last))
        else:
            gone.append(pool)
    ordered = sorted(wanted, key=lambda entry: (entry[0], int(entry[1]), int(entry[2])))
    new = [Pool(subnet=subnet, first=first, last=last, kind=kind) for kind, first, last in ordered]
    if not gone and not new:
        return
    _delete(gone)
    _check(subnet, new)
    Pool._base_manager.bulk_create(new)
    note_history(new, "+")
    pools_changed(subnet)
    pools_replaced.send(Subnet, subnet=subnet, new=new, gone=gone)


def _delete(pools: Sequence[Pool]) -> None:
    note_history(pools, "-")
    rows = Pool._base_manager.filter(pk__in=keys_of(pools))
    rows._raw_delete(rows.db)  # nothing refers to a pool


def _check(subnet: Subnet, pools: Sequence[Pool]) -> None:
    """Raise ValidationError for the first pool that may not be written. The pool's own check finds
    the words, and is asked only about pools in doubt."""
    _check_rows(pools)
    for pool in pools:
        if pool.first not in subnet.network or pool.last not in subnet.network:
            pool.full_clean()
    by_address = sorted(pools, key=span)
    for pool, following in pairwise(by_address):
        if pool.last >= following.first:
            raise ValidationError({"first": [overlap_error(following, pool)]})
    doubts = _Doubts(subnet, by_address)
    for pool in pools:
        if doubts.about(pool):
            pool.full_clean()


def _check_rows(pools: Sequence[Pool]) -> None:
    small = (pool for pool in pools if pool.kind == "static" and pool.size <= MATERIALISED)
    rows = sum(map(attrgetter("size"), small))
    if rows > MOST_ROWS:
        message = _(
            "The new pools hold %(rows)d addresses; %(most)d is the most at once. Join pools that "
            "follow each other, or send some of them in a further request."
        )
        raise ValidationError({"first": [message % {"rows": rows, "most": MOST_ROWS}]})


def _spans(ranges: Iterable[tuple[Address, Address]]) -> Spans:
    return Spans((int(first), int(last)) for first, last in ranges)


class _Doubts:
    """What could forbid one of many pools, read at once."""

    def __init__(self, subnet: Subnet, pools: Sequence[Pool]) -> None:
        self.subnet = subnet
        if not pools:
            return
        first, last = pools[0].first, max(pools, key=lambda pool: int(pool.last)).last
        others = Pool.objects.overlapping(first, last, subnet.vrf_id).values_list("first", "last")
        self.pools = _spans(others)
        around = Subnet.objects.in_vrf(subnet.vrf_id).supernets_of(subnet.network)
        gateways = around.exclude(gateway=None)
        self.gateways = _spans(gateways.values_list("gateway", "gateway"))
        self.children = _spans((child.network[0], child.network[-1]) for child in subnet.children)
        self.live = IPAddress.objects.filter(vrf=subnet.vrf_id).between(first, last).live()

    @cached_property
    def held(self) -> Spans:
        """The addresses that may lie in no DHCP pool; static pools do not ask for them."""
        return _spans(self.live.values_list("ip_address", "ip_address"))

    def about(self, pool: Pool) -> bool:
        """Whether the pool's own check has to look at it."""
        network, (low, high) = self.subnet.network, span(pool)
        if self.pools.meet(low, high) or self.gateways.meet(low, high):
            return True
        if pool.kind == "static":
            return False
        hosts = addresses.is_host(network, pool.first) and addresses.is_host(network, pool.last)
        return not hosts or self.children.meet(low, high) or self.held.meet(low, high)
