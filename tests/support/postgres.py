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
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",  # a machine of CI may have little disk
}
DURABLE: dict[str, str] = {}
START_WITHIN = 30  # seconds
SIGNAL_FAST_SHUTDOWN = signal.SIGINT  # ends sessions, keeps the files whole
PR_SET_PDEATHSIG = 1


def binaries() -> Path | None:
    """The directory with initdb and postgres: the newest Debian one, or that of PATH; 15 at
    least."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
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
    """Run a server with these settings; its DATABASE_URL, as superuser, with an empty database
    ipmanager_db."""
    with running(settings) as started:
        yield started.url


@contextlib.contextmanager
def running(
    settings: dict[str, str] = FAST,
    disk: Callable[[Path], contextlib.AbstractContextManager] = contextlib.nullcontext,
    data: Path | None = None,
) -> Iterator["Server"]:
    """The same, for those who want to kill it; `disk` may put something of its own below its
    directory. With `data` it begins with a copy of that data directory."""
    with temporary_home() as home, disk(home):
        server = Server(home, free_port(), settings, drop_root(home))
        try:
            server.initialise(data)
            server.start()
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """A directory for a server, gone after the block."""
    home = Path(tempfile.mkdtemp(prefix="ipmanager-pg-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Server:
    """A server in a directory of its own.

    It listens on a Unix socket there and on a free port of 127.0.0.1, for parts that need TCP.
    """

    def __init__(self, home: Path, port: int, settings: dict[str, str], become: dict) -> None:
        self.home, self.port, self.settings, self.become = home, port, settings, become
        self.url = f"postgres://ipadmin@{quote(str(home), safe='')}:{port}/ipmanager_db"
        self.process: subprocess.Popen | None = None

    def initialise(self, data: Path | None = None) -> None:
        if data is None:
            initialise(self.home / "data", self.become)
        else:
            subprocess.run(["cp", "--archive", data, self.home / "data"], check=True)

    def start(self) -> None:
        """Until it answers; after a kill that takes a recovery, and the end of the old one's last
        children."""
        deadline = time.monotonic() + START_WITHIN
        while True:
            self.process = start(
                self.home / "data", self.home, self.port, self.settings, self.become
            )
            try:
                return wait_until_it_answers(self.process, self.home, self.port, self.become)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9 of the postmaster: its children end by themselves, and what they had not
        committed is undone."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            stop(self.process)


def drop_root(home: Path) -> dict[str, int | list[int]]:
    """What subprocess needs to run as somebody other than root, who then owns home."""
    user = owner() if os.geteuid() == 0 else None
    if user is None:
        return {}
    os.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def initialise(data: Path, become: dict) -> None:
    options = [
        "--username=ipadmin",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    call([program("initdb"), f"--pgdata={data}", *options], become)


def start(
    data: Path, home: Path, port: int, settings: dict[str, str], become: dict
) -> subprocess.Popen:
    chosen = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(home),
        "port": str(port),
        "max_connections": "100",
        "logging_collector": "off",
        **settings,
    }
    flags = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
    with (home / "log").open("ab") as log:
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
    """Let the kernel stop a server, ours too, when the test run dies without a word (kill -9). The
    signal is one that a shell has its background jobs ignore, so stop ignoring it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGNAL_FAST_SHUTDOWN)


def wait_until_it_answers(process: subprocess.Popen, home: Path, port: int, become: dict) -> None:
    create = [
        program("createdb"),
        f"--host={home}",
        f"--port={port}",
        "--username=ipadmin",
        "ipmanager_db",
    ]
    deadline = time.monotonic() + START_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return call(create, become)
        except subprocess.CalledProcessError as error:
            if b"already exists" in error.stderr:
                return None
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
