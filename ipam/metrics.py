"""The usage of addresses and pools as metrics for Prometheus. Six queries, whatever the size of the
ledger."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nlargest
from typing import Any

from django.db.models import (
    Case,
    Count,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now
from prometheus_client.core import GaugeMetricFamily, Metric

from ipam.models import IPAddress, Pool, Server, Sighting, Subnet
from ipam.usage import pool_sizes

MOST_POOLS = 1000  # that have metrics of their own: the fullest


def collect() -> Iterator[Metric]:
    """Addresses by status, subnets, servers, and the size and use of the fullest pools."""
    status = GaugeMetricFamily("ipmanager_addresses", "Address rows by status.", labels=["status"])
    tally = IPAddress.objects.tally()
    for name in IPAddress.Status.values:
        status.add_metric([name], tally.get(name, 0))
    yield status
    unplaced = IPAddress.objects.unplaced().count()
    yield GaugeMetricFamily(
        "ipmanager_addresses_unplaced", "Addresses in no subnet.", value=unplaced
    )
    yield GaugeMetricFamily("ipmanager_subnets", "Subnets.", value=Subnet.objects.count())
    yield GaugeMetricFamily("ipmanager_servers", "Servers.", value=Server.objects.count())
    yield from _pools()


def _pools() -> Iterator[Metric]:
    names = ["vrf", "subnet", "pool", "kind"]
    size = GaugeMetricFamily(
        "ipmanager_pool_size", "Addresses that the pool can hand out.", labels=names
    )
    used = GaugeMetricFamily(
        "ipmanager_pool_used", "Those that are in use; of DHCP pools, leases.", labels=names
    )
    pools = list(_with_used())
    sizes = pool_sizes(pools)

    def usage(pool: Any) -> float:
        return pool.used / max(sizes[pool.pk], 1)

    fullest: list[Any] = nlargest(MOST_POOLS, pools, key=usage)
    for pool in fullest:
        vrf = pool.subnet.vrf
        labels = [vrf.name if vrf else "", str(pool.subnet.network), str(pool), pool.kind]
        size.add_metric(labels, sizes[pool.pk])
        used.add_metric(labels, pool.used)
    yield size
    yield used
    left_out = len(pools) - len(fullest)
    yield GaugeMetricFamily(
        "ipmanager_pools_left_out",
        "Pools without metrics of their own: the least full.",
        value=left_out,
    )


def _with_used() -> QuerySet[Pool]:
    inside = {"ip_address__gte": OuterRef("first"), "ip_address__lte": OuterRef("last")}
    rows = IPAddress.objects.filter(subnet=OuterRef("subnet"), **inside).live()
    rows = rows.exclude(Q(ip_address=F("subnet__gateway")))
    leases = Sighting.objects.filter(
        vrf=None, source=Sighting.Source.LEASE, leased_until__gt=Now(), **inside
    )
    return Pool.objects.select_related("subnet__vrf").annotate(
        used=Case(When(kind=Pool.Kind.STATIC, then=_number(rows)), default=_number(leases))
    )


def _number(rows: QuerySet) -> Coalesce:
    counted = (
        rows.order_by()
        .annotate(all=Value(1))
        .values("all")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
