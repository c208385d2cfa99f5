"""A log is read on through its rotations, and every line of it once."""

import gzip
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime

import pytest

from core.following import files, logs
from core.following.batches import LONGEST
from core.following.entries import Parser
from core.following.files import FileLog

pytestmark = pytest.mark.once
NOW = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
LINE = "Nov 30 14:11:11 dnsmasq-dhcp[7]: DHCPACK(eth0) 10.77.0.9 02:00:00:00:00:01 number {}"


class Reading:
    """A log that is read as a worker does: the position is kept, the process is not."""

    def __init__(self, path):
        self.path, self.position, self.losses = path, None, []

    def read(self, *, again=False):
        """What is new, as numbers; `again`: by a process that has just started."""
        if again or not hasattr(self, "log"):
            self.log = FileLog(self.path)
        lines, more = [], True
        while more:
            batch = self.log.read(self.position)
            self.position, more = batch.position, batch.more or batch.lines
            lines += batch.lines
            self.losses += [batch.lost] if batch.lost else []
        return [int(line.rpartition(" ")[2]) for line in lines]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "dnsmasq.log"
    path.touch()
    return path


@pytest.fixture
def reading(path):
    reading = Reading(path)
    assert reading.read() == []
    return reading


def write(path, *numbers, end="\n"):
    with path.open("a") as file:
        file.write("\n".join(LINE.format(number) for number in numbers) + end)


@pytest.mark.parametrize("again", [False, True])
def test_only_whole_lines_are_read_each_once(path, reading, again):
    write(path, 1, 2)
    write(path, 3, end="")
    assert reading.read(again=again) == [1, 2]
    with path.open("a") as file:
        file.write("\n")
    assert reading.read(again=again) == [3]


@pytest.mark.parametrize("again", [False, True])
def test_a_renamed_file_is_read_to_its_end_then_those_after_it(path, reading, again):
    write(path, *range(20))
    assert reading.read(again=again) == [*range(20)]
    write(path, 20)
    path.rename(path.with_suffix(".log.2"))
    assert reading.read(again=again) == [20]  # there is no new file yet
    write(path.with_suffix(".log.2"), 21)  # dnsmasq still has it open
    write(path, 22)
    path.rename(path.with_suffix(".log.1"))
    write(path, 23, 24)
    assert reading.read(again=again) == [21, 22, 23, 24]
    assert reading.losses == []


@pytest.mark.parametrize("again", [False, True])
def test_after_copytruncate_the_rest_is_read_from_the_copy(path, reading, again):
    write(path, *range(20))
    assert reading.read(again=again) == [*range(20)]
    write(path, 20, 21)
    shutil.copy(path, path.with_suffix(".log.1"))
    os.truncate(path, 0)
    assert reading.read(again=again) == [20, 21]
    write(path, *range(22, 60))  # longer than before
    assert reading.read(again=again) == [*range(22, 60)]
    assert reading.losses == []


def test_what_was_compressed_before_it_was_read_is_lost_and_reported(path, reading):
    write(path, *range(20))
    reading.read()
    write(path, 20)
    with gzip.open(path.with_suffix(".log.1.gz"), "wb") as file:
        file.write(path.read_bytes())
    path.unlink()
    write(path, 21)
    assert reading.read(again=True) == [21]
    (loss,) = reading.losses
    assert "was replaced or truncated" in loss


def test_a_deleted_file_that_was_open_is_read_to_its_end(path, reading):
    write(path, 1)
    assert reading.read() == [1]
    write(path, 2)
    path.unlink()
    write(path, 3)
    assert reading.read() == [2, 3]


def test_a_new_file_with_the_old_inode_is_read_from_its_beginning(path, reading):
    write(path, *range(20))
    reading.read()
    text = path.read_text().replace("14:11:11", "15:11:11")
    path.write_text(text)  # the same inode and the same length
    assert reading.read() == [*range(20)]


def test_a_large_log_is_read_from_near_its_end_at_first(path, monkeypatch):
    monkeypatch.setattr(files, "FIRST", 500)
    write(path, *range(100))
    assert Reading(path).read() == [95, 96, 97, 98, 99]


def test_a_line_without_end_is_skipped(path, reading):
    with path.open("a") as file:
        file.write("x" * (LONGEST + 10))
    assert reading.read() == []
    with path.open("a") as file:
        file.write(" 0\n")
    write(path, 1)
    assert reading.read()[-1] == 1


