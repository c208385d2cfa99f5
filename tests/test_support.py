"""The tests' own tools keep their promises."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import outcomes, postgres, require
from tests.support.site import ROOT, below, gone


@pytest.fixture
def unicorn(monkeypatch):
    monkeypatch.setitem(require.PARTS, "unicorn", lambda: "not seen since 1750")
    monkeypatch.delenv("IPMANAGER_TEST_REQUIRE", raising=False)
    yield
    require.missing.cache_clear()


def test_a_missing_part_skips_by_name_and_reason(unicorn):
    with pytest.raises(pytest.skip.Exception, match="unicorn: not seen since 1750"):
        require.part("unicorn")


@pytest.mark.parametrize("wanted", ["all", "chromium,unicorn"])
def test_a_missing_part_fails_when_it_is_required(unicorn, monkeypatch, wanted):
    monkeypatch.setenv("IPMANAGER_TEST_REQUIRE", wanted)
    with pytest.raises(pytest.fail.Exception, match="unicorn is required: not seen since 1750"):
        require.part("unicorn")


# Holds a server until it is ended; prints the server's process id and its directory.
HOLDER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from pathlib import Path
from urllib.parse import unquote, urlsplit
from tests.support import postgres
with postgres.server() as url:
    home = Path(unquote(urlsplit(url).netloc.split("@")[1].split(":")[0]))
    print((home / "data/postmaster.pid").read_text().split()[0], home, flush=True)
    time.sleep(60)
"""


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_postgresql_server_ends_with_its_test_run(number):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as holder:
        server, home = holder.stdout.readline().split()
        holder.send_signal(number)
    assert gone([int(server)], seconds=20)
    assert number == signal.SIGKILL or not Path(home).exists()
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.needs("postgresql")
def test_the_second_pass_runs_on_postgresql():
    """Skipped by name where `make test` has to leave that pass out."""
    assert postgres.missing() == ""


PURE, ROWS, PAGES = "dhcp/test_render.py", "registry/test_ports.py", "e2e/test_services.py"


@pytest.mark.parametrize(
    ("vendor", "second", "run"),
    [
        ("sqlite", "part", {PURE, ROWS, PAGES}),
        ("postgresql", "part", {ROWS}),
        ("postgresql", "whole", {ROWS}),
    ],
)
def test_what_asks_no_database_runs_on_the_first_one_only(vendor, second, run):
    """Who only collects tests opens no database, so this one need not be there."""
    files = [f"tests/{file}" for file in (PURE, ROWS, PAGES)]
    command = [sys.executable, "-m", "pytest", "-n0", "--collect-only", "-q", *files]
    environment = os.environ | {
        "IPMANAGER_TEST_DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "IPMANAGER_TEST_SECOND": second,
        "IPMANAGER_TEST_VENDOR": vendor,
    }
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert set(re.findall(r"^tests/(\S+?)::", done.stdout, re.MULTILINE)) == run


def suite_of(tmp_path, text, *options):
    """tests/run.py on one file of tests, on SQLite."""
    (tmp_path / "test_tried.py").write_text(text)
    command = [sys.executable, "-m", "tests.run", "--only", "sqlite", "--seed", "7", *options]
    place = ["-c", f"{ROOT}/pyproject.toml", "--rootdir", str(tmp_path)]
    return subprocess.Popen(
        [*command, *place, "-p", "tests.conftest", "test_tried.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


FAILING = """
import random

def test_passes():
    pass

def test_fails():
    assert random.random() < 0, f"drew {random.random()}"
"""


def test_a_failed_run_tries_again_and_names_its_seed(tmp_path):
    with suite_of(tmp_path, FAILING) as run:
        said = run.communicate(timeout=300)[0]
    assert run.returncode == 1
    assert "\nrandom examples: --seed=7\n" in said
    assert said.endswith("\n1 passed, 1 failed, 0 skipped (sqlite)\n")
    assert "sqlite: the 1 that failed, once more" in said


SLOW = """
import time
from pathlib import Path

def test_slow():
    Path({began!r}).touch()
    time.sleep(120)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process(tmp_path, number):
    began = tmp_path / "began"
    with suite_of(tmp_path, SLOW.format(began=str(began)), "--workers", "2") as run:
        deadline = time.monotonic() + 120
        while not began.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        started = list(below(run.pid))
        run.send_signal(number)
        assert len(started) >= 3
        assert gone(started, seconds=30)


def test_a_run_ends_with_what_ran_on_which_database():
    found = {
        "tests/ipam/test_a.py::test_x on sqlite": "passed",
        "tests/ipam/test_a.py::test_y[1 on 2] on sqlite": "passed",
        "tests/ipam/test_a.py::test_x on postgresql": "failed",
        "tests/pxe/test_b.py::test_x on sqlite": "skipped",
        "tests/test_c.py::test_x on postgresql": "passed",
    }
    lines = [" ".join(line.split()) for line in outcomes.table(found, ["sqlite", "postgresql"])]
    assert lines == [
        "tests passed sqlite postgresql",
        "ipam 2 0 (1 failed)",
        "pxe 0 (1 skipped) -",
        "test_c.py - 1",
    ]
