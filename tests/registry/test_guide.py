"""docs/registry.md: every example on the page runs, in the page's order, and answers what the page
says.

In an answer, … stands for anything; a line of it alone, for any lines.
"""

import re
import subprocess
import sys

import pytest

from registry.export import FORMATS
from tests.support import require
from tests.support.docker import container, engine, published
from tests.support.site import ROOT, site

GUIDE = (ROOT / "docs/registry.md").read_text()
TOKEN = "a-token-for-the-guide-alone"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def examples():
    """Each command of the page with what it should answer."""
    found = []
    for line in "".join(blocks("console")).splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(lines):
    parts = [
        "(?s:.*)" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n"
        for line in lines
    ]
    return re.compile("".join(parts))


@pytest.fixture
def environment(shared_database, tmp_path):
    """A site, an engine, and what the page's commands need to find them."""
    shim = tmp_path / "bin" / "manage.py"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/manage.py "$@"\n')
    shim.chmod(0o755)
    shared = shared_database | {"IPMANAGER_BOOTSTRAP_TOKEN": TOKEN, "IPMANAGER_DEMO": "0"}
    with (
        site(shared, tmp_path / "output") as running,
        engine([container("cache-1", [published(6379, 6379)])], tmp_path / "docker.sock") as host,
    ):
        yield shared | {
            "PATH": f"{shim.parent}:{shared['PATH']}",
            "URL": running.url,
            "TOKEN": TOKEN,
            "DOCKER_HOST": host,
            "IPMANAGER_URL": running.url,
            "IPMANAGER_TOKEN": TOKEN,
        }


@require.mark("curl")
@pytest.mark.whole
def test_every_example_of_the_guide_runs_as_it_says(environment):
    script = "".join(f"{command}\nprintf '\\0'\n" for command, _answer in examples())
    done = subprocess.run(
        ["sh", "-u"], input=script, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    answers = done.stdout.split("\0")[:-1]
    assert len(answers) == len(examples()) > 15
    for (command, wanted), answer in zip(examples(), answers, strict=True):
        said = answer.rstrip("\n") + "\n" if wanted else answer
        assert pattern(wanted).fullmatch(said), f"$ {command}\n{answer}"
    (program,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert "billing is at http://10.0.0.5:8000" in done.stdout, done.stderr


def test_the_guide_has_an_example_of_every_format():
    commands = " ".join(command for command, _answer in examples())
    assert [
        name for name in FORMATS if not re.search(rf"(export/|export_services ){name}\b", commands)
    ] == []
