"""Which subnet and which pools an address lies in, for many addresses at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import starmap
from operator import attrgetter, itemgetter

from ipam.addresses import Address, is_host
from ipam.models import Pool, Subnet
from ipam.querysets import SubnetIndex

Key = tuple[int | None, Address]  # an address in a VRF


class PlacementIndex:
    """Subnets and their pools, read once; then arithmetic."""

    def __init__(self, subnets: SubnetIndex, pools: Iterable[Pool]) -> None:
        self._subnets = subnets
        self._pools: dict[int, list[Pool]] = defaultdict(list)
        for pool in pools:
            self._pools[pool.subnet_id].append(pool)

    @classmethod
    def of(cls, keys: Iterable[Key]) -> PlacementIndex:
        """The index that suffices for these addresses. Two queries."""
        keys = set(keys)
        index = SubnetIndex.of(list(map(itemgetter(1), keys)), Subnet.objects.all())
        subnets = set(filter(None, starmap(index.containing, keys)))
        return cls(index, Pool.objects.filter(subnet__in=subnets))

    def subnet(self, key: Key) -> Subnet | None:
        """The most specific subnet of the address."""
        return self._subnets.containing(*key)

    def pools_of(self, subnet: Subnet) -> list[Pool]:
        """The pools of a subnet."""
        return self._pools[subnet.pk]

    def pools(self, key: Key) -> list[Pool]:
        """The pools of its subnet that hold the address: several if raw SQL made them overlap."""
        subnet = self.subnet(key)
        if subnet is None:
            return []
        return [pool for pool in self._pools[subnet.pk] if pool.first <= key[1] <= pool.last]

    def pool(self, key: Key) -> Pool | None:
        """The pool of its subnet that holds the address."""
        return next(iter(self.pools(key)), None)

    def is_static(self, key: Key) -> bool:
        """Whether a static pool of its subnet holds the address."""
        return "static" in map(attrgetter("kind"), self.pools(key))

    def is_reservable(self, key: Key) -> bool:
        """Whether the address may be reserved: it is in no DHCP pool, and no gateway, network or
        broadcast address."""
        subnet = self.subnet(key)
        if subnet is None:
            return True
        if key[1] == subnet.gateway or not is_host(subnet.network, key[1]):
            return False
        return "dhcp" not in map(attrgetter("kind"), self.pools(key))

    def is_allocatable(self, key: Key) -> bool:
        """Whether the address, once free, may be allocated again: it is in a static pool, and no
        gateway, network or broadcast address."""
        subnet = self.subnet(key)
        if subnet is None or key[1] == subnet.gateway:
            return False
        return is_host(subnet.network, key[1]) and self.is_static(key)
