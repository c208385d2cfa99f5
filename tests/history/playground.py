"""A site to play with on a database of its own: started, killed in parts, and read out at the
end."""

import http.client
import os
import random
import signal
import sqlite3
import time
from contextlib import closing

import psycopg

from ipam.fields import AddressField
from tests.history.calls import History, Window, finals, line
from tests.history.clients import Ground
from tests.support.site import below

PAGES = ["/api/v1/subnets/", "/api/v1/ip/stats", "/ipam/", "/boot.ipxe?mac=02:00:00:00:00:01"]


class Playground:
    """A running site; `server` is its PostgreSQL, None for SQLite."""

    def __init__(self, running, server, database, token):
        self.site, self.server, self.database, self.token = running, server, database, token
        self.windows = []

    def ground(self, ids):
        found = Ground(self.site.port, self.token, 0, {}, ids)
        found.ask("GET", "/api/v1/ip/stats")  # makes the pool
        found.subnet = found.ask("GET", "/api/v1/subnets/").body["results"][0]["id"]
        rows = found.ask("GET", "/api/v1/ip-addresses/?page_size=1000&fields=id,ip_address").body[
            "results"
        ]
        found.rows = {row["ip_address"]: row["id"] for row in rows}
        return found

    def kill(self, what):
        """kill -9, and what follows until every page answers again."""
        start = time.monotonic()
        if what == "postgresql":
            self.server.kill()
            self.server.start()
        else:
            os.kill(random.choice(self.web_processes()), signal.SIGKILL)
        assert self.answers()
        self.windows.append(Window(start, time.monotonic(), what))

    def web_processes(self):
        return list(below(self.site.wait_for("gunicorn")))

    def answers(self, seconds=60):
        """Does every page answer, whichever of the processes is asked?"""
        deadline = time.monotonic() + seconds
        while any(self.get(path)[0] in (0, 500, 503) for path in PAGES * 2):
            if time.monotonic() > deadline:
                return False
        return True

    def get(self, path):
        """Status, headers and body."""
        session = {} if path.startswith("/api") else {"Cookie": "sessionid=" + "a" * 32}
        with closing(http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60)) as caller:
            try:
                caller.request(
                    "GET", path, headers={"Authorization": f"Bearer {self.token}", **session}
                )
                response = caller.getresponse()
                return response.status, response.headers, response.read().decode()
            except (OSError, http.client.HTTPException):
                return 0, {}, ""

    def history(self, ground):
        """All calls, and what the database says now that all is over."""
        rows = [_line_of(*row) for row in self.select(f"SELECT {FACTS}, 0 FROM ip_addresses")]
        lines = [
            _line_of(*row)
            for row in self.select(f"SELECT {FACTS}, history_id FROM ip_addresses_history")
        ]
        return History(
            (*ground.calls, *finals(rows)),
            frozenset(ground.rows),
            tuple(self.windows),
            (),
            tuple(rows),
            tuple(lines),
        )

    def select(self, sql):
        """Straight from the database, which all others have left alone by now."""
        if self.server:
            with psycopg.connect(self.server.url, autocommit=True) as reader:
                return reader.execute(sql).fetchall()
        with closing(sqlite3.connect(self.database)) as reader:
            return reader.execute(sql).fetchall()


FACTS = "ip_address, status, vm_id, hostname"


def _line_of(ip, status, vm_id, hostname, number):
    return line(AddressField().from_db_value(ip), status, vm_id, hostname, number)
