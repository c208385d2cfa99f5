"""The usage of addresses and pools as metrics for Prometheus. The number of queries does not
grow with the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nsmallest

from prometheus_client.core import GaugeMetricFamily, Metric

from ipam.models import IPAddress, Pool, Server, Subnet
from ipam.usage import Share
from ipam.usage.measure import usage_of_all, usage_of_all_pools

MOST_POOLS = 1000  # that have metrics of their own: the fullest
MOST_SUBNETS = 2000  # figures of subnets, a static and a DHCP one for each


def collect() -> Iterator[Metric]:
    """Addresses by status, servers, and the size and use of the fullest subnets and pools."""
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
    yield from _subnets()
    yield from _pools()


def _pools() -> Iterator[Metric]:
    names = ["vrf", "subnet", "pool", "kind"]
    size = GaugeMetricFamily(
        "ipmanager_pool_size", "Addresses that the pool can hand out.", labels=names
    )
    used = GaugeMetricFamily(
        "ipmanager_pool_used", "Those that are in use, reserved or leased.", labels=names
    )
    shares = usage_of_all_pools()
    shown = nsmallest(MOST_POOLS, shares, key=lambda key: _rank(shares[key]))
    pools = Pool.objects.select_related("subnet__vrf").in_bulk(shown)
    for key in shown:
        if pool := pools.get(key):
            labels = [*_subnet_labels(pool.subnet), str(pool), pool.kind]
            size.add_metric(labels, shares[key].total)
            used.add_metric(labels, shares[key].used)
    yield size
    yield used
    yield GaugeMetricFamily(
        "ipmanager_pools_left_out",
        "Pools without metrics of their own: the least full.",
        value=len(shares) - len(shown),
    )


def _subnets() -> Iterator[Metric]:
    names = ["vrf", "subnet", "kind"]
    size = GaugeMetricFamily(
        "ipmanager_subnet_size",
        "Addresses that the subnet and those inside it can hand out: static ones by allocation, "
        "dhcp ones by dnsmasq.",
        labels=names,
    )
    used = GaugeMetricFamily(
        "ipmanager_subnet_used", "Those that are in use, reserved or leased.", labels=names
    )
    shares = {}
    for key, found in usage_of_all().items():
        shares[key, "static"], shares[key, "dhcp"] = found.static, found.dhcp
    measured = [line for line, share in shares.items() if share.total]
    shown = nsmallest(MOST_SUBNETS, measured, key=lambda line: _rank(shares[line]))
    subnets = Subnet.objects.select_related("vrf").in_bulk({key for key, _kind in shown})
    for key, kind in shown:
        if subnet := subnets.get(key):
            labels = [*_subnet_labels(subnet), kind]
            size.add_metric(labels, shares[key, kind].total)
            used.add_metric(labels, shares[key, kind].used)
    yield size
    yield used
    yield GaugeMetricFamily(
        "ipmanager_subnets_left_out",
        "Figures of subnets without metrics of their own: the least full.",
        value=len(measured) - len(shown),
    )


def _subnet_labels(subnet: Subnet) -> list[str]:
    vrf = subnet.vrf
    return [vrf.name if vrf else "", str(subnet.network)]


def _rank(share: Share) -> tuple[float, int]:
    """The fullest first."""
    return share.left, -share.used
