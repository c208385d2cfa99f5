"""Store what an agent says of its host: heartbeat, leases, log, findings, configuration, clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from core.following.batches import Batch
from core.following.entries import Entry
from dhcp.daemon.heartbeat import Look, record_of
from dhcp.leases.ingest import ingest
from dhcp.leases.lease_file import is_garbage, parse_leases
from dhcp.log.reader import store_batch
from dhcp.models import AgentReport, DhcpLog, DhcpServer, DnsmasqHeartbeat, HostReport
from dhcp.state import host
from ipam import freeze

PLACE = "agent"  # of the rows of an agent that works over HTTPS: it has one directory
MOST_LOGS = 4  # of one agent, which reads one at a time
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def store(server: DhcpServer, report: Mapping[str, Any]) -> dict[str, Any]:
    """Store a report (api.AgentReportSerializer). Returns what the agent has to know: the
    position after the lines of its log that are stored."""
    now = timezone.now()
    node = {"host": report["host"], "place": PLACE}
    _store_agent(server, report, now)
    if look := report.get("heartbeat"):
        _store_look(server, node, look, now)
    if inspection := report.get("inspection"):
        found = filter(_is_finding, inspection["findings"])
        host.save_report(server.pk, node, found, inspection["process"])
    if report.get("leases") is not None:
        _store_leases(server, report["leases"])
    if log := report.get("log"):
        return {"log_position": _store_log(server, log, now)}
    return {}


def _store_agent(server: DhcpServer, report: Mapping[str, Any], now: datetime) -> None:
    if report["host"] != server.agent_host:
        _forget_other_hosts(server, report["host"])
    DhcpServer.objects.filter(pk=server.pk).update(
        last_seen_at=now, agent_host=report["host"], agent_version=report["version"]
    )
    save_agent(
        server,
        clock_ahead=report["clock"] - now.timestamp(),
        conf_installed=report["conf_installed"],
        conf_detail=report["conf_detail"],
    )


def _forget_other_hosts(server: DhcpServer, host: str) -> None:
    """An agent has one host: what it has said from another one is past."""
    for model in (DnsmasqHeartbeat, HostReport):
        model.objects.filter(server=server, place=PLACE).exclude(host=host).delete()


def save_agent(server: DhcpServer, **facts: Any) -> None:
    """Keep what an agent says of itself."""
    AgentReport.objects.update_or_create(server=server, defaults={**facts, "at": Now()})


def _store_look(
    server: DhcpServer, node: Mapping[str, str], look: Mapping[str, Any], now: datetime
) -> None:
    """A state that began while the agent could not report began then."""
    whose = {"server_id": server.pk, **node}
    before = DnsmasqHeartbeat.objects.filter(**whose).values_list("state", flat=True).first()
    record_of(whose, Look(look["state"], look["detail"]))
    if before != look["state"]:
        since = now - timedelta(seconds=look["seconds"])
        DnsmasqHeartbeat.objects.filter(**whose).update(since=since)


def _is_finding(entry: Any) -> bool:
    return isinstance(entry, dict)


def _store_leases(server: DhcpServer, text: str) -> None:
    """A file of other lines ends no lease; the agent's host inspection tells of it."""
    data = text.encode()
    if is_garbage(data):
        return
    ingest(parse_leases(data), origin=server.name)
    if freeze.state():
        DhcpServer.objects.filter(pk=server.pk).update(compared_at=timezone.now())


def _store_log(server: DhcpServer, log: Mapping[str, Any], now: datetime) -> Any:
    """Store the lines if they follow those that are stored. Returns the position after the stored
    ones, from which the agent reads on."""
    reader = f"agent:{server.pk}:"
    row, is_new = DhcpLog.objects.get_or_create(
        reader=f"{reader}{log['name']}"[:400],
        defaults={"log": log["name"][:300], "server_id": server.pk},
    )
    if is_new:
        _forget_older_logs(DhcpLog.objects.filter(reader__startswith=reader))
    if log["problem"] != row.problem:
        DhcpLog.objects.filter(pk=row.pk).update(problem=log["problem"], read_at=now)
    if "after" not in log or log["before"] != row.position:
        return row.position
    entries = list(filter(None, (_entry(line, now) for line in log["lines"])))
    batch = Batch(list(map(itemgetter(2), log["lines"])), log["after"], lost=log["lost"])
    if store_batch(row, batch, entries, server.pk):
        return log["after"]
    return DhcpLog.objects.values_list("position", flat=True).get(pk=row.pk)


def _forget_older_logs(logs: QuerySet[DhcpLog]) -> None:
    older = list(logs.order_by("-read_at", "-pk").values_list("pk", flat=True)[MOST_LOGS:])
    DhcpLog.objects.filter(pk__in=older).delete()


def _entry(line: Sequence[Any], now: datetime) -> Entry | None:
    """A line as the agent has read it: its time in seconds since 1970, program and message."""
    try:
        at = datetime.fromtimestamp(float(line[0]), UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return Entry(min(max(at, EARLIEST), now), line[1], line[2])
