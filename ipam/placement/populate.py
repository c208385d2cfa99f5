"""Bring the whole ledger in step: every free row, every server's row, every row in its subnet.

The signals do the same for one change at a time; this does it for everything, in a number of
queries that does not grow with the rows, and changes nothing when nothing is wrong."""

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
from ipam.placement import address_rows, pool_rows
from ipam.placement.place import BATCH, place
from ipam.querysets import SubnetIndex, lock_ledger
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
    deleted: int = 0
    moved: int = 0
    skipped: int = 0  # servers whose rows were right already
    gateways_in_pools: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # addresses of servers that others hold
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Range:
    """Addresses of one VRF."""

    vrf_id: int | None
    first: Address
    last: Address

    def __contains__(self, key: tuple[int | None, Address]) -> bool:
        vrf_id, address = key
        same = vrf_id == self.vrf_id and address.version == self.first.version
        return same and int(self.first) <= int(address) <= int(self.last)

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

    def touches(self, vrf_id: int | None, pool: Pool) -> bool:
        """Whether one of the ranges has addresses of the pool."""
        return any(
            touched.vrf_id == vrf_id
            and touched.first.version == pool.first.version
            and int(touched.first) <= int(pool.last)
            and int(pool.first) <= int(touched.last)
            for touched in self.ranges
        )

    def everyone(self) -> set[int]:
        """The servers that are concerned: named ones, and those that want or hold an address in one
        of the ranges."""
        found = set(self.servers)
        for touched in self.ranges:
            span = {"ip_address__range": (touched.first, touched.last)}
            found.update(
                Server.objects.filter(vrf=touched.vrf_id, **span).values_list("pk", flat=True)
            )
            nics = Interface.objects.filter(server__vrf=touched.vrf_id, **span)
            found.update(nics.values_list("server_id", flat=True))
            held = IPAddress.objects.filter(touched.condition).exclude(server=None)
            found.update(held.values_list("server_id", flat=True))
        return found


def populate(
    *,
    clear: bool = False,
    progress: Progress = lambda what, done, total: None,
    part: Part | None = None,
) -> Report:
    """Make the rows that must exist, mend those that are wrong.

    `clear` first drops every row that can be derived: free ones and those that servers hold. Rows
    with a VM, reservations, quarantine and other allocations stay. With a `part`, the rest of the
    ledger is not looked at."""
    report = Report()
    with transaction.atomic():
        lock_ledger()
        if clear:
            derived = Q(status="available") | Q(server__isnull=False, vm_id=None)
            report.cleared = address_rows.forget(IPAddress.objects.filter(derived))
            Pool._base_manager.update(materialised_to=None)
        if part is None or part.ranges:
            _stock(report, progress, part)
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
            Pool._base_manager.filter(pk__in=[row.pk for row in instances]).update(
                materialised_to=None
            )
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


def _stock(report: Report, progress: Progress, part: Part | None) -> None:
    """Every row in its subnet and of its type, every free row that must exist, and no other free
    ones."""
    ground = _Ground()
    report.gateways_in_pools = ground.gateways_in_pools()
    seen: set[tuple[int | None, Address]] = set()
    stale: list[int] = []
    wrong: list[IPAddress] = []
    there = IPAddress.objects.filter(part.condition) if part else IPAddress.objects.all()
    total = there.count()
    for number, row in enumerate(there.order_by("pk").iterator(chunk_size=2000)):
        subnet, pool = ground.under(row.vrf_id, row.ip_address)
        if row.status == "available" and (
            subnet is None or pool is None or row.ip_address in ground.never[subnet.pk]
        ):
            stale.append(row.pk)
            continue
        seen.add((row.vrf_id, row.ip_address))
        ip_type = "static" if pool else "dhcp"
        if (row.subnet_id, row.ip_type) != (subnet and subnet.pk, ip_type):
            row.subnet, row.ip_type = subnet, ip_type
            wrong.append(row)
        if number % 2000 == 0:
            progress("rows", number, total)
    # Others may allocate meanwhile: what is no longer free stays, and only what is wrong is
    # written.
    for start in range(0, len(stale), 5000):
        still_free = IPAddress.objects.filter(
            pk__in=stale[start : start + 5000], status="available"
        )
        report.deleted += address_rows.forget(still_free)
    address_rows.update(wrong, ["subnet", "ip_type"])
    report.moved = len(wrong)
    report.static_created = ground.stock(seen, progress, part)


