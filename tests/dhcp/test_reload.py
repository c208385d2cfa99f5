"""dhcp.daemon.reload: the right process hears of it, no other one ever, and it must survive."""

import functools
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from core.errors import Invalid
from dhcp.checks import check_settings
from dhcp.daemon.reload import SUDO, ReloadFailed, complaint_about, reload


@pytest.fixture
def start(tmp_path):
    """Start a program under another name; its pid file."""
    running = []

    def start(name, *command):
        program = tmp_path / name
        shutil.copy(shutil.which(command[0]), program)
        # Whoever runs the tests under nohup passes on that SIGHUP is ignored.
        heed = functools.partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)
        running.append(subprocess.Popen([program, *command[1:]], preexec_fn=heed))
        pidfile = tmp_path / f"{name}.pid"
        pidfile.write_text(f"{running[-1].pid}\n")
        wait_for_name(running[-1].pid, name)
        return pidfile, running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def wait_for_name(pid, name):
    for _ in range(500):
        with open(f"/proc/{pid}/comm") as comm:
            if comm.read().strip() == name:
                return
        time.sleep(0.01)


def test_nothing_is_done_where_somebody_else_reloads():
    reload("none")
    reload("generation")


def test_a_process_that_is_not_dnsmasq_is_never_signalled(start):
    pidfile, process = start("innocent", "sleep", "60")
    with pytest.raises(ReloadFailed, match="which is 'innocent', not dnsmasq"):
        reload(f"pidfile:{pidfile}")
    assert process.poll() is None


def test_a_dnsmasq_that_dies_of_the_reload_is_a_failure(start):
    pidfile, _ = start("dnsmasq", "sleep", "60")  # SIGHUP ends it
    with pytest.raises(ReloadFailed, match="ended when it was signalled to reload"):
        reload(f"pidfile:{pidfile}")


def test_a_dnsmasq_that_lives_on_has_heard(start, tmp_path):
    pidfile, process = start("dnsmasq", "sh", "-c", "trap ':' HUP; while :; do sleep 0.01; done")
    time.sleep(0.05)  # until the trap is set
    reload(f"pidfile:{pidfile}")
    assert process.poll() is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot read"), ("", "no process number"), ("x\n", "no process number")],
)
def test_a_useless_pid_file_is_named(tmp_path, content, reason):
    pidfile = tmp_path / "dnsmasq.pid"
    if content is not None:
        pidfile.write_text(content)
    with pytest.raises(ReloadFailed, match=reason) as refusal:
        reload(f"pidfile:{pidfile}")
    assert str(pidfile) in str(refusal.value)


def test_a_stale_pid_file_is_named(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    for number in (gone.pid, -1, 10**30):
        (tmp_path / "pid").write_text(str(number))
        with pytest.raises(ReloadFailed, match="does not exist"):
            reload(f"pidfile:{tmp_path}/pid")


def fake_sudo(tmp_path, monkeypatch, script):
    sudo = tmp_path / "sudo"
    sudo.write_text(f"#!/bin/sh\n{script}\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def test_sudo_runs_exactly_one_command(tmp_path, monkeypatch):
    fake_sudo(tmp_path, monkeypatch, f"printf '%s\\n' \"$@\" > {tmp_path}/said")
    reload("sudo")
    assert (tmp_path / "said").read_text().split("\n") == [
        "-n",
        "systemctl",
        "kill",
        "-s",
        "SIGHUP",
        "dnsmasq",
        "",
    ]
    assert SUDO[0] == "sudo"


def test_a_refusal_of_sudo_is_the_reason(tmp_path, monkeypatch):
    fake_sudo(tmp_path, monkeypatch, "echo 'a password is required' >&2; exit 1")
    with pytest.raises(ReloadFailed, match="a password is required"):
        reload("sudo")


def test_a_machine_without_sudo_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReloadFailed, match="sudo is not installed"):
        reload("sudo")


@pytest.mark.parametrize(
    "method", ["none", "sudo", "generation", "pidfile:/run/dnsmasq/dnsmasq.pid"]
)
def test_right_methods(method, settings):
    settings.DNSMASQ_RELOAD, settings.DNSMASQ_DIR = method, Path("/")
    assert complaint_about(method) == "" and check_settings(None) == []


def test_a_directory_that_dnsmasqs_user_cannot_reach_is_named(settings, tmp_path):
    closed = tmp_path / "closed"
    settings.DNSMASQ_RELOAD, settings.DNSMASQ_DIR = "sudo", closed / "dnsmasq"
    settings.DNSMASQ_DIR.mkdir(parents=True)
    for mode, named in ((0o700, True), (0o750, True), (0o711, False)):
        closed.chmod(mode)
        assert (
            any(f"cannot enter {closed}" in message.msg for message in check_settings(None))
            is named
        )
    settings.DNSMASQ_RELOAD = "none"
    closed.chmod(0o700)
    assert check_settings(None) == []


@pytest.mark.parametrize(
    "method", ["", "Sudo", "sudo:x", "pidfile", "pidfile:", "pidfile:relative", "none:", "rm -rf /"]
)
def test_wrong_methods_are_named_by_the_check_and_refused(method, settings):
    settings.DNSMASQ_RELOAD, settings.DNSMASQ_DIR = method, Path("/")
    assert [message.id for message in check_settings(None)] == ["dhcp.E001"]
    with pytest.raises(Invalid, match="IPMANAGER_DNSMASQ_RELOAD"):
        reload(method)
