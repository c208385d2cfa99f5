"""The agent on a host: it tells the registry which of its services live, and restarts them when
that is wanted.

What it may run stands in a file of this host's own administrator, and nowhere else. The registry
sends a key; a key that is not in the file, a command that is not word for word the one that the
registry expects, and one restart too many are refused and reported. Nothing passes through a shell.
No database is needed here, only HTTPS to the registry."""

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
from core.errors import Invalid

logger = logging.getLogger("registry.agent")

POLL = 2.0  # seconds between two looks for wanted restarts
RETRY = 5.0  # seconds after the registry did not answer
PROBE = 0.5  # seconds that a service may take to accept a connection
LONGEST_OUTPUT = 4000
KEPT_VARIABLES = ("PATH", "LANG", "HOME")


@dataclass
class Action:
    """A command of the host's own list, and how often it may run: `limit` times in `period`
    seconds."""

    key: str
    argv: list[str]
    timeout: float = 60.0
    limit: int = 3
    period: float = 600.0
    started: deque[float] = field(default_factory=deque, repr=False)

    def may_run(self, now: float) -> bool:
        """Whether it has not run too often; if so, this run is counted."""
        while self.started and self.started[0] <= now - self.period:
            self.started.popleft()
        if len(self.started) >= self.limit:
            return False
        self.started.append(now)
        return True


@dataclass(frozen=True)
class Result:
    """What came of a restart: done, failed or refused."""

    result: str
    output: str = ""
    exit_status: int | None = None


def read_actions(file: Path) -> dict[str, Action]:
    """The host's list. Raises Invalid when it is not what it should be, or others than its owner
    may write it.

    [actions.restart-billing]
    argv = ["systemctl", "restart", "billing"]
    timeout = 60      # seconds
    limit = 3         # times
    period = 600      # seconds
    """
    try:
        status = file.stat()
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(f"{file}: {error}", hint="see manage.py registry_agent --help") from error
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        raise Invalid(
            f"{file}: others may write it", hint=f"chown root:root {file}; chmod 0644 {file}"
        )
    listed = told.get("actions", {})
    if not isinstance(listed, dict):
        raise Invalid(f"{file}: write [actions.KEY] tables")
    return {key: _action(file, key, facts) for key, facts in listed.items()}


def _action(file: Path, key: str, facts: Any) -> Action:
    argv = facts.get("argv") if isinstance(facts, dict) else None
    if (
        not isinstance(argv, list)
        or not argv
        or not all(isinstance(word, str) and "\0" not in word for word in argv)
    ):
        raise Invalid(f'{file}: {key}: write argv as in ["systemctl", "restart", "billing"]')
    kinds: dict[str, Callable[[Any], Any]] = {"timeout": float, "limit": int, "period": float}
    if unknown := sorted(set(facts) - {"argv", *kinds}):
        raise Invalid(f"{file}: {key}: unknown: {', '.join(unknown)}")
    try:
        rest = {name: kind(facts[name]) for name, kind in kinds.items() if name in facts}
    except (TypeError, ValueError) as error:
        raise Invalid(f"{file}: {key}: {error}") from error
    return Action(key, argv, **rest)


class Agent:
    """Two loops: heartbeats, and restarts, which may take their time."""

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
                logger.exception("a bug; the next try will come")
                pause = RETRY

    # --- heartbeats -------------------------------------------------------------------------------

    def send_heartbeats(self) -> float:
        """One for each service of ours that listens; seconds until the next."""
        listening = [row["service_id"] for row in self._ours() if is_listening(row)]
        if not listening:
            return POLL
        try:
            return self.client.heartbeat(*listening)
        except RegistryError as error:
            if error.status != 404 or not isinstance(error.body, dict):
                raise
            logger.warning("%s", error)  # gone since we asked: it registers again by itself
            return float(error.body["interval"])

    def _ours(self) -> list[dict[str, Any]]:
        return [row for row in self.client.services() if row["service_id"] in self.services]

    # --- restarts ---------------------------------------------------------------------------------

    def look_for_restarts(self) -> float:
        """Do what is wanted; seconds until the next look."""
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
        """Run the command of this key, if the host's list allows it."""
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
    """By its words, without a shell, with next to nothing of our environment."""
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
    return Result("failed" if done.returncode else "done", plain(done.stdout), done.returncode)


def plain(output: bytes) -> str:
    """The end of what a command said, without what could disturb a terminal or a database."""
    text = output[-4 * LONGEST_OUTPUT :].decode(errors="replace")
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)[
        -LONGEST_OUTPUT:
    ]


def is_listening(service: Mapping[str, Any]) -> bool:
    """Whether somebody listens where this service should: asked by a connection, for UDP read from
    the kernel."""
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
    """Every UDP port that is bound on this host: proc_net(5), `local_address` is ADDRESS:PORT in
    hexadecimal."""
    lines = [
        line
        for table in tables
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
    ]
    return {int(line.split()[1].rpartition(":")[2], 16) for line in lines}