def test_a_log_that_does_not_exist_yet_is_read_once_it_does(tmp_path):
    reading = Reading(tmp_path / "none" / "log")
    assert reading.read() == []
    (tmp_path / "none").mkdir()
    write(tmp_path / "none" / "log", 1)
    assert reading.read() == [1]


def test_lines_of_a_pipe_are_given_until_they_are_stored(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    log = logs.open_log(str(pipe), ["dnsmasq"])
    assert log.read(None).lines == []
    write(pipe, 1)
    write(pipe, 2, end="")
    batch = log.read(None)
    assert batch.lines == log.read(None).lines == [LINE.format(1)]
    log.done()
    with pipe.open("a") as file:
        file.write("\n")
    assert log.read(batch.position).lines == [LINE.format(2)]
    log.close()


# --- lines ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beginning", "at"),
    [
        ("Nov 30 14:11:11 dnsmasq-dhcp[7]", datetime(2026, 11, 30, 14, 11, 11, tzinfo=UTC)),
        ("Dec  1 14:00:00 gate dnsmasq-dhcp[7]", datetime(2026, 12, 1, 14, tzinfo=UTC)),
        ("Dec 31 23:59:59 dnsmasq-dhcp[7]", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Feb 29 00:00:00 dnsmasq-dhcp[7]", datetime(2024, 2, 29, tzinfo=UTC)),
        (
            "2026-11-30T14:11:11.25+02:00 gate dnsmasq-dhcp[7]",
            datetime(2026, 11, 30, 12, 11, 11, 250000, tzinfo=UTC),
        ),
    ],
)
def test_the_time_of_a_line_is_read(monkeypatch, beginning, at):
    monkeypatch.setattr("core.following.entries.local_zone", lambda: UTC)
    (entry,) = Parser().entries([f"{beginning}: text"], "dnsmasq", NOW)
    assert entry == (min(at, NOW), "dnsmasq-dhcp", "text")


def test_lines_of_one_second_keep_their_order():
    entries = list(Parser().entries([LINE.format(n) for n in range(3)], "dnsmasq", NOW))
    assert [entry.at for entry in entries] == sorted({entry.at for entry in entries})


@pytest.mark.parametrize("line", ["", "dnsmasq", "Nov 32 14:11:11 dnsmasq[1]: x", "Nov 30 14:"])
def test_what_is_no_line_is_skipped(line):
    assert list(Parser().entries([line], "dnsmasq", NOW)) == []


# --- the journal ------------------------------------------------------------------------------

JOURNALD = """
mount --bind {run} /run && /usr/lib/systemd/systemd-journald & journald=$!
trap 'kill $journald' EXIT
while ! [ -S /run/systemd/journal/dev-log ]; do sleep 0.02; done
touch {run}/ready
while read -r message; do
    logger --socket /run/systemd/journal/dev-log --id=7 --tag "${{message%% *}}" "${{message#* }}"
done
"""


@pytest.mark.needs("root", "namespaces")
@pytest.mark.skipif(not shutil.which("journalctl"), reason="there is no journal")
def test_the_journal_is_read_on_from_a_cursor(tmp_path):
    run = tmp_path / "run"
    (run / "systemd/journal").mkdir(parents=True)
    (run / "log/journal").mkdir(parents=True)
    command = ["unshare", "--mount", "bash", "-c", JOURNALD.format(run=run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as journald:
        wait_for((run / "ready").exists)
        log = logs.open_log(f"journal:{run}/log/journal", ["dnsmasq-dhcp"])

        def said(message, position):
            """What is read once the journal has the message."""
            journald.stdin.write(f"{message}\n")
            journald.stdin.flush()
            found = []
            wait_for(lambda: found.append(log.read(position)) or found[-1].lines)
            return found[-1]

        first = said("dnsmasq-dhcp DHCPACK one", None)
        (entry,) = Parser().entries(first.lines, "dnsmasq", datetime.now(UTC))
        assert entry[1:] == ("dnsmasq-dhcp", "DHCPACK one")
        assert log.read(None).lines == first.lines
        log.done()
        second = said("dnsmasq-dhcp DHCPACK two", first.position)
        log.close()  # as when the worker is killed: nothing was stored
        third = said("other-program three\ndnsmasq-dhcp DHCPACK four", first.position)
        assert [line.rpartition(" ")[2] for line in second.lines + third.lines][:2] == ["two"] * 2
        log.close()
        journald.stdin.close()


def wait_for(ready):
    deadline = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)
