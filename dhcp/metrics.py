"""Whether every dnsmasq is in step, in numbers for Prometheus. Nine queries, whatever there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from dhcp.files.targets import DEFAULT
from dhcp.models import DhcpChange, DhcpServer, Generation, HandEdit, Lease

RECENT = 500  # generations that are looked at, the newest
HOUR = timedelta(hours=1)


def collect() -> Iterator[Metric]:
    now, servers = timezone.now(), list(DhcpServer.objects.filter(enabled=True))
    names: dict[int | None, str] = {None: DEFAULT}
    names |= {server.pk: server.name for server in servers}
    yield from _changes(names, now)
    yield from _generations(names, now)
    yield from _hand_edits(names)
    yield GaugeMetricFamily(
        "ipmanager_dhcp_leases", "Leases that are not over.", value=Lease.objects.live().count()
    )
    conflicts = Lease.objects.conflicting().count()
    yield GaugeMetricFamily(
        "ipmanager_dhcp_conflicts",
        "Leases of addresses that are another machine's.",
        value=conflicts,
    )
    yield _agents(servers, now)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ipmanager_dhcp_{name}", text, labels=["server", *labels])


def _changes(names: dict[int | None, str], now: datetime) -> Iterator[Metric]:
    number = _gauge("open_changes", "Changes that dnsmasq has not heard of.")
    age = _gauge("oldest_change_seconds", "How long the oldest of them has waited; 0 without one.")
    rows = DhcpChange.objects.order_by().values_list("server").annotate(Count("pk"), Min("at"))
    waiting: dict[int | None, tuple[int, datetime]] = {
        server: (count, oldest) for server, count, oldest in rows
    }
    for server, name in names.items():
        count, oldest = waiting.get(server, (0, now))
        number.add_metric([name], count)
        age.add_metric([name], max(0.0, (now - oldest).total_seconds()))
    yield number
    yield age


def _generations(names: dict[int | None, str], now: datetime) -> Iterator[Metric]:
    newest = Generation.objects.newest_of_each()
    failing = _gauge(
        "failed_attempts", "Attempts of a sync that still fails; 0 when the last one went well."
    )
    hosts = _gauge("reservations", "Reservations in the newest generation.")
    left_out = _gauge("left_out", "Records that dnsmasq is not told of, or not wholly.")
    generation = _gauge("generation", "The newest generation's number.")
    for server, row in newest.items():
        if name := names.get(server):
            failing.add_metric(
                [name], row.attempts if row.result == Generation.Result.FAILED else 0
            )
            hosts.add_metric([name], row.hosts)
            left_out.add_metric([name], len(row.problems))
            generation.add_metric([name], row.pk)
    yield from (failing, hosts, left_out, generation)
    yield from _recent(names, now)


def _recent(names: dict[int | None, str], now: datetime) -> Iterator[Metric]:
    """From the newest rows only: the table is as long as the installation is old."""
    columns = ("server", "result", "duration_ms", "updated_at")
    rows = Generation.objects.order_by("-pk").values_list(*columns)[:RECENT]
    counts: dict[tuple[str, str], int] = defaultdict(int)
    seconds: dict[str, list[float]] = defaultdict(list)
    for server, result, duration, at in rows:
        if server in names and at > now - HOUR:
            counts[names[server], result] += 1
            if result == Generation.Result.APPLIED:
                seconds[names[server]].append(duration / 1000)
    number = _gauge(
        "generations_last_hour", "Generations of the last hour, by what became of them.", "result"
    )
    last = _gauge("sync_seconds", "From the lock to dnsmasq's confirmation, the last time.")
    longest = _gauge("sync_seconds_max", "The same, the longest of the last hour.")
    for name in names.values():
        for result in Generation.Result.values:
            number.add_metric([name, result], counts[name, result])
    for name, spans in seconds.items():
        last.add_metric([name], spans[0])
        longest.add_metric([name], max(spans))
    yield from (number, last, longest)


def _hand_edits(names: dict[int | None, str]) -> Iterator[Metric]:
    found = _gauge("hand_edits", "Edits by hand that nobody has decided on.")
    rows = HandEdit.objects.undecided().order_by().values_list("server").annotate(Count("pk"))
    counts: dict[int | None, int] = {server: number for server, number in rows}  # noqa: C416
    for server, name in names.items():
        found.add_metric([name], counts.get(server, 0))
    yield found


def _agents(servers: Sequence[DhcpServer], now: datetime) -> Metric:
    seen = _gauge("agent_seen_seconds", "Since the agent's last sign of life.")
    for server in servers:
        if server.run_by == DhcpServer.RunBy.AGENT:
            age = (
                (now - server.last_seen_at).total_seconds() if server.last_seen_at else float("inf")
            )
            seen.add_metric([server.name], age)
    return seen
