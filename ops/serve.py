"""Run IPManager on one machine: make it ready, then web server and worker under one parent.

The parent holds the port and a lock on the data directory from the first moment, so a second start
says so before it touches anything. If the web server ends, everything ends: whoever started us must
notice. If the worker ends, it is started again with growing delay: its work waits in the database,
and the pages go on."""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.db import DatabaseError, connections, transaction

from api.models import Token
from core.errors import Conflict, Invalid, Unavailable

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE = 25  # seconds a child may take to finish its requests after TERM
SLOWEST_RESTART = 60  # seconds


def run() -> int:
    """Serve until we are told to stop; the exit status for the shell."""
    with lock_data_dir(), listening_socket() as listener:
        try:
            make_ready()
        except DatabaseError as error:
            raise Unavailable(
                f"the database: {error}".strip(), hint="check DATABASE_URL"
            ) from error
        connections.close_all()
        return Parent(children(listener)).run()


# --- before anything is touched -------------------------------------------------------------------


@contextlib.contextmanager
def lock_data_dir() -> Iterator[None]:
    """Be the only `manage.py run` on this data directory, or raise Conflict."""
    path = settings.DATA_DIR / "run.lock"
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
                f"IPManager already runs on {settings.DATA_DIR}",
                hint="stop it first, or set IPMANAGER_DATA_DIR",
            ) from error
        yield


@contextlib.contextmanager
def listening_socket() -> Iterator[socket.socket]:
    """The socket of IPMANAGER_BIND, handed to the web server later, or raise Conflict."""
    host, port = settings.BIND
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(settings.BIND)
    except OSError as error:
        raise Conflict(
            f"IPMANAGER_BIND: cannot use {host}:{port}: {error.strerror}",
            hint="choose another port, or free this one",
        ) from error
    with listener:
        yield listener


# --- making ready ---------------------------------------------------------------------------------


def make_ready() -> None:
    """Prepare, and say where we are."""
    first_start = prepare()
    say(
        f"IPManager {settings.VERSION} at {settings.PUBLIC_URL}/ (admin: {settings.PUBLIC_URL}/admin/)"
    )
    if not first_start:
        say(
            f"Lost the password? {sys.executable} manage.py changepassword admin\n"
            f"Need a token?      {sys.executable} manage.py create_token NAME"
        )


def prepare() -> bool:
    """Tables, static files, a demo network when asked for, somebody who may log in; whether that is
    the first time."""
    create_private_database()
    call_command("migrate", interactive=False, verbosity=0)
    collect_static()
    first_start = not get_user_model().objects.exists()
    if first_start and settings.DEMO and "demo" in get_commands():
        call_command("demo", if_empty=True)
    if first_start:
        welcome()
    keep_bootstrap_token()
    return first_start


def create_private_database() -> None:
    """Make a new SQLite file readable by us alone: it holds password hashes and sessions."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        try:
            os.close(os.open(database["NAME"], os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise Invalid(
                f"cannot use the database {database['NAME']}: {error.strerror}"
            ) from error


def collect_static() -> None:
    """Copy and compress the static files, unless nothing changed since the last time."""
    stamp = settings.STATIC_ROOT / ".collected"
    state = static_state()
    if stamp.exists() and stamp.read_text() == state:
        return
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(state)


def static_state() -> str:
    """A digest of every static file's name, size and time of change."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = os.stat(storage.path(name))
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def welcome() -> None:
    """Create the first user and token and show them, this once."""
    password = settings.ADMIN_PASSWORD or secrets.token_urlsafe(12)
    with transaction.atomic():
        admin = get_user_model().objects.create_superuser("admin", "", password)
        value = (
            ""
            if settings.BOOTSTRAP_TOKEN
            else Token.objects.create(admin, name="first", scopes=["admin"])[1]
        )
    say(
        "Shown only this once:\n"
        f"  user:      admin\n"
        f"  password:  {'as IPMANAGER_ADMIN_PASSWORD says' if settings.ADMIN_PASSWORD else password}\n"
        f"  API token: {value or 'as IPMANAGER_BOOTSTRAP_TOKEN says'}"
    )


