"""A Debian system of its own, to install into and to ruin: an overlay over a root directory, in
namespaces of its own.

    with system(home) as debian:    # over the running system: its programs, none of its processes
        debian.run("deploy/install.sh", "--name", "ipam.test")
        debian.run("id", user="ipmanager").stdout

    # over a root made by debootstrap, with systemd as process 1
    with system(home, base=root, boot=True) as debian:
        ...

Everything that runs in there ends with the block, or with the tests; nothing is written below the
base, except with `keep`."""

import ctypes
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.lab import enter
from tests.support.site import ROOT, below

SOURCE = "/usr/src/ipmanager"
VENV = "/usr/src/venv"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SIZE = "3g"
START_WITHIN = 60  # seconds

SET_UP = """
    mount --make-rprivate /
    mount -t tmpfs -o size=$SIZE,mode=755 tmpfs "$HOME_DIR"
    mkdir "$HOME_DIR/upper" "$HOME_DIR/work" "$HOME_DIR/root"
    root=$HOME_DIR/root
    if [ "$KEEP" ]; then
        mount --bind "$BASE" "$root"
    else
        layers="lowerdir=$BASE,upperdir=$HOME_DIR/upper,workdir=$HOME_DIR/work"
        mount -t overlay overlay -o "$layers" "$root"
    fi
    mkdir -p "$root/usr/src/ipmanager" "$root/usr/src/venv"
    mount --bind -o ro "$SOURCE_DIR" "$root/usr/src/ipmanager"
    mount --bind -o ro "$VENV_DIR" "$root/usr/src/venv"
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    [ -z "$BOOT" ] || mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    ip link set lo up
    cd "$root"
    pivot_root . mnt
    umount -l /mnt
    if [ "$BOOT" ]; then
        exec env -i container=ipmanager-test PATH="$PATH" /lib/systemd/systemd --log-target=null
    fi
    exec env -i PATH="$PATH" bash -c "trap : CHLD; echo ready; while read -r _; do :; done"
"""  # bash collects the dead, and ends with its standard input: with the tests

_PR_SET_PDEATHSIG = 1
_serial = itertools.count()


