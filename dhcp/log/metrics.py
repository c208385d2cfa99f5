"""What dnsmasq's log says, as metrics. Two queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.db.models import Count
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from dhcp.models import DhcpLog, DhcpProblem


def collect(names: Mapping[int | None, str], now: datetime) -> Iterator[Metric]:
    """`names` are the servers' names by their keys."""
    yield from _logs(names, now)
    yield _problems(names)


def _logs(names: Mapping[int | None, str], now: datetime) -> Iterator[Metric]:
    lines = CounterMetricFamily(
        "ipmanager_dhcp_log_lines",
        "Lines of dnsmasq's log about DHCP, by kind.",
        labels=["server", "kind"],
    )
    lost = CounterMetricFamily(
        "ipmanager_dhcp_log_losses", "How often lines may have been lost.", labels=["server"]
    )
    age = GaugeMetricFamily(
        "ipmanager_dhcp_log_read_seconds", "Since a log was last read.", labels=["server"]
    )
    bad = GaugeMetricFamily(
        "ipmanager_dhcp_log_unreadable", "Whether a log cannot be read.", labels=["server"]
    )
    counts: Counter[tuple[str, str]] = Counter()
    losses: Counter[str] = Counter()
    read: dict[str, DhcpLog] = {}
    for row in DhcpLog.objects.order_by("read_at"):
        if name := names.get(row.server_id):
            read[name] = row
            losses[name] += row.losses
            for kind, number in (row.counts or {}).items():
                counts[name, kind] += number
    for labels, number in sorted(counts.items()):
        lines.add_metric(labels, number)
    for name, row in read.items():
        lost.add_metric([name], losses[name])
        age.add_metric([name], max(0.0, (now - row.read_at).total_seconds()))
        bad.add_metric([name], bool(row.problem))
    yield from (lines, lost, age, bad)


def _problems(names: Mapping[int | None, str]) -> Metric:
    metric = GaugeMetricFamily(
        "ipmanager_dhcp_log_problems",
        "What dnsmasq's log tells that somebody has to act on, by kind.",
        labels=["server", "kind"],
    )
    rows = DhcpProblem.objects.current().order_by().values_list("server", "kind")
    counts = {(server, kind): number for server, kind, number in rows.annotate(Count("pk"))}
    for server, name in names.items():
        for kind in DhcpProblem.Kind.values:
            metric.add_metric([name, kind], counts.get((server, kind), 0))
    return metric
