"""Make dnsmasq read its files again. No shell, no pattern of names: one process, or one exact
command."""

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import Invalid, Unavailable

SUDO = ["sudo", "-n", "systemctl", "kill", "-s", "SIGHUP", "dnsmasq"]
_SUDO_SECONDS = 10
# dnsmasq 2.90 dies of some files at once; this is long enough to see it and short enough to wait
# for.
_WATCH_SECONDS = 0.05


class ReloadFailed(Unavailable):
    """dnsmasq was not made to reload, or did not survive it."""

    code = "reload_failed"


def reload(method: str) -> None:
    """Make dnsmasq reload by the method of IPMANAGER_DNSMASQ_RELOAD. Raises ReloadFailed with the
    reason."""
    kind, _, argument = method.partition(":")
    complaint = complaint_about(method)
    if complaint:
        raise Invalid(complaint)
    if kind == "pidfile":
        _signal(Path(argument))
    elif kind == "sudo":
        _run_sudo()
    # none: somebody else reloads. generation: the file that was just written is the message.


def complaint_about(method: str) -> str:
    """What is wrong with a value of IPMANAGER_DNSMASQ_RELOAD; empty when it is right."""
    if method in ("none", "sudo", "generation") or method.startswith("pidfile:/"):
        return ""
    return f"IPMANAGER_DNSMASQ_RELOAD: {method!r} is not none, sudo, generation or pidfile:/PATH"


def _signal(pidfile: Path) -> None:
    pid = _read_pid(pidfile)
    with _process(pid, pidfile) as process:
        # The handle is taken before the name is read, so no other process can slip in between.
        name = _name_of(pid)
        if name != "dnsmasq":
            raise ReloadFailed(
                f"{pidfile} names process {pid}, which is {name!r}, not dnsmasq",
                hint="is dnsmasq running?",
            )
        try:
            signal.pidfd_send_signal(process, signal.SIGHUP)
        except OSError as error:
            raise ReloadFailed(f"cannot signal dnsmasq ({pid}): {error.strerror}") from error
        if select.select([process], [], [], _WATCH_SECONDS)[0]:
            raise ReloadFailed(
                f"dnsmasq ({pid}) ended when it was signalled to reload",
                hint="see its log, then start it again",
            )


def _read_pid(pidfile: Path) -> int:
    try:
        return int(pidfile.read_text())
    except OSError as error:
        raise ReloadFailed(
            f"cannot read {pidfile}: {error.strerror}", hint="is dnsmasq running?"
        ) from error
    except ValueError as error:
        raise ReloadFailed(f"{pidfile} holds no process number") from error


@contextmanager
def _process(pid: int, pidfile: Path) -> Iterator[int]:
    try:
        process = os.pidfd_open(pid)
    except (OSError, OverflowError) as error:
        raise ReloadFailed(
            f"{pidfile} names process {pid}, which does not exist", hint="is dnsmasq running?"
        ) from error
    try:
        yield process
    finally:
        os.close(process)


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "gone"


def _run_sudo() -> None:
    try:
        done = subprocess.run(
            SUDO,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SUDO_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise ReloadFailed("sudo is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ReloadFailed(f"{' '.join(SUDO)} did not end within {_SUDO_SECONDS} s") from error
    if done.returncode:
        raise ReloadFailed(
            f"{' '.join(SUDO)}: {done.stderr.strip()[:500] or f'status {done.returncode}'}"
        )