class System:
    """A system that runs. `init` is its process 1 as the machine around it sees it."""

    def __init__(self, name: str, process: subprocess.Popen[str], init: int) -> None:
        self.name = name
        self.process = process
        self.init = init

    def command(
        self, *command: str, user: str = "", more: dict[str, str] | None = None
    ) -> list[str]:
        """The words that run a command in there, for subprocess."""
        enter = [
            "nsenter",
            "--target",
            str(self.init),
            "--mount",
            "--pid",
            "--net",
            "--uts",
            "--ipc",
            "--root",
            "--wdns=/",
        ]
        become = ["runuser", "-u", user, "--"] if user else []
        variables = {"PATH": PATH, "HOME": "/", "LC_ALL": "C.UTF-8"} | (more or {})
        return [
            *enter,
            "env",
            "-i",
            *(f"{name}={value}" for name, value in variables.items()),
            *become,
            *command,
        ]

    def run(
        self,
        *command: str,
        user: str = "",
        more: dict[str, str] | None = None,
        check: bool = True,
        **others: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end; with check, its failure is one of the test."""
        others = (
            {"timeout": 300, "text": True}
            | ({} if "input" in others else {"stdin": subprocess.DEVNULL})
            | others
        )
        done = subprocess.run(
            self.command(*command, user=user, more=more),
            capture_output=True,
            check=False,
            **others,
        )
        assert not check or done.returncode == 0, (
            f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def start(
        self, *command: str, user: str = "", log: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start it and go on; it ends with the system."""
        with open(log or os.devnull, "a") as output:
            return subprocess.Popen(
                self.command(*command, user=user),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                text=True,
            )

    def path(self, path: str) -> Path:
        """A file of theirs, by a name that the tests can open."""
        return Path(f"/proc/{self.init}/root") / path.lstrip("/")

    def end(self) -> None:
        """Process 1 takes everything along."""
        with suppress(ProcessLookupError):
            os.kill(self.init, signal.SIGKILL)

    def processes(self) -> list[int]:
        """All of them, as the machine around them numbers them."""
        space = os.readlink(f"/proc/{self.init}/ns/pid")
        return [
            pid
            for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if _space(pid) == space
        ]

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread opens in the block belong to their network."""
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.init}/ns/net") as there:
            enter(there.fileno())
            try:
                yield
            finally:
                enter(home.fileno())

    @contextmanager
    def cable(self, address: str) -> Iterator[str]:
        """An interface `eth1` in there with this address; the namespace at the other end, where it
        is `eth0`."""
        ours, theirs = f"{self.name}-out", f"{self.name}-in"
        _do("ip", "netns", "add", ours)
        _do("ip", "netns", "attach", theirs, str(self.init))
        try:
            _do(
                "ip",
                "link",
                "add",
                "eth1",
                "netns",
                theirs,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                ours,
            )
            _do("ip", "-n", theirs, "address", "add", address, "dev", "eth1")
            _do("ip", "-n", theirs, "link", "set", "eth1", "up")
            _do("ip", "-n", ours, "link", "set", "eth0", "up")
            yield ours
        finally:
            for name in (ours, theirs):
                subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@contextmanager
def system(
    home: Path,
    base: Path = Path("/"),
    *,
    boot: bool = False,
    network: bool = False,
    keep: bool = False,
) -> Iterator[System]:
    """Make one, and end it. `network` leaves it the machine's, to fetch packages from; `keep`
    writes to the base."""
    name = f"ipm{os.getpid()}-{next(_serial)}"
    home.mkdir(exist_ok=True)
    with ExitStack() as stack:
        group = stack.enter_context(_control_group(name)) if boot else None
        process = _start(home, base, boot, network, keep, group)
        stack.callback(_end, process)
        yield System(name, process, _first_process(process, boot))


def _start(
    home: Path, base: Path, boot: bool, network: bool, keep: bool, group: Path | None
) -> subprocess.Popen[str]:
    spaces = [
        "--mount",
        "--pid",
        "--uts",
        "--ipc",
        *([] if network else ["--net"]),
        *(["--cgroup"] if boot else []),
    ]
    told = {
        "HOME_DIR": str(home),
        "BASE": str(base),
        "SOURCE_DIR": str(ROOT),
        "VENV_DIR": sys.prefix,
        "BOOT": "1" if boot else "",
        "KEEP": "1" if keep else "",
        "SIZE": SIZE,
        "PATH": PATH,
    }

    def prepare() -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if group:
            (group / "cgroup.procs").write_text("0")

    return subprocess.Popen(
        ["unshare", *spaces, "--fork", "--kill-child", "sh", "-ec", SET_UP],
        env=told,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=prepare,
        start_new_session=True,
    )


def _first_process(process: subprocess.Popen[str], boot: bool) -> int:
    assert process.stdout
    if not boot:
        said = process.stdout.readline()
        assert said == "ready\n", said + process.stdout.read()
        return next(below(process.pid))
    return _booted(process)


def _booted(process: subprocess.Popen[str]) -> int:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        for pid in below(process.pid):
            probe = System("", process, pid)
            if _name(pid) == "systemd":
                state = probe.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return pid
        time.sleep(0.2)
    process.kill()
    assert process.stdout
    raise AssertionError(f"systemd did not come up: {process.stdout.read()}")


def _end(process: subprocess.Popen[str]) -> None:
    for pid in [*below(process.pid)][:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # process 1 takes everything along
    process.wait(30)
    for stream in (process.stdin, process.stdout):
        assert stream
        stream.close()


@contextmanager
def _control_group(name: str) -> Iterator[Path]:
    """A branch of cgroup2 for one system."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    tree = next(Path(mount[1]) for mount in mounts if mount[2] == "cgroup2") / name
    tree.mkdir()
    try:
        yield tree
    finally:
        for directory in sorted(
            [tree, *(path for path in tree.rglob("*") if path.is_dir())], reverse=True
        ):
            _remove_group(directory)


def _remove_group(directory: Path) -> None:
    """As soon as its last process is buried."""
    deadline = time.monotonic() + 10
    while directory.exists():
        try:
            directory.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _space(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def debootstrap(target: Path, packages: list[str], suite: str = "bookworm") -> None:
    """A fresh Debian from the mirror that this machine's own apt uses."""
    mirror = next(
        filter(None, map(_mirror, sorted(Path("/etc/apt").glob("sources.list*/**/*")))), ""
    )
    assert mirror, "no Debian mirror in /etc/apt"
    command = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        suite,
        str(target),
        mirror,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def _mirror(file: Path) -> str:
    """The first address in a sources file, of either format, that knows bookworm."""
    text = file.read_text() if file.is_file() else ""
    found = re.search(r"^(?:URIs:|deb(?:\s+\[.*?\])?)\s+(\S+)", text, re.MULTILINE)
    return found[1] if found and "bookworm" in text else ""
