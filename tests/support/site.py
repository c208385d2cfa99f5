"""A real IPManager in its own processes, started as an operator would."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support import shared
from tests.support.postgres import end_with_parent, free_port

ROOT = Path(__file__).resolve().parents[2]


def manage(
    environment: dict[str, str], *arguments: str, root: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run manage.py to its end; status and output are the caller's to judge."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def lend_static_files(data: Path) -> None:
    """A new site finds them collected: that is three seconds of processor time for each of some
    fifty sites."""
    if not data.exists():
        data.mkdir(mode=0o700, parents=True)
        (data / "static").symlink_to(static_files())


def static_files() -> Path:
    """The static files as a site collects them, for all sites of the run."""
    shared.once("static", _collect_static_files)
    return shared.directory() / "site" / "static"


def _collect_static_files() -> None:
    code = "from ops.prepare import collect_static; collect_static()"
    home = shared.directory() / "site"
    environment = {"PATH": os.environ["PATH"], "IPMANAGER_DATA_DIR": str(home)}
    manage(environment, "shell", "--no-imports", "-c", code).check_returncode()


class Site:
    """`manage.py run` in a session of its own, its output in a file."""

    def __init__(self, environment: dict[str, str], output: Path) -> None:
        lend_static_files(Path(environment["IPMANAGER_DATA_DIR"]))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = output
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "run"],
                env=environment | {"IPMANAGER_BIND": f"127.0.0.1:{self.port}"},
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    def wait_until_it_answers(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as response,
            ):
                if response.status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"no answer; the output was:\n{self.output()}")

    def output(self) -> str:
        return self.file.read_text()

    def children(self) -> list[int]:
        """Every process below the parent, however deep; the web server first."""
        return list(below(self.process.pid))

    def wait_for(self, word: str, seconds: float = 10) -> int:
        """The id of the first child with this word in its command line, as soon as there is one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for pid in self.children():
                if word in command_line(pid):
                    return pid
            time.sleep(0.05)
        raise AssertionError(f"no {word} among the children; the output was:\n{self.output()}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal the parent alone and wait for it; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(40)


@contextlib.contextmanager
def site(environment: dict[str, str], output: Path) -> Iterator[Site]:
    """A site that answers; ended with the block, if the test has not done so."""
    started = Site(environment, output)
    try:
        started.wait_until_it_answers()
        yield started
    finally:
        if started.process.poll() is None:
            started.end()


def below(pid: int) -> Iterator[int]:
    """The ids of all descendants, from /proc."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from below(int(child))


def command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def gone(pids: Iterable[int], seconds: float = 5) -> bool:
    """Do all these processes end within the time? A zombie that nobody has collected yet has
    ended."""
    deadline = time.monotonic() + seconds
    while any(map(alive, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def interrupt_like_a_terminal(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C: INT to the whole foreground group."""
    os.killpg(process.pid, signal.SIGINT)
