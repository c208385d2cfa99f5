"""Keep one dnsmasq in step on a host of its own, beside the database, not beside the site.

It goes by the settings of its host: no row of the database decides what is written or signalled
there. While the database is away, dnsmasq goes on with the files that it has."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from core.errors import Conflict, NotFound
from dhcp import servers
from dhcp.files.targets import Target
from dhcp.models import DhcpServer
from dhcp.worker import Hand, Worker

logger = logging.getLogger("dhcp.agent")

REPORT = timedelta(seconds=10)  # how often it says that it is there


def find(name: str) -> DhcpServer:
    """The server that an agent of this name serves. Raises NotFound, or Conflict when it is none
    for an agent."""
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


class AgentHand(Hand):
    def _is_for_requests(self) -> bool:
        return False  # nobody else writes here


class Agent(Worker):
    """A worker for one server."""

    def __init__(self, name: str, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now)
        self.name = name
        self.complaint = ""

    def targets(self) -> list[Target]:
        """Its server, as long as it is one for an agent; what is in the way is told once, and
        looked at again."""
        try:
            server = find(self.name)
        except (NotFound, Conflict) as error:
            self._complain(str(error))
            return []
        self._complain("")
        report(server)
        return [Target.of_agent(server)]

    def hand(self, target: Target) -> Hand:
        return AgentHand(target, self.line, self.now)

    def _complain(self, text: str) -> None:
        if text and text != self.complaint:
            logger.error("%s", text)
        self.complaint = text


def report(server: DhcpServer) -> None:
    """Say that its agent is there."""
    now, host = timezone.now(), socket.gethostname()
    fresh = server.last_seen_at and server.last_seen_at > now - REPORT
    if fresh and (server.agent_host, server.agent_version) == (host, settings.VERSION):
        return
    DhcpServer.objects.filter(pk=server.pk).update(
        last_seen_at=now, agent_host=host, agent_version=settings.VERSION
    )
