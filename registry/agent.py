"""The agent on a host: it sends heartbeats for the services that listen there, and restarts them on
request.

Only commands in a file of this host's administrator are run. The registry sends a key; the agent
refuses and reports a key that is not in the file, a command that differs from the one the registry
expects, and too many restarts. No shell is involved. The agent needs no database, only HTTPS to the
registry."""

from __future__ import annotations

import logging
import os
import socket
import stat
import subprocess
import threading
import time
import tomllib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client import Client, RegistryError
from core.commands import manage_command
from core.errors import Invalid

logger = logging.getLogger("registry.agent")

POLL = 2.0  # seconds between two requests for wanted restarts
RETRY = 5.0  # seconds until the next attempt after the registry did not answer
PROBE = 0.5  # seconds that a service may take to accept a connection
LONGEST_OUTPUT = 4000
KEPT_VARIABLES = ("PATH", "LANG", "HOME")
_OPTIONS: dict[str, Callable[[Any], Any]] = {"timeout": float, "limit": int, "period": float}


@dataclass
class Action:
    """A command that may run `limit` times in `period` seconds; its `timeout` is in seconds."""

    key: str
    argv: list[str]
    timeout: float = 60.0
    limit: int = 3
    period: float = 600.0
    started: deque[float] = field(default_factory=deque, repr=False)

    def may_run(self, now: float) -> bool:
        """Count this run and return True, or return False if it has run too often."""
        while self.started and self.started[0] <= now - self.period:
            self.started.popleft()
        if len(self.started) >= self.limit:
            return False
        self.started.append(now)
        return True


@dataclass(frozen=True)
class Result:
    """The result of a restart: done, failed or refused."""

    result: str
    output: str = ""
    exit_status: int | None = None


def read_actions(file: Path) -> dict[str, Action]:
    """Read the host's actions. Raises Invalid if the file is malformed or others may write it.

    [actions.restart-billing]
    argv = ["systemctl", "restart", "billing"]
    timeout = 60      # seconds
    limit = 3         # times
    period = 600      # seconds
    """
    try:
        status = file.stat()
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(
            f"{file}: {error}", hint=f"see {manage_command('registry_agent --help')}"
        ) from error
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise Invalid(
            f"{file}: others may write it", hint=f"chown root:root {file}; chmod 0644 {file}"
        )
    actions = content.get("actions", {})
    if not isinstance(actions, dict):
        raise Invalid(f"{file}: write [actions.KEY] tables")
    return {key: _action(file, key, facts) for key, facts in actions.items()}


def _action(file: Path, key: str, facts: Any) -> Action:
    if not isinstance(facts, dict) or not _is_argv(facts.get("argv")):
        raise Invalid(f'{file}: {key}: write argv as in ["systemctl", "restart", "billing"]')
    unknown = sorted(set(facts) - {"argv", *_OPTIONS})
    if unknown:
        raise Invalid(f"{file}: {key}: unknown: {', '.join(unknown)}")
    action = Action(key, facts["argv"])
    for name, kind in _OPTIONS.items():
        try:
            setattr(action, name, kind(facts.get(name, getattr(action, name))))
        except (TypeError, ValueError) as error:
            raise Invalid(f"{file}: {key}: {error}") from error
    return action


