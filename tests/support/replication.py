"""A PostgreSQL primary with a streaming standby, which takes its place on the same port."""

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.support import postgres

REPLICATING = postgres.DURABLE | {"wal_level": "replica", "max_wal_senders": "4"}


class Pair:
    """A primary and its standby below one directory. `url` is where the primary is, whoever it
    is."""

    def __init__(self, primary: postgres.Server, standby: postgres.Server) -> None:
        self.primary, self.standby = primary, standby
        self.url = primary.url

    def execute(self, statement: str, server: postgres.Server | None = None) -> list[tuple]:
        url = (server or self.primary).url
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def copy(self) -> None:
        """Make the standby a copy of the primary, and let it stream."""
        data = self.standby.home / "data"
        shutil.rmtree(data, ignore_errors=True)
        place = [f"--host={self.primary.home}", f"--port={self.primary.port}", "--username=ipadmin"]
        options = ["--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf"]
        command = [postgres.program("pg_basebackup"), *place, *options, f"--pgdata={data}"]
        postgres.call(command, self.standby.become)
        self.start_standby()
        self.wait_until_it_follows()

    def start_standby(self) -> None:
        server = self.standby
        server.process = postgres.start(
            server.home / "data", server.home, server.port, server.settings, server.become
        )

    def wait_until_it_follows(self) -> None:
        """Until the standby has everything."""
        query = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
        deadline = time.monotonic() + postgres.START_WITHIN
        while self.execute(query) != [(1,)]:
            assert time.monotonic() < deadline, (self.standby.home / "log").read_text()
            time.sleep(0.05)

    def promote(self, settings: dict[str, str] | None = None) -> None:
        """Start the standby at the primary's place, and make it a primary."""
        data = self.standby.home / "data"
        chosen = REPLICATING | (settings or {})
        self.standby.process = postgres.start(
            data, self.primary.home, self.primary.port, chosen, self.standby.become
        )
        deadline = time.monotonic() + postgres.START_WITHIN
        while True:
            with contextlib.suppress(psycopg.Error):
                self.execute("SELECT pg_promote()")
                return
            assert time.monotonic() < deadline, (self.primary.home / "log").read_text()
            time.sleep(0.05)


@contextlib.contextmanager
def pair(data: Path) -> Iterator[Pair]:
    """A primary that answers, on a copy of this data directory, and a standby that streams from
    it."""
    with (
        postgres.running(REPLICATING, data=data) as primary,
        postgres.temporary_home() as home,
    ):
        port, become = postgres.free_port(), postgres.drop_root(home)
        standby = postgres.Server(home, port, REPLICATING, become)
        both = Pair(primary, standby)
        try:
            both.copy()
            yield both
        finally:
            standby.stop()
