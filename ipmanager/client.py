"""For programs that use IPManager: a service gets its port, stays known while it lives, and finds the others.

    from ipmanager import client

    with client.service("billing", type="api", dependencies=["db"]) as s:
        database = client.endpoint("db")
        serve(s.ip, s.port)

Needs nothing but Python: this file works alone. Where the registry is, the environment says: IPMANAGER_URL (as in
https://ipam.example.org), IPMANAGER_TOKEN or IPMANAGER_TOKEN_FILE, IPMANAGER_ENVIRONMENT (empty: the registry's own).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

logger = logging.getLogger("ipmanager.client")

DEFAULT_URL = "http://127.0.0.1:8000"
PATH = "/api/v1/ipmanager"
FIRST_RETRY, LAST_RETRY = 0.5, 15.0  # seconds


class RegistryError(Exception):
    """The registry said no: its status (RFC 9110), what is wrong, what to do about it, and the whole answer."""

    def __init__(self, status: int, message: str, hint: str = "", body: Any = None) -> None:
        super().__init__(f"{status}: {message}" + (f" ({hint})" if hint else ""))
        self.status, self.message, self.hint, self.body = status, message, hint, body


class NotReached(RegistryError):
    """The registry did not answer; the same request may succeed later. Its status is 0."""

    def __init__(self, url: str, reason: object) -> None:
        super().__init__(0, f"{url} does not answer: {reason}", "check IPMANAGER_URL")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry our token to wherever it points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def _token() -> str:
    if file := os.environ.get("IPMANAGER_TOKEN_FILE"):
        with open(file, encoding="ascii") as opened:
            return opened.read().strip()
    return os.environ.get("IPMANAGER_TOKEN", "")


@dataclass(frozen=True)
class Client:
    """One registry, one token, one environment. `timeout` is for a single request, in seconds."""

    url: str = field(default_factory=lambda: os.environ.get("IPMANAGER_URL") or DEFAULT_URL)
    token: str = field(default_factory=_token, repr=False)
    environment: str = field(default_factory=lambda: os.environ.get("IPMANAGER_ENVIRONMENT", ""))
    timeout: float = 10.0

    # --- finding ---------------------------------------------------------------------------------------

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
        """The services of the environment with the registry's own names: service_id, ip_address, port, status, …"""
        asked = {"service_type": type, "status": status}
        found: list[dict[str, Any]] = self.get("services", **{name: value for name, value in asked.items() if value})
        return found

    def watch(self, *, wait: float = 5.0) -> Iterator[list[dict[str, Any]]]:
        """The services now, and again after every change, without end: for those who must follow the others.

        A registry that is away, or has no place left for those who wait, is asked again after `wait` seconds, which
        must be less than `timeout`. Raises RegistryError when it says no.
        """
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

    # --- coming, living, going -------------------------------------------------------------------------

    def service(
        self,
        service_id: str,
        *,
        name: str = "",
        on_moved: Callable[[Service], None] | None = None,
        **facts: Any,
    ) -> contextlib.AbstractContextManager[Service]:
        """Register, send heartbeats from a thread, deregister at the end.

        `facts`: type, host, protocol, preferred_port, port_range, pinned, container_port, dependencies,
        restart_script, additional_info. When the registry has forgotten the service, it registers anew and asks for
        the port that it has; `on_moved` is called, in the heartbeats' thread, if it gets another one.
        Raises RegistryError when it cannot be registered.
        """
        return _living(self, service_id, name or service_id, on_moved, facts)

    def register(self, service_id: str, name: str = "", **facts: Any) -> dict[str, Any]:
        """Address, port and the rest of the registry's answer."""
        if "type" in facts:
            facts["service_type"] = facts.pop("type")
        answer: dict[str, Any] = self.post("register", service_id=service_id, service_name=name or service_id, **facts)
        return answer

    def heartbeat(self, *service_ids: str) -> float:
        """Seconds until the next one. Raises RegistryError 404, whose body names the `unknown` ones."""
        return float(self.post("heartbeat", service_ids=list(service_ids))["interval"])

    def deregister(self, service_id: str) -> None:
        self.post("deregister", service_id=service_id)

    # --- speaking --------------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        if self.environment:
            query["environment"] = self.environment
        return self._ask("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def post(self, path: str, **body: Any) -> Any:
        if self.environment:
            body["environment"] = self.environment
        return self._ask("POST", path, {name: value for name, value in body.items() if value is not None})

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.url.rstrip('/')}{PATH}/{path}"
        headers = {"Accept": "application/json, application/problem+json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body, default=list).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with _opener.open(request, timeout=self.timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, HTTPException, ValueError) as error:
            raise NotReached(self.url, getattr(error, "reason", error)) from error


def _refusal(error: urllib.error.HTTPError) -> RegistryError:
    """What was wrong, from a problem document (RFC 9457) or one of the registry's own answers."""
    with error:
        try:
            body = json.load(error)
        except (OSError, ValueError):
            body = None
    told = body if isinstance(body, dict) else {}
    message = told.get("detail") or told.get("message") or error.reason
    return RegistryError(error.code, str(message), str(told.get("hint", "")), body)


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
        return f"http://[{self.ip}]:{self.port}" if ":" in self.ip else f"http://{self.ip}:{self.port}"


@contextlib.contextmanager
def _living(
    client: Client, service_id: str, name: str, on_moved: Callable[[Service], None] | None, facts: dict[str, Any]
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
        self.service = Service(service_id, answer["ip"], answer["port"], answer["heartbeat_interval"], answer)

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
        self.service.ip, self.service.port, self.service.answer = answer["ip"], answer["port"], answer
        if moved and self.on_moved:
            self.on_moved(self.service)
        elif moved:
            logger.error("%s: its port is another's now; it should listen on %d", self.service.id, answer["port"])
        return float(answer["heartbeat_interval"])


# --- with what the environment says ------------------------------------------------------------------------


def service(service_id: str, **facts: Any) -> contextlib.AbstractContextManager[Service]:
    """`Client().service(…)`."""
    return Client().service(service_id, **facts)


def endpoint(service_id: str, *, wait: float = 0) -> str:
    """`Client().endpoint(…)`."""
    return Client().endpoint(service_id, wait=wait)


def services(*, type: str = "", status: str = "") -> list[dict[str, Any]]:
    """`Client().services(…)`."""
    return Client().services(type=type, status=status)