class _Ground:
    """All subnets and static pools, read once."""

    def __init__(self) -> None:
        self.subnets = {subnet.pk: subnet for subnet in Subnet.objects.order_by("vrf", "network")}
        self.index = SubnetIndex(self.subnets.values())
        self.never = {pk: pool_rows.never_free(subnet) for pk, subnet in self.subnets.items()}
        self.pools: dict[int, list[Pool]] = defaultdict(list)
        for pool in Pool.objects.filter(kind="static").order_by("first"):
            self.pools[pool.subnet_id].append(pool)

    def under(self, vrf_id: int | None, address: Address) -> tuple[Subnet | None, Pool | None]:
        """The subnet of an address, and that subnet's static pool which holds it."""
        subnet = self.index.containing(vrf_id, address)
        around = self.pools[subnet.pk] if subnet else []
        return subnet, next((pool for pool in around if pool.first <= address <= pool.last), None)

    def gateways_in_pools(self) -> list[str]:
        """Gateways that lie in a static pool of their subnet: they get no row, and people should
        know."""
        found = []
        for subnet in self.subnets.values():
            for pool in self.pools[subnet.pk]:
                if subnet.gateway and pool.first <= subnet.gateway <= pool.last:
                    found.append(f"{subnet.gateway} ({subnet}, {pool})")
        return found

    def stock(
        self, seen: set[tuple[int | None, Address]], progress: Progress, part: Part | None
    ) -> int:
        """Make the free rows that small pools lack; how many they were."""
        children = self._children()
        made = 0
        for number, subnet in enumerate(self.subnets.values()):
            progress("subnets", number, len(self.subnets))
            missing = [
                address
                for pool in self.pools[subnet.pk]
                if pool.size <= pool_rows.MATERIALISED
                and (part is None or part.touches(subnet.vrf_id, pool))
                for address in pool_rows.free_addresses(pool, subnet, children[subnet.pk])
                if (subnet.vrf_id, address) not in seen
                if part is None
                or any((subnet.vrf_id, address) in touched for touched in part.ranges)
            ]
            if missing:
                pool_rows.stock(subnet, missing)
            made += len(missing)
        return made

    def _children(self) -> dict[int, list[Subnet]]:
        """The subnets directly below each one; they come a parent before its children."""
        found: dict[int, list[Subnet]] = defaultdict(list)
        for subnet in self.subnets.values():
            for network in list(addresses.supernets(subnet.network))[1:]:
                if parent := self.index.exactly(subnet.vrf_id, network):
                    found[parent.pk].append(subnet)
                    break
        return found


def _servers(report: Report, progress: Progress, part: Part | None) -> None:
    """Every server's addresses, and no address of a server that has gone."""
    keys = (
        sorted(part.everyone())
        if part
        else list(Server.objects.order_by("pk").values_list("pk", flat=True))
    )
    for start in range(0, len(keys), BATCH):
        progress("servers", start, len(keys))
        # Locked, so that nobody moves a server while its old address is being given to it again.
        servers = (
            Server.objects.select_for_update()
            .filter(pk__in=keys[start : start + BATCH])
            .order_by("pk")
        )
        done = place(list(servers), lenient=True)
        report.refused += done.refused or []
        for row in done.created:
            report.dhcp_created += row.ip_type == "dhcp"
            report.static_created += (
                row.ip_type == "static"
            )  # in a pool too large to be materialised
            report.static_updated += row.ip_type == "static"
        for row in done.updated:
            report.dhcp_updated += row.ip_type == "dhcp"
            report.static_updated += row.ip_type == "static"
        report.freed += len(done.freed)
        report.deleted += len(done.deleted)
        report.skipped += done.unchanged
