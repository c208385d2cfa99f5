"""SQLite connections outlive a request, notice another file in the place of theirs, and are not
shared by fork."""

import gc
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from core.sqlite3 import base
from core.sqlite3.base import DatabaseWrapper
from ops.backup import sqlite as backup
from tests.support.site import ROOT

pytestmark = [pytest.mark.on("sqlite"), pytest.mark.django_db(transaction=True)]
LIMIT = 20  # seconds that a thread may take


def make(path, word, rows=1):
    """A database file with one table that says which file it is."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE words (word text, filler text)")
        database.executemany("INSERT INTO words VALUES (?, '')", [[word]] * rows)
    database.close()
    return path


@pytest.fixture
def file(tmp_path):
    return make(tmp_path / "ledger.sqlite3", "first")


class Client:
    """A thread of a web server: each call is a request."""

    def __init__(self, path):
        settings = {**connection.settings_dict, "NAME": str(path)}
        self.database = DatabaseWrapper(settings, "client")

    def ask(self, sql="SELECT word FROM words ORDER BY rowid LIMIT 1"):
        try:
            with self.database.cursor() as cursor:
                cursor.execute(sql)
                row = cursor.fetchone()
                return row[0] if row else None
        finally:
            self.database.close_if_unusable_or_obsolete()

    def write(self, word):
        self.ask(f"INSERT INTO words VALUES ('{word}', hex(randomblob(2000)))")

    @property
    def opened(self):
        """The connection itself."""
        return self.database.connection


@pytest.fixture
def client(file):
    client = Client(file)
    yield client
    client.database.close()


def test_requests_share_a_connection(client):
    client.ask()
    first = client.opened
    client.write("second")
    client.ask()
    assert first is not None and client.opened is first


def test_the_sites_connections_are_kept_and_durable(site_environment):
    script = """
import django, json; django.setup()
from django.db import connection
asked = ["synchronous", "journal_mode", "journal_size_limit", "foreign_keys"]
with connection.cursor() as cursor:
    found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in asked}
