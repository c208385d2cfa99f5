"""core.files: old file or new file, never a part; one holder of a lock at a time."""

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from core import files
from tests.support.disk import tiny_disk
from tests.support.site import ROOT

OLD, NEW = b"old\n" * 1000, b"new\n" * 1000


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "hosts"
    path.write_bytes(OLD)
    return path


def names(directory):
    return sorted(entry.name for entry in directory.iterdir())


def run_python(program, *arguments):
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], cwd=ROOT, timeout=30
    )


def test_replace_writes_the_bytes_and_leaves_nothing_beside(target):
    files.replace(target, NEW)
    assert target.read_bytes() == NEW
    assert names(target.parent) == ["hosts"]


def test_replace_makes_a_new_file(tmp_path):
    files.replace(tmp_path / "fresh", NEW)
    assert (tmp_path / "fresh").read_bytes() == NEW


def test_replace_takes_an_empty_file(target):
    files.replace(target, b"")
    assert target.read_bytes() == b""


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_replace_gives_its_mode_whatever_the_umask(target, umask):
    before = os.umask(umask)
    try:
        files.replace(target, NEW, mode=0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_replace_does_not_write_through_a_symlink(target):
    link = target.parent / "link"
    link.symlink_to(target)
    files.replace(link, NEW)
    assert target.read_bytes() == OLD
    assert link.read_bytes() == NEW and not link.is_symlink()


@pytest.mark.parametrize("call", ["write", "fchmod", "fsync", "rename"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
def test_a_failing_call_leaves_the_old_file_and_no_temporary_one(target, monkeypatch, call, code):
    def fail(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(f"os.{call}", fail)
    with pytest.raises(OSError) as refusal:
        files.replace(target, NEW)
    assert (refusal.value.filename, refusal.value.filename2) == (str(target), None)
    assert target.read_bytes() == OLD
    assert names(target.parent) == ["hosts"]


def test_after_an_io_error_the_data_is_written_anew_not_synced_again(target, monkeypatch):
    written, synced, real_fsync = [], [], os.fsync

    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        if len(synced) == 1:
            raise OSError(errno.EIO, "lost")
        real_fsync(descriptor)

    real_write = os.write
    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr(
        "os.write", lambda fd, data: written.append(bytes(data)) or real_write(fd, data)
    )
    files.replace(target, NEW)
    assert target.read_bytes() == NEW
    assert written == [NEW, NEW]


def test_a_short_write_is_continued(target, monkeypatch):
    real_write = os.write
    monkeypatch.setattr("os.write", lambda fd, data: real_write(fd, data[:7]))
    files.replace(target, NEW)
    assert target.read_bytes() == NEW


KILLED_AT = """
import os, signal, sys
from core import files
from tests.support.disk import tiny_disk
call, path = sys.argv[1:]
real = getattr(os, call)
def die_at_this_call(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
def die_after_this_call(*arguments):
    real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
for when in (die_at_this_call, die_after_this_call):
    if not os.fork():
        setattr(os, call, when)
        files.replace(path, b"new\\n" * 1000)
        os._exit(0)
    assert os.WTERMSIG(os.wait()[1]) == signal.SIGKILL
    data = open(path, "rb").read()
    assert data in (b"old\\n" * 1000, b"new\\n" * 1000), data[:80]
"""


@pytest.mark.parametrize("call", ["write", "fchmod", "fsync", "rename"])
def test_a_writer_killed_at_any_call_leaves_a_whole_file(target, call):
    assert run_python(KILLED_AT, call, target).returncode == 0
    files.remove_leftovers(target)
    assert names(target.parent) == ["hosts"]


def test_leftovers_of_other_files_stay(target):
    other = target.parent / ".opts.new-abc"
    other.write_bytes(b"")
    (target.parent / ".hosts.new-abc").write_bytes(b"")
    files.remove_leftovers(target)
    assert names(target.parent) == [".opts.new-abc", "hosts"]


@pytest.mark.needs("root", "namespaces")  # who may make those may mount a tiny disk
def test_a_full_disk_leaves_the_old_file(tmp_path):
    with tiny_disk(tmp_path):
        target = tmp_path / "hosts"
        files.replace(target, OLD)
        with pytest.raises(OSError) as refusal:
            files.replace(target, b"x" * 200_000)
        assert refusal.value.errno == errno.ENOSPC
        assert target.read_bytes() == OLD
        assert names(tmp_path) == ["hosts"]


def test_readers_never_see_a_part_or_no_file(target):
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(300):
            files.replace(target, NEW if turn % 2 else OLD)
    finally:
        stop.set()
        reader.join()
    assert seen <= {OLD, NEW}


HOLDER = """
import sys, time
from core import files
from tests.support.disk import tiny_disk
with files.lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_by_another(path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], cwd=ROOT, **pipes) as holder:
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_lock_keeps_another_process_out_and_says_so(tmp_path):
    with held_by_another(tmp_path / "lock"):
        started = time.monotonic()
        with (
            pytest.raises(files.Locked, match="locked by another process"),
            files.lock(tmp_path / "lock", timeout=0.1),
        ):
            pass
        assert time.monotonic() - started < 2


def test_lock_is_free_as_soon_as_its_holder_is_killed(tmp_path):
    with held_by_another(tmp_path / "lock") as holder:
        holder.kill()
        with files.lock(tmp_path / "lock", timeout=5):
            pass


def test_who_waited_for_a_lock_whose_file_was_removed_waits_for_the_new_one(tmp_path):
    path, entered = tmp_path / "lock", threading.Event()

    def enter():
        with files.lock(path, timeout=20):
            entered.set()

    with held_by_another(path) as holder:
        waiter = threading.Thread(target=enter)
        waiter.start()
        time.sleep(0.1)
        path.unlink()
        with files.lock(path):
            holder.kill()
            assert not entered.wait(0.3)
        waiter.join()
    assert entered.is_set()


def test_lock_keeps_another_thread_out(tmp_path):
    with (
        files.lock(tmp_path / "lock"),
        pytest.raises(files.Locked),
        files.lock(tmp_path / "lock", timeout=0),
    ):
        pass


COUNT = """
import sys
from pathlib import Path
from core import files
from tests.support.disk import tiny_disk
counter = Path(sys.argv[1])
for _ in range(50):
    with files.lock(counter.with_name("lock"), timeout=30):
        files.replace(counter, str(int(counter.read_text()) + 1).encode())
"""


def test_lock_makes_read_then_write_safe(tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    workers = [
        subprocess.Popen([sys.executable, "-c", COUNT, str(counter)], cwd=ROOT) for _ in range(3)
    ]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0, 0]
    assert counter.read_text() == "150"