def _is_argv(value: Any) -> bool:
    """A list of words that execve(2) can take."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(word, str) and "\0" not in word for word in value)


class Agent:
    """Two loops in two threads: heartbeats, and restarts, which may take long."""

    def __init__(
        self, client: Client, services: Sequence[str], actions: Mapping[str, Action], name: str = ""
    ) -> None:
        self.client, self.services, self.actions = client, list(services), actions
        self.name = name or socket.gethostname()
        self.stopping = threading.Event()

    def run(self) -> None:
        """Until stop()."""
        restarts = threading.Thread(target=self._loop, args=(self.look_for_restarts,), daemon=True)
        restarts.start()
        self._loop(self.send_heartbeats)
        restarts.join(POLL + 1)

    def stop(self) -> None:
        self.stopping.set()

    def _loop(self, work: Callable[[], float]) -> None:
        pause = 0.0
        while not self.stopping.wait(pause):
            try:
                pause = work()
            except RegistryError as error:
                logger.warning("%s", error)
                pause = RETRY
            except Exception:
                logger.exception("unexpected error, trying again later")
                pause = RETRY

    # --- heartbeats -------------------------------------------------------------------------------

    def send_heartbeats(self) -> float:
        """Send one for each service that listens; return the seconds until the next."""
        listening = [row["service_id"] for row in self._ours() if is_listening(row)]
        if not listening:
            return POLL
        try:
            return self.client.heartbeat(*listening)
        except RegistryError as error:
            if error.status != 404 or not isinstance(error.body, dict):
                raise
            logger.warning("%s", error)  # deleted meanwhile; the service registers again itself
            return float(error.body["interval"])

    def _ours(self) -> list[dict[str, Any]]:
        return [row for row in self.client.services() if row["service_id"] in self.services]

    # --- restarts ---------------------------------------------------------------------------------

    def look_for_restarts(self) -> float:
        """Run the wanted restarts; return the seconds until the next request."""
        for wanted in self.client.post("restart/take", agent=self.name, service_ids=self.services):
            done = self.restart(wanted)
            logger.info(
                "%s: %s: %s %s",
                wanted["service_id"],
                wanted["restart_script"],
                done.result,
                done.output[-200:],
            )
            self.client.post(
                "restart/report",
                id=wanted["id"],
                agent=self.name,
                result=done.result,
                exit_status=done.exit_status,
                output=done.output,
            )
        return POLL

    def restart(self, wanted: Mapping[str, Any]) -> Result:
        """Run the command of this key if the host's file allows it."""
        action = self.actions.get(wanted["restart_script"])
        if action is None:
            return Result("refused", f"{wanted['restart_script']} is not on this host's list")
        if wanted["argv"] and wanted["argv"] != action.argv:
            return Result(
                "refused",
                f"this host's list says {action.argv}, the registry expects {wanted['argv']}",
            )
        if not action.may_run(time.monotonic()):
            return Result("refused", f"it ran {action.limit} times within {action.period:g} s")
        return run(action)


def run(action: Action) -> Result:
    """Run it without a shell, with the KEPT_VARIABLES of our environment only."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    try:
        done = subprocess.run(
            action.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=kept,
            cwd="/",
            timeout=action.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result("failed", f"not finished after {action.timeout:g} s")
    except OSError as error:
        return Result("failed", str(error))
    result = "failed" if done.returncode else "done"
    return Result(result, plain(done.stdout), done.returncode)


def plain(output: bytes) -> str:
    """The end of a command's output, with ? for characters that a terminal or a database may not
    take."""
    text = output[-4 * LONGEST_OUTPUT :].decode(errors="replace")
    lines = text[-LONGEST_OUTPUT:].split("\n")
    return "\n".join(map(_printable, lines))


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else "?" for char in line)


def is_listening(service: Mapping[str, Any]) -> bool:
    """Whether the service's port is open on this host: tried by a connection, for UDP read from
    /proc."""
    if not service["port"]:
        return False
    if service["protocol"] == "udp":
        return service["port"] in udp_ports()
    try:
        with socket.create_connection((reachable(service["ip_address"]), service["port"]), PROBE):
            return True
    except OSError:
        return False


def reachable(ip: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(ip, ip)


def udp_ports(tables: Sequence[str] = ("/proc/net/udp", "/proc/net/udp6")) -> set[int]:
    """All bound UDP ports of this host: `local_address` is ADDRESS:PORT in hexadecimal, proc(5)."""
    ports = set()
    for table in filter(os.path.exists, tables):
        for line in Path(table).read_text().splitlines()[1:]:
            local_address = line.split()[1]
            ports.add(int(local_address.rpartition(":")[2], 16))
    return ports
