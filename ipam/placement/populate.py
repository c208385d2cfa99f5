"""Populate the ledger: create, correct and delete address rows until they say what subnets, pools
and servers say.

Signals do the same for one change at a time. This does it for everything, or for a part, in a
number of queries that does not grow with the rows, and changes nothing when nothing is wrong."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Count, Q

from ipam import addresses
from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.placement import address_rows, leaked, pool_rows
from ipam.placement.index import Key, PlacementIndex
from ipam.placement.place import BATCH, Placed, place
from ipam.querysets import SubnetIndex, keys_of, lock_ledger
from ipam.signals import changed

Progress = Callable[[str, int, int], None]
logger = logging.getLogger(__name__)
_fixtures = threading.local()


@dataclass
class Report:
    """What populating did, and how the ledger stands now."""

    cleared: int = 0
    static_created: int = 0
    static_updated: int = 0  # rows of static pools that a server's data was written to
    dhcp_created: int = 0  # rows for servers outside the static pools
    dhcp_updated: int = 0
    freed: int = 0
    leaked: int = 0  # rows whose server had gone without freeing them
    deleted: int = 0
    moved: int = 0
    skipped: int = 0  # servers whose rows were right already
    gateways_in_pools: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # addresses of servers that others hold
    totals: dict[str, int] = field(default_factory=dict)

    def add(self, placed: Placed) -> None:
        """Count what placing servers has changed."""
        for row in placed.created:
            if row.ip_type == "static":  # in a pool too large to have a row for each address
                self.static_created += 1
                self.static_updated += 1
            else:
                self.dhcp_created += 1
        for row in placed.updated:
            if row.ip_type == "static":
                self.static_updated += 1
            else:
                self.dhcp_updated += 1
        self.freed += len(placed.freed)
        self.deleted += len(placed.deleted)
        self.skipped += placed.unchanged
        self.refused += placed.refused or []


@dataclass(frozen=True)
class Range:
    """Addresses of one VRF."""

    vrf_id: int | None
    first: Address
    last: Address

    def __contains__(self, key: Key) -> bool:
        vrf_id, address = key
        if vrf_id != self.vrf_id or address.version != self.first.version:
            return False
        return int(self.first) <= int(address) <= int(self.last)

    def overlaps(self, vrf_id: int | None, pool: Pool) -> bool:
        """Whether it has addresses of the pool."""
        if vrf_id != self.vrf_id:
            return False
        return addresses.overlap(self.first, self.last, pool.first, pool.last) > 0

    @property
    def condition(self) -> Q:
        return Q(vrf=self.vrf_id, ip_address__range=(self.first, self.last))


@dataclass(frozen=True)
class Part:
    """A part of the ledger: what stands in some ranges, and some servers."""

    ranges: Sequence[Range]
    servers: Collection[int]

    @property
    def condition(self) -> Q:
        return reduce(or_, (touched.condition for touched in self.ranges))

    def __contains__(self, key: Key) -> bool:
        return any(key in touched for touched in self.ranges)

    def touches(self, vrf_id: int | None, pool: Pool) -> bool:
        """Whether one of the ranges has addresses of the pool."""
        return any(touched.overlaps(vrf_id, pool) for touched in self.ranges)

    def servers_concerned(self) -> set[int]:
        """The named servers, and those that claim or hold an address in one of the ranges."""
        found = set(self.servers)
        for touched in self.ranges:
            span = {"ip_address__range": (touched.first, touched.last)}
            own = Server.objects.filter(vrf=touched.vrf_id, **span)
            nics = Interface.objects.filter(server__vrf=touched.vrf_id, **span)
            held = IPAddress.objects.filter(touched.condition).exclude(server=None)
            found.update(own.values_list("pk", flat=True))
            found.update(nics.values_list("server_id", flat=True))
            found.update(held.values_list("server_id", flat=True))
        return found


def populate(
    *,
    clear: bool = False,
    progress: Progress = lambda what, done, total: None,
    part: Part | None = None,
) -> Report:
    """Create the rows that must exist, and correct those that are wrong.

    `clear` first deletes every row that can be derived: free ones and those that servers hold. Rows
    with a VM, reservations (also those that a server has taken), quarantine and other allocations
    stay. With a `part`, only that part of the ledger is read."""
    report = Report()
    with transaction.atomic():
        lock_ledger()
        if clear:
            of_servers = Q(server__isnull=False, vm_id=None, reservation=None)
            derived = Q(status="available") | of_servers
            report.cleared = address_rows.delete_free(IPAddress.objects.filter(derived))
            Pool._base_manager.update(materialised_to=None)
        if part is None:
            report.leaked = leaked.free_leaked()
        if part is None or part.ranges:
            _rows(report, progress, part)
        _servers(report, progress, part)
        report.totals = totals() if part is None else {}
    return report


def after_bulk(model: type[Subnet | Pool], instances: Sequence[Subnet | Pool]) -> None:
    """After a bulk write of subnets or pools: check each, as `save` would have, and bring the rows
    in step.

    Raises ValidationError.
    """
    if instances:
        if model is Pool:
            Pool._base_manager.filter(pk__in=keys_of(instances)).update(materialised_to=None)
        for row in instances:
            row.full_clean()
        populate()


def totals() -> dict[str, int]:
    """The number of rows by status, and of all."""
    counted = dict.fromkeys(IPAddress.Status.values, 0)
    counted.update(IPAddress.objects.order_by().values_list("status").annotate(Count("pk")))
    return {"records": sum(counted.values()), **counted}


def when_committed() -> None:
    """Populate once after the present transaction: fixtures were loaded."""
    _fixtures.loaded = True
    transaction.on_commit(_after_fixtures)


def _after_fixtures() -> None:
    if getattr(_fixtures, "loaded", False):
        _fixtures.loaded = False
        with transaction.atomic():
            for refusal in populate().refused:
                logger.warning("fixture: %s", refusal)
            changed.send(Server, instances=None)


def _rows(report: Report, progress: Progress, part: Part | None) -> None:
    """Every row in its subnet and of its type, every free row that must exist, and no other free
    ones."""
    ledger = _Ledger()
    report.gateways_in_pools = ledger.gateways_in_pools()
    seen: set[Key] = set()
    stale: list[int] = []
    wrong: list[IPAddress] = []
    rows = IPAddress.objects.filter(part.condition) if part else IPAddress.objects.all()
    total = rows.count()
    for number, row in enumerate(rows.order_by("pk").iterator(chunk_size=2000)):
        if number % 2000 == 0:
            progress("rows", number, total)
        subnet, is_static = ledger.location(row)
        if row.status == "available" and not is_static:
            stale.append(row.pk)
            continue
        seen.add((row.vrf_id, row.ip_address))
        ip_type = "static" if is_static else "dhcp"
        if (row.subnet_id, row.ip_type) != (subnet and subnet.pk, ip_type):
            row.subnet, row.ip_type = subnet, ip_type
            wrong.append(row)
    report.deleted += _delete_free(stale)
    address_rows.update(wrong, ["subnet", "ip_type"])  # nothing else: others may allocate meanwhile
    report.moved = len(wrong)
    report.static_created = ledger.create_missing_rows(seen, progress, part)


def _delete_free(keys: Sequence[int]) -> int:
    """Delete these rows, but none that has been allocated meanwhile; return their number."""
    deleted = 0
    for start in range(0, len(keys), 5000):
        some = IPAddress.objects.filter(pk__in=keys[start : start + 5000])
        deleted += address_rows.delete_free(some.filter(status="available"))
    return deleted


class _Ledger:
    """All subnets and static pools, read once."""

    def __init__(self) -> None:
        self.subnets = list(Subnet.objects.order_by("vrf", "network"))
        self.subnet_index = SubnetIndex(self.subnets)
        self.index = PlacementIndex(
            self.subnet_index, Pool.objects.filter(kind="static").order_by("first")
        )
        self.never = {subnet.pk: pool_rows.never_allocated(subnet) for subnet in self.subnets}

    def location(self, row: IPAddress) -> tuple[Subnet | None, bool]:
        """The subnet of a row, and whether it is static there; a free row is not where no address
        may be allocated."""
        key = row.vrf_id, row.ip_address
        subnet = self.index.subnet(key)
        if subnet is None:
            return None, False
        if row.status == "available" and row.ip_address in self.never[subnet.pk]:
            return subnet, False
        return subnet, self.index.is_static(key)

    def gateways_in_pools(self) -> list[str]:
        """Gateways that lie in a static pool of their subnet: they get no row, which is worth a
        line in the report."""
        found = []
        for subnet in self.subnets:
            for pool in self.index.pools_of(subnet):
                if subnet.gateway and pool.first <= subnet.gateway <= pool.last:
                    found.append(f"{subnet.gateway} ({subnet}, {pool})")
        return found

    def create_missing_rows(self, seen: set[Key], progress: Progress, part: Part | None) -> int:
        """Create the free rows that small pools lack, and return their number."""
        children = self._children()
        created = 0
        for number, subnet in enumerate(self.subnets):
            progress("subnets", number, len(self.subnets))
            missing: list[Address] = []
            for pool in self.index.pools_of(subnet):
                if pool.size > pool_rows.MATERIALISED or not _touches(part, subnet, pool):
                    continue
                for address in pool_rows.pool_addresses(pool, subnet, children[subnet.pk]):
                    key = subnet.vrf_id, address
                    if key not in seen and (part is None or key in part):
                        missing.append(address)
            if missing:
                IPAddress.objects.insert_free(subnet, missing)
            created += len(missing)
        return created

    def _children(self) -> dict[int, list[Subnet]]:
        """The subnets directly below each one."""
        found: dict[int, list[Subnet]] = defaultdict(list)
        for subnet in self.subnets:
            above = list(addresses.supernets(subnet.network))[1:]
            parents = (self.subnet_index.exactly(subnet.vrf_id, network) for network in above)
            parent = next(filter(None, parents), None)
            if parent:
                found[parent.pk].append(subnet)
        return found


def _touches(part: Part | None, subnet: Subnet, pool: Pool) -> bool:
    return part is None or part.touches(subnet.vrf_id, pool)


def _servers(report: Report, progress: Progress, part: Part | None) -> None:
    """Every server's addresses, and no address of a server that has been deleted."""
    if part:
        keys = sorted(part.servers_concerned())
    else:
        keys = list(Server.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH):
        progress("servers", start, len(keys))
        some = Server.objects.filter(pk__in=keys[start : start + BATCH]).order_by("pk")
        # Locked, so that nobody moves a server while its old address is being given to it again.
        report.add(place(list(some.select_for_update()), lenient=True))