def keep_bootstrap_token() -> None:
    """Let IPMANAGER_BOOTSTRAP_TOKEN, and no earlier value of it, open the API."""
    value = settings.BOOTSTRAP_TOKEN
    if not value or Token.objects.holding(value):
        return
    with transaction.atomic():
        Token.objects.filter(name="bootstrap").delete()
        Token.objects.keep(value, first_superuser(), name="bootstrap", scopes=["admin"])


def first_superuser() -> AbstractUser:
    user = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if user is None:
        raise Invalid(
            "IPMANAGER_BOOTSTRAP_TOKEN needs a superuser",
            hint="run: python manage.py createsuperuser",
        )
    return user


def say(text: str) -> None:
    """Print at once: the output may be a pipe, and a password is shown only now."""
    print(text, flush=True)


# --- the parent and its children ------------------------------------------------------------------


@dataclass
class Child:
    """One process that we started; `essential` means that we end when it ends."""

    name: str
    command: list[str]
    essential: bool
    keep_open: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0  # time.monotonic(), like due
    due: float = 0
    delay: float = 1  # seconds from its end to the next start

    def start(self) -> None:
        # A session of its own: Ctrl-C in a terminal reaches the parent alone, which then ends the
        # children.
        self.process = subprocess.Popen(
            self.command,
            pass_fds=self.keep_open,
            start_new_session=True,
            preexec_fn=end_with_parent(os.getpid()),
        )
        self.started = time.monotonic()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ask_to_end(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def make_end(self, deadline: float) -> None:
        """Wait until the deadline (time.monotonic), then kill it and everything that it started."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def plan_restart(self) -> float:
        """Soon after a long life, later and later after short ones; in how many seconds."""
        now = time.monotonic()
        delay = 1 if now - self.started > SLOWEST_RESTART else self.delay
        self.due, self.delay = now + delay, min(delay * 2, SLOWEST_RESTART)
        self.process = None
        return delay


class Parent:
    """Starts the children, looks after them, ends them."""

    def __init__(self, children: list[Child]) -> None:
        self.children = children
        self.stopping = False

    def run(self) -> int:
        for number in STOP_SIGNALS:
            signal.signal(number, self.stop)
        try:
            while not self.stopping:
                if not all(self.look_after(child) for child in self.children):
                    return 1
                time.sleep(0.1)
            return 0
        finally:
            self.end()

    def stop(self, *_: object) -> None:
        """No threading.Event: a signal that comes upon its lock, which this very thread holds,
        waits for ever."""
        self.stopping = True

    def look_after(self, child: Child) -> bool:
        """Start it if it is due; False when an essential child has ended."""
        if child.running():
            return True
        if child.process is not None:
            status = describe_exit(child.process.returncode)
            child.make_end(0)
            if child.essential:
                complain(f"the {child.name} {status}: stopping")
                return False
            delay = child.plan_restart()
            complain(f"the {child.name} {status}: starting it again in {delay:g} s")
        if time.monotonic() >= child.due:
            child.start()
        return True

    def end(self) -> None:
        for child in self.children:
            child.ask_to_end()
        deadline = time.monotonic() + PATIENCE
        for child in self.children:
            child.make_end(deadline)


def children(listener: socket.socket) -> list[Child]:
    """The web server, and the worker as soon as there is one."""
    number = listener.fileno()
    gunicorn = [
        "-m",
        "gunicorn",
        "--config",
        "python:ipmanager.gunicorn_config",
        "--bind",
        f"fd://{number}",
    ]
    found = [Child("web server", [sys.executable, *gunicorn], essential=True, keep_open=(number,))]
    if "worker" in get_commands():
        worker = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"]
        found.append(Child("worker", worker, essential=False))
    return found


def end_with_parent(parent: int) -> Callable[[], None]:
    """What a new child does first: ask the kernel for TERM when the parent dies, however it
    dies."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    PR_SET_PDEATHSIG = 1

    def prepare() -> None:
        if library is not None:
            library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return prepare


def describe_exit(status: int) -> str:
    return (
        f"ended with status {status}"
        if status >= 0
        else f"was ended by {signal.Signals(-status).name}"
    )


def complain(text: str) -> None:
    print(f"ipmanager: {text}", file=sys.stderr, flush=True)