print(json.dumps([connection.settings_dict["CONN_MAX_AGE"], found]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=site_environment | {"DJANGO_SETTINGS_MODULE": "ipmanager.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    age, found = json.loads(done.stdout)
    assert age is None
    assert found == {
        "synchronous": 2,  # FULL
        "journal_mode": "wal",
        "journal_size_limit": 64 * 1024 * 1024,
        "foreign_keys": 1,
    }


# --- another file ---------------------------------------------------------------------------------


def test_a_file_put_in_its_place_is_read_from_the_next_request_on(client, file, tmp_path):
    assert client.ask() == "first"
    os.replace(make(tmp_path / "other", "second"), file)
    assert client.ask() == "second"


def test_a_request_stays_with_the_file_that_it_began_with(client, file, tmp_path):
    with client.database.cursor() as cursor:
        cursor.execute("SELECT 1")
        os.replace(make(tmp_path / "other", "second"), file)
        cursor.execute("SELECT word FROM words")
        assert cursor.fetchone() == ("first",)
    client.database.close_if_unusable_or_obsolete()
    assert client.ask() == "second"


def test_a_log_removed_from_beside_an_open_file_stops_all_work(client, file, tmp_path):
    """SQLite would write the removed log into the file that was copied over it."""
    client.write("lost")
    client.ask()
    for end in ("-wal", "-shm"):
        Path(f"{file}{end}").unlink()
    other = make(tmp_path / "other", "second")
    shutil.copyfile(other, file)
    for _ in range(2):
        with pytest.raises(OperationalError, match="Stop IPManager"):
            client.write("more")
    assert file.read_bytes() == other.read_bytes()


def test_files_removed_and_made_anew_are_read_from_the_next_request_on(client, file):
    client.write("lost")
    for end in ("", "-wal", "-shm"):
        Path(f"{file}{end}").unlink()
    make(file, "second")
    assert client.ask() == "second"
    assert client.ask("SELECT count(*) FROM words") == 1


def test_a_missing_file_is_an_error_and_no_new_file_is_made(client, file, tmp_path):
    client.ask()
    file.rename(tmp_path / "aside")
    for each in (client, Client(file)):
        with pytest.raises(OperationalError, match="is missing"):
            each.ask()
    assert not file.exists()
    (tmp_path / "aside").rename(file)
    assert client.ask() == "first"


def test_rights_that_were_taken_away_hold_from_the_next_request_on(client, file):
    client.ask()
    first = client.opened
    file.chmod(0o400)
    client.ask()
    assert client.opened is not first


def test_a_file_replaced_while_it_is_opened_is_opened_again(client, file, tmp_path, monkeypatch):
    connect = sqlite3.connect

    def connect_too_late(**params):
        opened = connect(**params)
        monkeypatch.undo()
        os.replace(make(tmp_path / "other", "second"), file)
        return opened

    monkeypatch.setattr(DatabaseWrapper.Database, "connect", connect_too_late)
    client.ask()
    assert client.ask() == "second"


def test_a_restore_under_open_connections_is_seen_by_all(client, file, tmp_path, monkeypatch):
    clients = [client, Client(file)]
    for each in clients:
        each.ask()
    monkeypatch.setattr(backup, "_path", lambda: file)
    backup.load(make(tmp_path / "backup", "restored", rows=5000), "test")
    for each in clients:
        assert each.ask() == "restored"
        each.write("after")
    assert client.ask("SELECT count(*) FROM words") == 5002


def test_a_damaged_file_is_set_aside_under_open_connections(client, file, tmp_path, monkeypatch):
    client.ask()
    monkeypatch.setattr(backup, "_path", lambda: file)
    with file.open("r+b") as damaged:
        damaged.write(b"no database at all")
    backup.load(make(tmp_path / "backup", "restored"), "test")
    assert client.ask() == "restored"


# --- errors ---------------------------------------------------------------------------------------


def test_a_full_disk_costs_one_request_and_the_connection(client):
    client.ask("PRAGMA max_page_count = 3")
    with pytest.raises(OperationalError, match="full"):
        for _ in range(10):
            client.write("x")
    assert client.opened is None
    client.write("after")
    assert client.ask("SELECT word FROM words ORDER BY rowid DESC LIMIT 1") == "after"


def test_a_refused_value_keeps_the_connection(client):
    client.ask("CREATE UNIQUE INDEX one ON words (word)")
    first = client.opened
    with pytest.raises(DatabaseError, match="UNIQUE"):
        client.write("first")
    assert client.opened is first


# --- processes and threads ------------------------------------------------------------------------


def in_child(work):
    """Fork in the middle of whatever this thread does; the child's exit status."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        os._exit(1)


def test_a_forked_process_opens_its_own_connection():
    connection.ensure_connection()
    inherited = connection.connection

    def work():
        assert connection.connection is None
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO vrfs (name) VALUES ('child')")
        assert connection.connection is not inherited

    assert in_child(work) == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM vrfs")
        assert cursor.fetchall() == [("child",)]
    assert connection.connection is inherited


def test_a_fork_inside_a_transaction_leaves_it_to_the_parent():
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO vrfs (name) VALUES ('parent')")

        def work():
            with connection.cursor() as mine:
                mine.execute("SELECT count(*) FROM vrfs")
                assert mine.fetchone() == (0,)

        assert in_child(work) == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM vrfs")
        assert cursor.fetchall() == [("parent",)]


def descriptors(path):
    """How often this process has the file open."""
    return [os.path.realpath(found) for found in Path("/proc/self/fd").iterdir()].count(str(path))


def run_threads(works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()


def test_a_thread_that_ends_closes_its_connection(file):
    kept = []
    run_threads([lambda: kept.append(Client(file)) or kept[-1].ask()] * 8)
    assert descriptors(file) == 8
    kept.clear()
    gc.collect()
    assert descriptors(file) == 0


def test_writers_of_one_process_wait_for_each_other_in_turn(file):
    """Each transaction reads and writes: none is lost, and none waits in SQLite."""

    def work():
        database = Client(file).database
        for _ in range(50):
            with transaction_of(database) as cursor:
                cursor.execute("SELECT count(*) FROM words")
                (number,) = cursor.fetchone()
                cursor.execute("INSERT INTO words VALUES (%s, '')", [str(number)])
        database.close()

    run_threads([work] * 8)
    with sqlite3.connect(file) as database:
        found = database.execute("SELECT count(*), count(DISTINCT word) FROM words").fetchone()
    assert found == (401, 401)


class transaction_of:
    """`transaction.atomic` for a connection that no alias names."""

    def __init__(self, database):
        self.database = database

    def __enter__(self):
        self.database.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        return self.database.cursor()

    def __exit__(self, kind, *_rest):
        if kind is None:
            self.database.commit()
        else:
            self.database.rollback()
        self.database.set_autocommit(True)


@pytest.mark.parametrize("ending", ["commit", "rollback", "close", "refused"])
def test_a_transaction_gives_its_turn_back_however_it_ends(file, ending):
    first, second = Client(file).database, Client(file).database
    if ending == "refused":
        with sqlite3.connect(file) as other:
            other.execute("BEGIN IMMEDIATE")
            first.ensure_connection()
            first.connection.execute("PRAGMA busy_timeout = 1")
            with pytest.raises(OperationalError, match="locked"), transaction_of(first):
                pass
            other.rollback()
    else:
        first.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        first.cursor().execute("INSERT INTO words VALUES ('x', '')")
        getattr(first, ending)()
    with transaction_of(second) as cursor:
        cursor.execute("INSERT INTO words VALUES ('y', '')")
    for each in (first, second):
        each.close()


# --- the write-ahead log --------------------------------------------------------------------------


def log_size(file):
    return Path(f"{file}-wal").stat().st_size


def is_free(file):
    """Whether the whole log can be written back: nobody holds an older state."""
    with sqlite3.connect(file, timeout=0) as database:
        busy, _pages, _written = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    database.close()
    return not busy


def test_an_idle_connection_holds_no_older_state(client, file):
    client.ask("SELECT word FROM words")  # one of many rows is read
    Client(file).write("more")
    assert is_free(file)


def test_readers_without_a_pause_do_not_keep_the_log_long(file, monkeypatch):
    monkeypatch.setattr(base, "LONG_LOG", 5_000_000)
    ended = threading.Event()

    def read():
        reader = Client(file)
        while not ended.is_set():
            reader.ask("SELECT count(*) FROM words")

    def write():
        writer, deadline = Client(file), time.monotonic() + LIMIT
        try:
            for _ in range(3000):  # 30 MB in the log; a fast machine writes them within a second
                writer.write("x")
                assert time.monotonic() < deadline
            while log_size(file) > 5_000_000:
                time.sleep(0.05)
                assert time.monotonic() < deadline
        finally:
            ended.set()

    run_threads([read] * 4 + [write])


def test_the_log_is_cut_after_a_long_reader(client, file):
    reader = Client(file).database
    with reader.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT count(*) FROM words")
        client.ask("PRAGMA journal_size_limit = 100000")
        client.ask("PRAGMA wal_autocheckpoint = 50")
        for _ in range(200):
            client.write("x")
        assert log_size(file) > 1_000_000
        cursor.execute("COMMIT")
    for _ in range(2):  # the first writes the log back, the second begins it anew
        client.write("y")
    assert log_size(file) <= 100_000
    reader.close()
