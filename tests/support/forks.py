"""Scripts at once, each in a process of its own: children of one process that has imported Django
already, which takes a second of processor time for every process that does it alone."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.site import ROOT

# Reads scripts and where each writes what it prints; a child dies with this parent.
PARENT = """
import ctypes, json, os, signal, sys, traceback
import django
django.setup()
from django.db import connections

connections.close_all()
given = json.load(sys.stdin)
children = []
for script, output in given:
    child = os.fork()
    if child:
        children.append(child)
        continue
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    status = 1
    try:
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT, 0o600), 1)
        exec(script, {"__name__": "__main__"})
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
for child in children:
    os.waitpid(child, 0)
"""


def run_at_once(environment: dict[str, str], scripts: list[str]) -> list[str]:
    """Run every script to its end; the words that they printed. None may fail or complain."""
    with tempfile.TemporaryDirectory(prefix="ipmanager-forks-") as place:
        outputs = [Path(place) / str(number) for number in range(len(scripts))]
        given = [(script, str(output)) for script, output in zip(scripts, outputs, strict=True)]
        done = subprocess.run(
            [sys.executable, "-c", PARENT],
            cwd=ROOT,
            env=environment | {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"},
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return [word for output in outputs for word in output.read_text().split()]
