"""The state of every DHCP server as metrics for Prometheus. Seventeen queries, whatever their
number."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from dhcp.daemon import heartbeat
from dhcp.files.targets import DEFAULT
from dhcp.log import metrics as log_metrics
from dhcp.models import (
    AgentReport,
    DhcpChange,
    DhcpNode,
    DhcpServer,
    Generation,
    HandEdit,
    HostReport,
    Lease,
)
from dhcp.nodes import state as nodes
from dhcp.state import host

RECENT = 500  # generations: the newest
HOUR = timedelta(hours=1)


def collect() -> Iterator[Metric]:
    """Waiting changes, generations, hand edits, leases and agents, by server."""
    now, servers = timezone.now(), list(DhcpServer.objects.filter(enabled=True))
    names: dict[int | None, str] = {None: DEFAULT}
    names.update(map(attrgetter("pk", "name"), servers))
    yield from _changes(names, now)
    yield from _generations(names, now)
    yield from _hand_edits(names)
    yield GaugeMetricFamily(
        "ipmanager_dhcp_leases", "Leases that have not expired.", value=Lease.objects.live().count()
    )
    conflicts = Lease.objects.conflicting().count()
    yield GaugeMetricFamily(
        "ipmanager_dhcp_conflicts",
        "Leases of addresses that belong to another machine.",
        value=conflicts,
    )
    yield _agents(servers, now)
    yield from _agents_hosts(names)
    yield from _nodes(names)
    yield from log_metrics.collect(names, now)
    yield from _heartbeats()
    yield from _hosts(names)
    lost = _gauge("leases_lost", "Leases that have not ended and are no longer in their file.")
    for origin, number, _since in Lease.objects.lost():
        lost.add_metric([origin or DEFAULT], number)
    yield lost


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ipmanager_dhcp_{name}", text, labels=["server", *labels])


def _changes(names: dict[int | None, str], now: datetime) -> Iterator[Metric]:
    number = _gauge("open_changes", "Changes that have not reached dnsmasq.")
    age = _gauge("oldest_change_seconds", "How long the oldest of them has waited; 0 without one.")
    rows = DhcpChange.objects.order_by().values_list("server").annotate(Count("pk"), Min("at"))
    waiting: dict[int | None, tuple[int, datetime]] = {}
    for server, count, oldest in rows:
        waiting[server] = (count, oldest)
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
    left_out = _gauge("left_out", "Records that dnsmasq does not get, or not completely.")
    generation = _gauge("generation", "The newest generation's number.")
    for server, row in newest.items():
        if name := names.get(server):
            has_failed = row.result == Generation.Result.FAILED
            failing.add_metric([name], row.attempts * has_failed)
            hosts.add_metric([name], row.hosts)
            left_out.add_metric([name], len(row.problems))
            generation.add_metric([name], row.pk)
    yield from (failing, hosts, left_out, generation)
    yield from _recent(names, now)


def _recent(names: dict[int | None, str], now: datetime) -> Iterator[Metric]:
    """Read from the newest rows only: the table grows with the age of the installation."""
    columns = ("server", "result", "duration_ms", "updated_at", "names")
    rows = Generation.objects.order_by("-pk").values_list(*columns)[:RECENT]
    counts: dict[tuple[str, str], int] = defaultdict(int)
    seconds: dict[str, list[float]] = defaultdict(list)
    proofs: dict[str, dict[str, Any]] = {}
    for server, result, duration, at, proof in rows:
        if server in names and proof:
            proofs.setdefault(names[server], proof)
        if server in names and at > now - HOUR:
            counts[names[server], result] += 1
            if result == Generation.Result.APPLIED:
                seconds[names[server]].append(duration / 1000)
    number = _gauge("generations_last_hour", "Generations of the last hour, by result.", "result")
    last = _gauge("sync_seconds", "From the lock to dnsmasq's confirmation, the last time.")
    longest = _gauge("sync_seconds_max", "The same, the longest of the last hour.")
    for name in names.values():
        for result in Generation.Result.values:
            number.add_metric([name, result], counts[name, result])
    for name, spans in seconds.items():
        last.add_metric([name], spans[0])
        longest.add_metric([name], max(spans))
    yield from (number, last, longest, *_proofs(proofs))


def _proofs(proofs: Mapping[str, dict[str, Any]]) -> Iterator[Metric]:
    """The last time that dnsmasq was asked for changed names."""
    number = _gauge("names", "Names that dnsmasq was made to serve.")
    wrong = _gauge("names_wrong", "Questions for changed names that dnsmasq answered otherwise.")
    seconds = _gauge("names_live_seconds", "From the reload to the right answers.")
    for name, proof in proofs.items():
        number.add_metric([name], proof["names"])
        wrong.add_metric([name], len(proof["wrong"]))
        seconds.add_metric([name], proof["ms"] / 1000)
    yield from (number, wrong, seconds)


def _hand_edits(names: dict[int | None, str]) -> Iterator[Metric]:
    found = _gauge("hand_edits", "Hand edits without a decision.")
    rows = HandEdit.objects.undecided().order_by().values_list("server").annotate(Count("pk"))
    counts: dict[int | None, int] = dict(rows)
    for server, name in names.items():
        found.add_metric([name], counts.get(server, 0))
    yield found


def _agents(servers: Sequence[DhcpServer], now: datetime) -> Metric:
    seen = _gauge("agent_seen_seconds", "Since the agent's last heartbeat.")
    for server in servers:
        if server.run_by == DhcpServer.RunBy.AGENT:
            age = math.inf
            if server.last_seen_at:
                age = (now - server.last_seen_at).total_seconds()
            seen.add_metric([server.name], age)
    return seen


def _agents_hosts(names: dict[int | None, str]) -> Iterator[Metric]:
    """What agents say of themselves."""
    ahead = _gauge("agent_clock_seconds", "By how much the agent's clock is ahead of ours.")
    installed = _gauge("agent_conf_installed", "Whether our configuration is installed there.")
    for row in AgentReport.objects.all():
        name = names.get(row.server_id)
        if name and row.clock_ahead is not None:
            ahead.add_metric([name], row.clock_ahead)
        if name and row.conf_installed is not None:
            installed.add_metric([name], row.conf_installed)
    yield from (ahead, installed)


def _nodes(names: dict[int | None, str]) -> Iterator[Metric]:
    """Who holds each server's sync lease, and whether every node is in step. SQLite has none."""
    epoch = _gauge("lease_epoch", "How often the sync lease was taken over, and one.")
    left = _gauge("lease_left_seconds", "Until the sync lease expires; negative once it has.")
    holds = _gauge("node_holds_lease", "Whether this node holds the sync lease.", "node")
    in_step = _gauge("node_in_step", "Whether this node's files are in step.", "node")
    unseen = _gauge("node_unseen_seconds", "Since the heartbeat of this node's worker.", "node")
    leases = nodes.all_leases()
    for server, row in leases.items():
        if name := names.get(server):
            epoch.add_metric([name], row.epoch)
            left.add_metric([name], (row.expires_at - row.now).total_seconds())
    for state in nodes.all_nodes(leases):
        if name := names.get(state.node.server_id):
            labels = [name, _label(state.node)]
            holds.add_metric(labels, state.is_holder)
            in_step.add_metric(labels, state.is_in_step)
            unseen.add_metric(labels, state.unseen.total_seconds())
    yield from (epoch, left, holds, in_step, unseen)


