"""Real PowerDNS on the test's database, and a real NSD that has its zones from it."""

import getpass
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from tests.support import dns, require
from tests.support.by_hand import by_hand
from tests.support.lab import stop
from tests.support.postgres import free_port

ROLE, PASSWORD = "pdns_of_tests", "only-for-tests"


@contextmanager
def powerdns(home: Path, secondary: int) -> Iterator[int]:
    """Its port. A secondary at that port of the loopback is told of changes."""
    require.part("powerdns")
    home.mkdir()
    port = free_port()
    by_hand(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    try:
        call_command("powerdns", "install", "--role", ROLE, stdout=StringIO())
        (home / "pdns.conf").write_text(_conf(home, port, secondary))
        command = ["pdns_server", f"--config-dir={home}"]
        with _running(home, command, partial(_answers, port)):
            yield port
    finally:
        call_command("powerdns", "remove", stdout=StringIO())
        by_hand(f"DROP OWNED BY {ROLE}")
        by_hand(f"DROP ROLE {ROLE}")


def _conf(home: Path, port: int, secondary: int) -> str:
    out = StringIO()
    options = ["--role", ROLE, "--secondary", "127.0.0.1"]
    call_command("powerdns", "conf", *options, stdout=out)
    text = out.getvalue().replace("also-notify=127.0.0.1", f"also-notify=127.0.0.1:{secondary}")
    further = [
        f"gpgsql-password={PASSWORD}",
        "local-address=127.0.0.1",
        f"local-port={port}",
        f"socket-dir={home}",
        "guardian=yes",
        "daemon=no",
    ]
    assert connection.settings_dict["HOST"] or "gpgsql-host=/run/postgresql" in text
    return "\n".join([text, *further, ""])


@contextmanager
def nsd(home: Path, port: int, primary: int, zones: Sequence[str]) -> Iterator[Path]:
    """The directory of its zone files, which it writes after each transfer."""
    require.part("nsd")
    home.mkdir()
    lines = [
        "server:",
        f"  ip-address: 127.0.0.1@{port}",
        f'  username: "{getpass.getuser()}"',
        f'  zonesdir: "{home}"',
        '  database: ""',
        f'  pidfile: "{home}/nsd.pid"',
        f'  xfrdfile: "{home}/xfrd.state"',
        f'  zonelistfile: "{home}/zone.list"',
        f'  xfrdir: "{home}"',
        "  zonefiles-write: 1",
        "  server-count: 1",
        "remote-control:",
        "  control-enable: no",
    ]
    for zone in zones:
        lines += [
            "zone:",
            f"  name: {zone}",
            f"  zonefile: {zone}.zone",
            f"  request-xfr: AXFR 127.0.0.1@{primary} NOKEY",
            "  allow-notify: 127.0.0.1 NOKEY",
        ]
    (home / "nsd.conf").write_text("\n".join([*lines, ""]))
    with _running(home, ["nsd", "-d", "-c", str(home / "nsd.conf")], partial(_answers, port)):
        yield home


def _answers(port: int) -> bool:
    try:
        dns.ask(port, "corp.example", "A", timeout=0.2)
    except OSError:
        return False
    return True


@contextmanager
def _running(home: Path, command: list[str], is_up: Callable[[], bool]) -> Iterator[None]:
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        assert eventually(lambda: is_up() or process.poll() is not None)
        assert process.poll() is None, (home / "log").read_text()
        yield
    finally:
        stop(process)


def eventually(condition: Callable[[], object], seconds: float = 15) -> bool:
    """Whether it becomes true in so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
