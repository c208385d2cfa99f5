"""List the running containers of a Docker engine: two read-only requests to its HTTP API, over a
Unix socket or TCP.

https://docs.docker.com/reference/api/engine/
"""

import http.client
import json
import re
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.errors import Invalid, Unavailable

SOCKET = "unix:///var/run/docker.sock"
LARGEST_ANSWER = 64 * 1024 * 1024
TIMEOUT = 10.0


class DockerUnavailable(Unavailable):
    """The engine does not answer, or something else answers."""

    code = "docker"


class _OverUnixSocket(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def running_containers(
    host: str = SOCKET, certificates: Path | None = None
) -> list[dict[str, Any]]:
    """The answer to `GET /containers/json`.

    `host` is as in DOCKER_HOST, `certificates` as in DOCKER_CERT_PATH: a directory with ca.pem,
    cert.pem and key.pem. Raises Invalid for another kind of host, and DockerUnavailable."""
    connection = _connection(host, certificates)
    try:
        version = _version(connection)
        return _containers(_get(connection, f"/v{version}/containers/json"))
    except (OSError, http.client.HTTPException) as error:
        raise DockerUnavailable(
            f"Docker at {host} does not answer: {error or type(error).__name__}",
            hint="is the engine running, and may this user read its socket (group docker)?",
        ) from error
    finally:
        connection.close()


def _connection(host: str, certificates: Path | None) -> http.client.HTTPConnection:
    url = urlsplit(host)
    if url.scheme == "unix" and url.path:
        return _OverUnixSocket(url.path, TIMEOUT)
    try:
        name, port = url.hostname, url.port
    except ValueError as error:
        raise Invalid(f"{host} is not an address: {error}") from error
    if url.scheme not in ("tcp", "http", "https") or not name:
        raise Invalid(
            f"{host} is not the address of an engine", hint=f"as in {SOCKET} or tcp://10.0.0.9:2376"
        )
    if certificates is None and url.scheme != "https":
        return http.client.HTTPConnection(name, port or 2375, timeout=TIMEOUT)
    return http.client.HTTPSConnection(
        name, port or 2376, timeout=TIMEOUT, context=_context(certificates)
    )


def _context(certificates: Path | None) -> ssl.SSLContext:
    if certificates is None:
        return ssl.create_default_context()
    try:
        context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    except OSError as error:
        raise Invalid(f"cannot read the certificates in {certificates}: {error}") from error
    return context


def _version(connection: http.client.HTTPConnection) -> str:
    """The newest API version that the engine supports."""
    connection.request("GET", "/_ping")
    response = connection.getresponse()
    response.read(LARGEST_ANSWER)
    version = (response.getheader("Api-Version") or "").removeprefix("v")
    if not re.fullmatch(r"[0-9]{1,3}\.[0-9]{1,3}", version):
        raise DockerUnavailable("the answer is not from a Docker engine: it has no Api-Version")
    return version


def _get(connection: http.client.HTTPConnection, path: str) -> Any:
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read(LARGEST_ANSWER + 1)
    if len(body) > LARGEST_ANSWER:
        raise DockerUnavailable("Docker's answer is too long")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DockerUnavailable("Docker's answer is not JSON") from error
    if response.status != 200:
        message = ""
        if isinstance(answer, dict):
            message = str(answer.get("message", ""))[:200]
        raise DockerUnavailable(f"Docker refuses (HTTP {response.status}): {message}")
    return answer


def _containers(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
        raise DockerUnavailable("Docker's answer is not a list of containers")
    return answer
