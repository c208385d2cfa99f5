"""Catch up with raw SQL: correct what triggers have noted, by the code that populates the ledger.

The triggers have taken and freed addresses themselves, in the transaction of the raw SQL. What is
left are rows that stand in another subnet now, the free rows of pools, and what servers say of
themselves."""

from __future__ import annotations

from django.db import transaction

from ipam import addresses
from ipam.models import Pool, RawChange, Subnet
from ipam.placement import pool_rows
from ipam.placement.populate import Part, Range, Report, populate
from ipam.querysets import hurry, keys_of, lock_ledger


def catch_up() -> Report | None:
    """Do what was noted and report it; None when nothing was noted."""
    if not RawChange.objects.exists():
        return None
    with transaction.atomic():
        hurry()  # while we wait for a row that an open psql has changed, nobody could save anything
        lock_ledger()
        noted = list(RawChange.objects.all())
        part = _part(noted)
        if part is None:
            Pool._base_manager.exclude(materialised_to=None).update(materialised_to=None)
        else:
            _restart_walks(part)
        report = populate(part=part)
        RawChange.objects.filter(pk__in=keys_of(noted)).delete()
    return report


def check_everything() -> None:
    """Have the whole ledger populated: something has changed that no trigger has noted."""
    RawChange.objects.create()


def _part(noted: list[RawChange]) -> Part | None:
    """What was touched; None for everything."""
    servers: set[int] = set()
    ranges: set[Range] = set()
    for row in noted:
        if row.server_id is not None:
            servers.add(row.server_id)
        elif row.first is not None and row.last is not None:
            ranges.add(Range(row.vrf_id, row.first, row.last))
        elif row.network is not None:
            network = row.network
            ranges.add(Range(row.vrf_id, network.network_address, network.broadcast_address))
        else:
            return None
    return Part(sorted(ranges, key=str), servers)


def _restart_walks(part: Part) -> None:
    """Let large pools be walked again where something may have become free for them."""
    for touched in part.ranges:
        reached = Subnet.objects.in_vrf(touched.vrf_id).filter(
            pools__first__lte=touched.last, pools__last__gte=touched.first
        )
        for subnet in reached:
            pool_rows.restart_walk(subnet, addresses.host_network(touched.first))
