"""Run IPManager on one machine: prepare the installation, then run the web server and the worker.

This process imports no Django: it holds the port and the lock on the data directory, starts its
children and watches them. It takes both before it touches anything, so a second start is refused at
once. If the web server ends, everything ends, so that a service manager notices. If the worker
ends, it is restarted with a growing delay: its work waits in the database, and the pages go on."""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core import env
from core.errors import Conflict, Unavailable
from ops.living_demo import plan

BASE_DIR = Path(__file__).resolve().parent.parent
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
POLL = 0.1  # seconds between two checks of the children
STOP_TIMEOUT = 25  # seconds a child may take to finish its requests after TERM
DNSMASQ_SECONDS = 4  # until the living demo's dnsmasq runs: the first sync should find it
LONGEST_DELAY = 60  # seconds between the end of the worker and its restart
_PR_SET_PDEATHSIG = 1  # prctl(2)


def run() -> int:
    """Serve until TERM, INT or HUP; return the exit status for the shell.

    Raises ImproperlyConfigured, Conflict (already running, port in use) or Unavailable.
    """
    data_dir = env.directory("IPMANAGER_DATA_DIR", BASE_DIR / "var")  # as in ipmanager.settings
    address = env.host_port("IPMANAGER_BIND", "127.0.0.1:8000")
    with lock_data_dir(data_dir), listening_socket(address) as listener:
        if not plan.is_wanted():
            return Supervisor(preparation(), [web_server(listener), worker()]).run()
        with plan.planned(data_dir) as living:
            children = [web_server(listener), living_demo(living.relay), worker(DNSMASQ_SECONDS)]
            return Supervisor(preparation(), children).run()


@contextlib.contextmanager
def lock_data_dir(directory: Path) -> Iterator[None]:
    """Hold `run.lock` in the data directory; raise Conflict while another process holds it."""
    path = directory / "run.lock"
    try:
        file = path.open("a")
    except OSError as error:
        raise Unavailable(
            f"cannot write {path}: {error.strerror}", hint="check IPMANAGER_DATA_DIR"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"IPManager already runs on {directory}",
                hint="stop it first, or set IPMANAGER_DATA_DIR",
            ) from error
        yield


@contextlib.contextmanager
def listening_socket(address: tuple[str, int]) -> Iterator[socket.socket]:
    """Bind the socket that the web server inherits; raise Conflict if the port is in use."""
    host, port = address
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise Conflict(
            f"IPMANAGER_BIND: cannot use {host}:{port}: {error.strerror}",
            hint="choose another port, or free this one",
        ) from error
    with listener:
        yield listener


# --- the children ---------------------------------------------------------------------------------


