"""Catch up with raw SQL: bring in step what triggers have noted, by the code that populates the
whole ledger.

The triggers have taken and freed the addresses themselves, in the transaction of the raw SQL; what
is left are rows that stand in another subnet now, the stock of pools, and the copies of what
servers say of themselves."""

from __future__ import annotations

from django.db import transaction

from ipam import addresses
from ipam.models import Pool, RawChange, Subnet
from ipam.placement import pool_rows
from ipam.placement.populate import Part, Range, Report, populate
from ipam.querysets import hurry, lock_ledger


def catch_up() -> Report | None:
    """What had to be done; None when nothing was noted."""
    if not RawChange.objects.exists():
        return None
    with transaction.atomic():
        hurry()  # while we wait for a row that an open psql has changed, nobody could save anything
        lock_ledger()
        noted = list(RawChange.objects.all())
        part = _part(noted)
        _reopen(part)
        report = populate(part=part)
        RawChange.objects.filter(pk__in=[row.pk for row in noted]).delete()
    return report


def doubt() -> None:
    """Have everything looked at: something has changed that nobody has told of."""
    RawChange.objects.create()


def _part(noted: list[RawChange]) -> Part | None:
    """What was touched; None for everything."""
    if any(row.network is None and row.first is None and row.server_id is None for row in noted):
        return None
    ranges = {_range(row) for row in noted if row.server_id is None}
    return Part(
        sorted(ranges, key=str), {row.server_id for row in noted if row.server_id is not None}
    )


def _range(row: RawChange) -> Range:
    if row.first is not None and row.last is not None:
        return Range(row.vrf_id, row.first, row.last)
    assert row.network is not None
    return Range(row.vrf_id, row.network.network_address, row.network.broadcast_address)


def _reopen(part: Part | None) -> None:
    """Let large pools walk again where something may have become free for them."""
    if part is None:
        Pool._base_manager.exclude(materialised_to=None).update(materialised_to=None)
        return
    for touched in part.ranges:
        for subnet in Subnet.objects.in_vrf(touched.vrf_id).filter(
            pools__first__lte=touched.last, pools__last__gte=touched.first
        ):
            pool_rows.restart_walk(subnet, addresses.host_network(touched.first))