def _heartbeats() -> Iterator[Metric]:
    """How each dnsmasq was last seen. One that nobody can see has no sample of `up`."""
    up = _gauge("up", "Whether every dnsmasq of the server answers with our generation.")
    is_so = _gauge("heartbeat", "1 for the state of the server's dnsmasq.", "state")
    node_up = _gauge("node_up", "Whether this node's dnsmasq does.", "node")
    age = _gauge("heartbeat_seconds", "Since its worker or agent has recorded a look at it.")
    for state in heartbeat.states().values():
        is_so.add_metric([state.server, state.state], 1)
        if state.is_visible:
            up.add_metric([state.server], state.is_up)
        if state.checked_at:
            seconds = (timezone.now() - state.checked_at).total_seconds()
            age.add_metric([state.server], max(0.0, seconds))
        for node in state.nodes:
            labels = [state.server, f"{node.host}/{node.place[:6]}"]
            node_up.add_metric(labels, node.state == heartbeat.State.UP)
    yield from (up, is_so, node_up, age)


def _hosts(names: dict[int | None, str]) -> Iterator[Metric]:
    """What was found on the host of each dnsmasq, and whether somebody looks."""
    found = _gauge(
        "host_finding", "A finding on dnsmasq's host: 1 a warning, 2 an error.", "host", "kind"
    )
    age = _gauge("host_seen_seconds", "Since the last look at dnsmasq's host.", "host")
    worst: dict[tuple[str, str, str], int] = {}
    for row in HostReport.objects.with_age():
        name = names.get(row.server_id)
        if name is None:
            continue
        age.add_metric([name, _label(row)], row.age.total_seconds())
        for one in host.findings_of(row):
            labels = (name, _label(row), one.kind)
            worst[labels] = max(worst.get(labels, 0), one.severity)
    for labels, severity in worst.items():
        if severity:
            found.add_metric(labels, severity)
    yield from (found, age)


def _label(node: DhcpNode | HostReport) -> str:
    """One host may have several directories."""
    return f"{node.host}/{node.place[:6]}"