@dataclass
class Child:
    """A child process; when an `essential` one ends, the supervisor ends too."""

    name: str
    command: list[str]
    essential: bool
    inherited: tuple[int, ...] = ()  # file descriptors
    process: subprocess.Popen[bytes] | None = None
    started: float = 0  # time.monotonic(), like due
    due: float = 0
    delay: float = 1  # seconds from its end to the next start
    first_delay: float = 0  # seconds before its first start

    def start(self) -> None:
        # A session of its own: Ctrl-C in a terminal reaches the supervisor alone, which then ends
        # its children.
        self.process = subprocess.Popen(
            self.command,
            env=child_environment(),
            pass_fds=self.inherited,
            start_new_session=True,
            preexec_fn=end_with_parent(os.getpid()),
        )
        self.started = time.monotonic()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def kill_after(self, deadline: float) -> None:
        """Wait until the deadline (time.monotonic), then kill it and all that it started."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def schedule_restart(self) -> float:
        """Double the delay after each short life; return the delay in seconds."""
        now = time.monotonic()
        if now - self.started > LONGEST_DELAY:
            self.delay = 1
        delay = self.delay
        self.due, self.delay = now + delay, min(delay * 2, LONGEST_DELAY)
        self.process = None
        return delay


def preparation() -> Child:
    """Migrations, static files and the first user; prints the address of the pages."""
    return Child("preparation", manage("prepare", "--show-address"), essential=True)


def web_server(listener: socket.socket) -> Child:
    number = listener.fileno()
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:ipmanager.gunicorn_config"]
    command = [*gunicorn, "--bind", f"fd://{number}"]
    return Child("web server", command, essential=True, inherited=(number,))


def worker(delay: float = 0.0) -> Child:
    """Its first start is due when the delay after the first look at it is over."""
    command = manage("worker")
    return Child("worker", command, essential=False, first_delay=delay)


def living_demo(relay: socket.socket) -> Child:
    """dnsmasq and simulated machines (ops/living_demo)."""
    number = relay.fileno()
    command = manage("living_demo", "--relay", str(number))
    return Child("living demo", command, essential=False, inherited=(number,))


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(BASE_DIR / "manage.py"), *arguments]


def child_environment() -> dict[str, str]:
    """Ours, with what `python -m gunicorn` needs to find the settings from any directory."""
    path = filter(None, [str(BASE_DIR), os.environ.get("PYTHONPATH")])
    # The C library's heaps of many threads take more memory than waiting for one (mallopt(3)).
    defaults = {"DJANGO_SETTINGS_MODULE": "ipmanager.settings", "MALLOC_ARENA_MAX": "2"}
    return defaults | os.environ | {"PYTHONPATH": os.pathsep.join(path)}


def end_with_parent(parent: int) -> Callable[[], None]:
    """Return a preexec_fn: the kernel sends TERM to the child when the parent dies (prctl(2))."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None

    def request_signal() -> None:
        if library is not None:
            library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the request
            os._exit(1)

    return request_signal


# --- the parent -----------------------------------------------------------------------------------


class Supervisor:
    """Runs the preparation to its end, then starts, watches and ends the children."""

    def __init__(self, preparation: Child, children: list[Child]) -> None:
        self.preparation = preparation
        self.children = children
        self.stopping = False

    def run(self) -> int:
        for number in STOP_SIGNALS:
            signal.signal(number, self.stop)
        try:
            return self.prepare() or self.watch()
        finally:
            self.end()

    def stop(self, *_: object) -> None:
        """Set a flag. A threading.Event could deadlock: the main thread may hold its lock."""
        self.stopping = True

    def prepare(self) -> int:
        """Return the exit status of the preparation, which has reported its own errors."""
        self.preparation.start()
        while self.preparation.is_running() and not self.stopping:
            time.sleep(POLL / 2)
        if self.preparation.process is None or self.stopping:
            return 0
        status = self.preparation.process.returncode
        self.preparation.kill_after(0)
        self.preparation.process = None  # its number may be another process's from now on
        if status < 0:
            report(f"the preparation {describe_exit(status)}: stopping")
        return abs(status)

    def watch(self) -> int:
        while not self.stopping:
            if not all(self.keep_running(child) for child in self.children):
                return 1
            time.sleep(POLL)
        return 0

    def keep_running(self, child: Child) -> bool:
        """Start the child if it is due; return False when an essential child has ended."""
        if child.is_running():
            return True
        if child.process is not None:
            status = describe_exit(child.process.returncode)
            child.kill_after(0)
            if child.essential:
                report(f"the {child.name} {status}: stopping")
                return False
            delay = child.schedule_restart()
            report(f"the {child.name} {status}: starting it again in {delay:g} s")
        if child.first_delay:
            child.due, child.first_delay = time.monotonic() + child.first_delay, 0
        if time.monotonic() >= child.due:
            child.start()
        return True

    def end(self) -> None:
        """Terminate all children, and kill after STOP_TIMEOUT what still runs."""
        everything = [self.preparation, *self.children]
        for child in everything:
            child.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for child in everything:
            child.kill_after(deadline)


def describe_exit(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by {signal.Signals(-status).name}"


def report(text: str) -> None:
    print(f"ipmanager: {text}", file=sys.stderr, flush=True)
