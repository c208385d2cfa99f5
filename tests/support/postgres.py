"""A throw-away PostgreSQL server: made in a temporary directory, gone when the block ends."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
DURABLE: dict[str, str] = {}
START_WITHIN = 30  # seconds
SIGNAL_FAST_SHUTDOWN = signal.SIGINT  # ends sessions, keeps the files whole
PR_SET_PDEATHSIG = 1


def binaries() -> Path | None:
    """The directory with initdb and postgres: the newest Debian one, or that of PATH; 15 at least."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found and float(found[-1].parts[-3]) >= 15:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def missing() -> str:
    """Why no server can be started here; empty when one can."""
    if binaries() is None:
        return "initdb is not installed (Debian package postgresql)"
    if os.geteuid() == 0 and owner() is None:
        return "we are root, which PostgreSQL refuses, and there is no user postgres or nobody"
    return ""


def owner() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


@contextlib.contextmanager
def server(settings: dict[str, str] = FAST) -> Iterator[str]:
    """Run a server with these settings; its DATABASE_URL, as superuser, with an empty database ipmanager_db.

    It listens on a Unix socket in its own directory and on a free port of 127.0.0.1, for parts that need TCP.
    """
    home = Path(tempfile.mkdtemp(prefix="ipmanager-pg-"))
    process = None
    try:
        become = drop_root(home)
        data, port = home / "data", free_port()
        initialise(data, become)
        process = start(data, home, port, settings, become)
        wait_until_it_answers(process, home, port, become)
        yield f"postgres://ipadmin@{quote(str(home), safe='')}:{port}/ipmanager_db"
    finally:
        if process is not None:
            stop(process)
        shutil.rmtree(home, ignore_errors=True)


def drop_root(home: Path) -> dict[str, int | list[int]]:
    """What subprocess needs to run as somebody other than root, who then owns home."""
    user = owner() if os.geteuid() == 0 else None
    if user is None:
        return {}
    os.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def initialise(data: Path, become: dict) -> None:
    options = ["--username=ipadmin", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    call([program("initdb"), f"--pgdata={data}", *options], become)


def start(data: Path, home: Path, port: int, settings: dict[str, str], become: dict) -> subprocess.Popen:
    chosen = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(home),
        "port": str(port),
        "max_connections": "100",
        "logging_collector": "off",
        **settings,
    }
    flags = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [program("postgres"), "-D", str(data), *flags],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the tests: the server ends after them
            preexec_fn=end_with_parent,
            **become,
        )


def end_with_parent() -> None:
    """Let the kernel stop the server when the test run dies without a word (kill -9)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGNAL_FAST_SHUTDOWN)


def wait_until_it_answers(process: subprocess.Popen, home: Path, port: int, become: dict) -> None:
    create = [program("createdb"), f"--host={home}", f"--port={port}", "--username=ipadmin", "ipmanager_db"]
    deadline = time.monotonic() + START_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(subprocess.CalledProcessError):
            return call(create, become)
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start:\n{(home / 'log').read_text()}")


def stop(process: subprocess.Popen) -> None:
    process.send_signal(SIGNAL_FAST_SHUTDOWN)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)  # takes its children along, unlike SIGKILL
        process.wait(20)


def call(command: list[str], become: dict) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd="/", **become)


def program(name: str) -> str:
    directory = binaries()
    assert directory, missing()
    return str(directory / name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
