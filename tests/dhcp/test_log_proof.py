"""A log is read through its rotations with flat memory, and every line counts once, also by workers
that are killed.

The long form (`make proof`) reads 1,000,000 lines, and kills at 20 points."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from django.conf import settings as site

from dhcp.log.lines import KINDS
from dhcp.models import DhcpLog, DhcpTransaction
from tests.dhcp.log_lines import many_lines

pytestmark = [pytest.mark.django_db(transaction=True)]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
LINES, KILLED_LINES, KILLS = (1_000_000, 200_000, 20) if LONG else (20_000, 4_000, 5)
LINES_PER_SECOND = 20_000  # of processor time, in the long form: other programs run beside it
OF_A_BATCH = 32 * 1024  # KiB: what one batch takes, and so the whole log

BEGIN = """
import json, os, signal, sys, time
from dataclasses import replace
from pathlib import Path
import django
django.setup()
from django.db import connection
from core.following import files
from dhcp.files.targets import Target
from dhcp.log.reader import LogReader
from dhcp.models import DhcpLog

log = Path(sys.argv[1])
target = replace(Target.from_settings(), log=str(log))

def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4
"""

# Reads until the log is complete; prints how fast, and its memory (KiB) in each round.
READ = (
    BEGIN
    + """
reader = LogReader(target)
reader.work()
print("ready", flush=True)
began = used = None
kept = []
while True:
    is_complete = log.with_name("complete").exists()
    if began is None and any(path.stat().st_size for path in log.parent.glob("dnsmasq.log*")):
        began, used = time.monotonic(), time.process_time()
    reader.work()
    kept.append(memory())
    if is_complete and not reader.more:
        break
seconds, cpu = time.monotonic() - began, time.process_time() - used
print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": kept}))
"""
)

# Children read on, each killed before one of its statements or commits; the last one to the end.
KILLED = (
    BEGIN
    + """
files.AT_ONCE, files.FIRST = 1 << 14, 1 << 40
connection.close()

def child(point):
    statements = 0

    def die_at_point(execute, *rest):
        nonlocal statements
        statements += 1
        if statements == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(*rest)

    reader = LogReader(target)
    with connection.execute_wrapper(die_at_point):
        reader.work()
        while point is None and reader.more:
            reader.work()

for point in [*json.loads(sys.argv[2]), None]:
    pid = os.fork()
    if not pid:
        child(point)
        os._exit(0)
    _pid, status = os.waitpid(pid, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
"""
)


def run(script, environment, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=site.BASE_DIR,
        env=environment | {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "dnsmasq.log"
    path.touch()
    return path


def write(path, lines):
    """Append the lines; return how many there were of each kind."""
    counts = Counter()
    with path.open("a") as file:
        for line in lines:
            file.write(f"{line}\n")
            counts[KINDS[line.partition("]: ")[2].partition("(")[0]]] += 1
    return counts


def part_of(lines, number):
    return [line for _number, line in zip(range(number), lines, strict=False)]


def assert_all_counted(counts):
    row = DhcpLog.objects.get()
    assert (row.lines, row.counts, row.losses) == (counts.total(), dict(counts), 0)


def test_every_line_counts_once_through_two_rotations_with_flat_memory(
    log, shared_database, settings, request
):
    lines = many_lines(LINES, seed=random.randrange(1 << 30))
    reader = run(READ, shared_database, log)
    assert reader.stdout.readline() == "ready\n"
    counts = write(log, part_of(lines, LINES // 3))
    log.rename(log.with_suffix(".log.2"))
    log.touch()
    counts += write(log, part_of(lines, LINES // 3))
    shutil.copy(log, log.with_suffix(".log.1"))
    os.truncate(log, 0)
    counts += write(log, lines)
    log.with_name("complete").touch()
    said, _errors = reader.communicate()
    assert reader.returncode == 0
    assert_all_counted(counts)
    assert DhcpTransaction.objects.count() == min(LINES, settings.KEEP_DHCP_ROWS)
    found = json.loads(said)
    kept = found["memory"]
    assert max(kept) - kept[0] < OF_A_BATCH
    if LONG:
        speed = LINES / found["cpu"]
        print(
            f"{LINES} lines in {found['seconds']:.1f} s ({LINES / found['seconds']:.0f}/s), "
            f"{found['cpu']:.1f} s of processor time ({speed:.0f}/s), {max(kept) / 1024:.0f} MiB "
            f"({(max(kept) - kept[0]) / 1024:+.1f})"
        )
        assert speed > LINES_PER_SECOND


def test_killed_workers_read_on_where_they_were(log, shared_database):
    counts = write(log, many_lines(KILLED_LINES, seed=random.randrange(1 << 30)))
    points = [random.randrange(1, 40) for _kill in range(KILLS)]
    script = run(KILLED, shared_database, log, json.dumps(points))
    said, _errors = script.communicate()
    assert script.returncode == 0
    statuses = [int(word) for word in said.split()]
    assert statuses[-1] == 0
    assert 9 in statuses
    row = DhcpLog.objects.get()
    assert (row.losses, row.lines) == (0, counts.total())
    assert row.counts == dict(counts)
    assert DhcpTransaction.objects.count() == counts.total()
