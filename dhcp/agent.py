"""Keep one dnsmasq in step on a host of its own, which needs access to the database only.

The settings of that host alone decide what is written and signalled there, never a row of the
database. While the database is away, dnsmasq keeps the files that it has."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from core.errors import Conflict, NotFound
from dhcp import servers
from dhcp.daemon import installed
from dhcp.files.targets import Target
from dhcp.models import DhcpServer
from dhcp.remote.reports import save_agent
from dhcp.worker import DhcpWorker, ServerWorker

logger = logging.getLogger("dhcp.agent")

REPORT = timedelta(seconds=10)  # how often the agent records that it is running


def find(name: str) -> DhcpServer:
    """The server of this name. Raises NotFound, or Conflict if no agent may serve it."""
    server = servers.find_server(name)
    if server is None or server.run_by != DhcpServer.RunBy.AGENT:
        raise Conflict(
            f"{name} is kept in step by the worker of its installation",
            hint="set the DHCP server's “run by” to “an agent on its own host”",
        )
    if not server.enabled:
        raise Conflict(
            f"{name} is disabled, so its files stay as they are", hint="enable the DHCP server"
        )
    return server


class AgentServerWorker(ServerWorker):
    source = "agent"
    wait_for_requests = False  # requests write the files of their own host only


class Agent(DhcpWorker):
    """A worker for one server."""

    source = "agent"

    def __init__(self, name: str, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now)
        self.server_name = name
        self.reported = ""

    def targets(self) -> list[Target]:
        """Its server. What prevents that is logged once; the next round tries again."""
        try:
            server = find(self.server_name)
        except (NotFound, Conflict) as error:
            self._log_once(str(error))
            return []
        self._log_once("")
        report(server)
        return [Target.of_agent(server)]

    def server_worker(self, target: Target) -> ServerWorker:
        return AgentServerWorker(target, self.database, self.now)

    def _log_once(self, text: str) -> None:
        if text and text != self.reported:
            logger.error("%s", text)
        self.reported = text


def report(server: DhcpServer) -> None:
    """Record that the server's agent is running, where, and how its host is."""
    now, host = timezone.now(), socket.gethostname()
    fresh = server.last_seen_at and server.last_seen_at > now - REPORT
    if fresh and (server.agent_host, server.agent_version) == (host, settings.VERSION):
        return
    DhcpServer.objects.filter(pk=server.pk).update(
        last_seen_at=now, agent_host=host, agent_version=settings.VERSION
    )
    conf = installed.compare(Target.of_agent(server))
    save_agent(
        server,
        clock_ahead=_clock_ahead(server),
        conf_installed=not conf.differs if conf.is_known else None,
        conf_detail=conf.warning[:500],
    )


def _clock_ahead(server: DhcpServer) -> float | None:
    """By how many seconds this host's clock is ahead of the database's."""
    rows = DhcpServer.objects.filter(pk=server.pk).annotate(now=Now())
    now = rows.values_list("now", flat=True).first()
    return (timezone.now() - now).total_seconds() if now else None
