"""The registry: register a service, send its heartbeats, and find other services."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .http import Connection, RegistryError

logger = logging.getLogger("ipmanager.client")

PATH = "/api/v1/ipmanager"
FIRST_RETRY, LAST_RETRY = 0.5, 15.0  # seconds


@dataclass(frozen=True)
class Client(Connection):
    """An environment of a registry."""

    environment: str = field(default_factory=lambda: os.environ.get("IPMANAGER_ENVIRONMENT", ""))

    # --- find services ----------------------------------------------------------------------------

    def endpoint(self, service_id: str, *, wait: float = 0) -> str:
        """The URL of an active service, as in `http://127.0.0.1:8000`.

        Waits at most `wait` seconds for a service that is not up yet. Raises RegistryError 404."""
        deadline, pause = time.monotonic() + wait, 0.1
        while True:
            found = self.get(f"endpoint/{urllib.parse.quote(service_id, safe='')}")
            if found["exists"] and found.get("status", "active") == "active":
                return str(found["endpoint"])
            if time.monotonic() + pause > deadline:
                status = found.get("status", "not registered")
                raise RegistryError(404, f"service {service_id} is {status}", body=found)
            time.sleep(pause)
            pause = min(pause * 2, 2.0)

    def services(self, *, type: str = "", status: str = "") -> list[dict[str, Any]]:
        """The services of the environment, with the registry's own names: service_id, ip_address,
        port, status, …"""
        found: list[dict[str, Any]] = self.get("services", service_type=type, status=status)
        return found

    def watch(self, *, wait: float = 5.0) -> Iterator[list[dict[str, Any]]]:
        """The services now, and again after every change, without end.

        A registry that does not answer, or has too many waiting callers, is asked again after
        `wait` seconds, which must be less than `timeout`. Raises RegistryError when it refuses."""
        since = ""
        while True:
            try:
                answer = self.get("changes", since=since, wait=wait)
            except RegistryError as error:
                if error.status not in (0, 503):
                    raise
                time.sleep(wait)
                continue
            if answer["changed"]:
                since = answer["cursor"]
                yield answer["services"]

    # --- register, heartbeat, deregister ----------------------------------------------------------

    def service(
        self,
        service_id: str,
        *,
        name: str = "",
        on_moved: Callable[[Service], None] | None = None,
        **facts: Any,
    ) -> contextlib.AbstractContextManager[Service]:
        """Register, send heartbeats from a thread, deregister at the end.

        `facts`: type, host, protocol, preferred_port, port_range, pinned, container_port,
        dependencies, restart_script, additional_info. When the registry has lost the service, it
        is registered again with its port as the preferred one; if it gets another port, `on_moved`
        is called in the heartbeats' thread. Raises RegistryError when it cannot be registered."""
        return _registered(self, service_id, name or service_id, on_moved, facts)

    def register(self, service_id: str, name: str = "", **facts: Any) -> dict[str, Any]:
        """Register a service; returns the registry's answer with address, port and more."""
        if "type" in facts:
            facts["service_type"] = facts.pop("type")
        answer: dict[str, Any] = self.post(
            "register", service_id=service_id, service_name=name or service_id, **facts
        )
        return answer

    def heartbeat(self, *service_ids: str) -> float:
        """Send a heartbeat; returns the seconds until the next one. Raises RegistryError 404, whose
        body names the `unknown` services."""
        return float(self.post("heartbeat", service_ids=list(service_ids))["interval"])

    def deregister(self, service_id: str) -> None:
        """Deregister a service."""
        self.post("deregister", service_id=service_id)

    # --- requests ---------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        """GET from the registry; empty query values are dropped."""
        given = {name: value for name, value in query.items() if value != ""}
        if self.environment:
            given["environment"] = self.environment
        return self.ask("GET", f"{PATH}/{path}?{urllib.parse.urlencode(given)}")

    def post(self, path: str, **body: Any) -> Any:
        """POST to the registry; values that are None are dropped."""
        given = {name: value for name, value in body.items() if value is not None}
        if self.environment:
            given["environment"] = self.environment
        return self.ask("POST", f"{PATH}/{path}", given)


@dataclass
class Service:
    """A registered service."""

    id: str
    ip: str
    port: int
    interval: float
    answer: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def url(self) -> str:
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"http://{host}:{self.port}"


@contextlib.contextmanager
def _registered(
    client: Client,
    service_id: str,
    name: str,
    on_moved: Callable[[Service], None] | None,
    facts: dict[str, Any],
) -> Iterator[Service]:
    heartbeats = _Heartbeats(client, service_id, name, on_moved, facts)
    thread = threading.Thread(
        target=heartbeats.run, name=f"heartbeats of {service_id}", daemon=True
    )
    thread.start()
    try:
        yield heartbeats.service
    finally:
        heartbeats.stopping.set()
        thread.join(client.timeout)
        try:
            client.deregister(service_id)
        except RegistryError as error:
            logger.warning("%s could not be deregistered: %s", service_id, error)


class _Heartbeats:
    """Registers a service, then sends its heartbeats until `stopping` is set, also while the
    registry is away."""

    def __init__(
        self,
        client: Client,
        service_id: str,
        name: str,
        on_moved: Callable[[Service], None] | None,
        facts: dict[str, Any],
    ) -> None:
        self.client, self.name, self.on_moved, self.facts = client, name, on_moved, facts
        self.stopping = threading.Event()
        answer = client.register(service_id, name, **facts)
        self.service = Service(
            service_id, answer["ip"], answer["port"], answer["heartbeat_interval"], answer
        )

    def run(self) -> None:
        pause, retry = self.service.interval, FIRST_RETRY
        while not self.stopping.wait(pause):
            try:
                pause, retry = self._send(), FIRST_RETRY
            except RegistryError as error:
                logger.warning("%s: no heartbeat: %s", self.service.id, error)
                pause, retry = retry, min(retry * 2, LAST_RETRY, self.service.interval)
            except Exception:  # from on_moved: the heartbeats must go on
                logger.exception("%s: the heartbeat failed", self.service.id)
                pause = self.service.interval

    def _send(self) -> float:
        try:
            return self.client.heartbeat(self.service.id)
        except RegistryError as error:
            if error.status != 404:
                raise
        return self._register_again()

    def _register_again(self) -> float:
        """The registry has lost the service: register it with its port as the preferred one."""
        service = self.service
        logger.warning("%s: the registry has lost it; registering again", service.id)
        facts = self.facts | {"preferred_port": service.port}
        answer = self.client.register(service.id, self.name, **facts)
        former = service.ip, service.port
        service.ip, service.port, service.answer = answer["ip"], answer["port"], answer
        if former != (service.ip, service.port):
            self._moved()
        return float(answer["heartbeat_interval"])

    def _moved(self) -> None:
        if self.on_moved:
            self.on_moved(self.service)
            return
        text = "%s: its port belongs to another service now; it must listen on %d"
        logger.error(text, self.service.id, self.service.port)


# --- with the settings of the environment variables -----------------------------------------------


def service(service_id: str, **facts: Any) -> contextlib.AbstractContextManager[Service]:
    """`Client().service(…)`."""
    return Client().service(service_id, **facts)


def endpoint(service_id: str, *, wait: float = 0) -> str:
    """`Client().endpoint(…)`."""
    return Client().endpoint(service_id, wait=wait)


def services(*, type: str = "", status: str = "") -> list[dict[str, Any]]:
    """`Client().services(…)`."""
    return Client().services(type=type, status=status)
