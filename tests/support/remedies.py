"""Do what the doctor says: the printed commands, one after the other."""

import os
import pickle
import shlex
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from django.core.management import call_command

from core.findings import Finding
from tests.support.lab import Laboratory
from tests.support.site import ROOT


def follow(finding: Finding, lab: Laboratory | None = None) -> str:
    """Their output. `manage.py` runs in this process; what systemd would do to dnsmasq is done to
    the laboratory's."""
    assert finding.commands, finding
    return "".join(_run(command, lab) for command in finding.commands)


def follow_in_shell(finding: Finding, environment: dict[str, str], answers: str = "") -> str:
    """The same in a shell, `manage.py` too, for what must be a process of its own."""
    python = shlex.quote(sys.executable)
    said = ""
    for command in finding.commands:
        text = command.replace("manage.py", f"{python} manage.py", 1)
        done = subprocess.run(
            ["sh", "-c", text],
            cwd=ROOT,
            env=environment,
            input=answers,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
            timeout=120,
        )
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        said += done.stdout
    return said


def _run(command: str, lab: Laboratory | None) -> str:
    words = shlex.split(command)
    if words[0] == "manage.py":
        call_command(*words[1:])
        return ""
    if words[0] == "systemctl":
        assert lab
        _systemctl(words[1:], lab)
        return ""
    return subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout


def _systemctl(words: list[str], lab: Laboratory) -> None:
    if words == ["restart", "dnsmasq"]:
        lab.stop()
        lab.start()
    else:
        assert words == ["kill", "-s", "SIGHUP", "dnsmasq"]
        lab.reload()


def as_user(uid: int, question: Callable[[], Any]) -> Any:
    """The answer of a child of ours that is this user."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            with os.fdopen(writer, "wb") as stream:
                pickle.dump(question(), stream)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = pickle.load(stream)
    os.waitpid(child, 0)
    return answer
