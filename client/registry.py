"""The registry's side: a service gets its port, stays known while it lives, and finds the
others."""

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
    """One registry, one token, one environment."""

    environment: str = field(default_factory=lambda: os.environ.get("IPMANAGER_ENVIRONMENT", ""))

    # --- finding ----------------------------------------------------------------------------------

    def endpoint(self, service_id: str, *, wait: float = 0) -> str:
        """The URL of an active service, as in `http://127.0.0.1:8000`.

        `wait` for it so many seconds, when it may not be up yet. Raises RegistryError 404.
        """
        deadline, pause = time.monotonic() + wait, 0.1
        while True:
            found = self.get(f"endpoint/{urllib.parse.quote(service_id, safe='')}")
            if found["exists"] and found.get("status", "active") == "active":
                return str(found["endpoint"])
            if time.monotonic() + pause > deadline:
                said = f"is {found['status']}" if found["exists"] else "is not registered"
                raise RegistryError(404, f"service {service_id} {said}", body=found)
            time.sleep(pause)
            pause = min(pause * 2, 2.0)

    def services(self, *, type: str = "", status: str = "") -> list[dict[str, Any]]:
        """The services of the environment with the registry's own names: service_id, ip_address,
        port, status, …"""
        asked = {"service_type": type, "status": status}
        found: list[dict[str, Any]] = self.get(
            "services", **{name: value for name, value in asked.items() if value}
        )
        return found

    def watch(self, *, wait: float = 5.0) -> Iterator[list[dict[str, Any]]]:
        """The services now, and again after every change, without end: for those who must follow
        the others.

        A registry that is away, or has no place left for those who wait, is asked again after
        `wait` seconds, which must be less than `timeout`. Raises RegistryError when it says no."""
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

    # --- coming, living, going --------------------------------------------------------------------

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
        dependencies, restart_script, additional_info. When the registry has forgotten the service,
        it registers anew and asks for the port that it has; `on_moved` is called, in the
        heartbeats' thread, if it gets another one. Raises RegistryError when it cannot be
        registered."""
        return _living(self, service_id, name or service_id, on_moved, facts)

    def register(self, service_id: str, name: str = "", **facts: Any) -> dict[str, Any]:
        """Address, port and the rest of the registry's answer."""
        if "type" in facts:
            facts["service_type"] = facts.pop("type")
        answer: dict[str, Any] = self.post(
            "register", service_id=service_id, service_name=name or service_id, **facts
        )
        return answer

    def heartbeat(self, *service_ids: str) -> float:
        """Seconds until the next one. Raises RegistryError 404, whose body names the `unknown`
        ones."""
        return float(self.post("heartbeat", service_ids=list(service_ids))["interval"])

    def deregister(self, service_id: str) -> None:
        self.post("deregister", service_id=service_id)

    # --- speaking ---------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        if self.environment:
            query["environment"] = self.environment
        return self.ask(
            "GET", f"{PATH}/{path}?{urllib.parse.urlencode(query)}" if query else f"{PATH}/{path}"
        )

    def post(self, path: str, **body: Any) -> Any:
        if self.environment:
            body["environment"] = self.environment
        return self.ask(
            "POST",
            f"{PATH}/{path}",
            {name: value for name, value in body.items() if value is not None},
        )


@dataclass
class Service:
    """This program, as the registry knows it."""

    id: str
    ip: str
    port: int
    interval: float
    answer: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def url(self) -> str:
        return (
            f"http://[{self.ip}]:{self.port}" if ":" in self.ip else f"http://{self.ip}:{self.port}"
        )


@contextlib.contextmanager
def _living(
    client: Client,
    service_id: str,
    name: str,
    on_moved: Callable[[Service], None] | None,
    facts: dict[str, Any],
) -> Iterator[Service]:
    heart = _Heart(client, service_id, name, on_moved, facts)
    thread = threading.Thread(target=heart.run, name=f"heartbeats of {service_id}", daemon=True)
    thread.start()
    try:
        yield heart.service
    finally:
        heart.stopping.set()
        thread.join(client.timeout)
        try:
            client.deregister(service_id)
        except RegistryError as error:
            logger.warning("%s could not be deregistered: %s", service_id, error)


class _Heart:
    """Beats until it is told to stop, whatever the registry does meanwhile."""

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
                pause, retry = self._beat(), FIRST_RETRY
            except RegistryError as error:
                logger.warning("%s: no heartbeat: %s", self.service.id, error)
                pause, retry = retry, min(retry * 2, LAST_RETRY, self.service.interval)
            except Exception:  # on_moved is not ours; the heart must go on
                logger.exception("%s: the heartbeat failed", self.service.id)
                pause = self.service.interval

    def _beat(self) -> float:
        try:
            return self.client.heartbeat(self.service.id)
        except RegistryError as error:
            if error.status != 404:
                raise
        return self._come_back()

    def _come_back(self) -> float:
        """The registry has forgotten us: register again, at the place where we are."""
        logger.warning("%s: the registry has forgotten it; registering again", self.service.id)
        here = self.facts | {"preferred_port": self.service.port}
        answer = self.client.register(self.service.id, self.name, **here)
        moved = (answer["ip"], answer["port"]) != (self.service.ip, self.service.port)
        self.service.ip, self.service.port, self.service.answer = (
            answer["ip"],
            answer["port"],
            answer,
        )
        if moved and self.on_moved:
            self.on_moved(self.service)
        elif moved:
            logger.error(
                "%s: its port is another's now; it should listen on %d",
                self.service.id,
                answer["port"],
            )
        return float(answer["heartbeat_interval"])


# --- with what the environment says ---------------------------------------------------------------


def service(service_id: str, **facts: Any) -> contextlib.AbstractContextManager[Service]:
    """`Client().service(…)`."""
    return Client().service(service_id, **facts)


def endpoint(service_id: str, *, wait: float = 0) -> str:
    """`Client().endpoint(…)`."""
    return Client().endpoint(service_id, wait=wait)


def services(*, type: str = "", status: str = "") -> list[dict[str, Any]]:
    """`Client().services(…)`."""
    return Client().services(type=type, status=status)
