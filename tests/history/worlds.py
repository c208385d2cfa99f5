"""Worlds in which one guard is missing: each in a process and a database of its own, and beside it
one that lacks none.

    python -m tests.history.worlds

prints one JSON line for each world: the guard, whether it was taken away, the faults.

Nothing in the product knows of this: a guard is dropped from the database, or lost from what is
sent to the database, or another function stands in its place."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import django
import psycopg
from django.db import connection, transaction

from tests.history.calls import YES, Call, History, Lease, Window, finals, line
from tests.history.clients import Answer, Client, Ground

PATIENCE = 60


class InProcess(Ground):
    """The same questions, without a network between."""

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        from django.test import Client as Caller

        caller = Caller(
            raise_request_exception=False, headers={"authorization": f"Bearer {self.token}"}
        )
        response = caller.generic(method, path, json.dumps(body), content_type="application/json")
        return Answer(
            response.status_code, json.loads(response.content) if response.content else None
        )


@dataclass
class Stage:
    """A subnet with a pool, two clients, and what happens to them."""

    ground: Ground
    one: Client
    other: Client
    leases: tuple[Lease, ...] = ()
    windows: tuple[Window, ...] = ()

    @classmethod
    def make(cls, last: int) -> Stage:
        from django.contrib.auth.models import User

        from api.models import Token
        from ipam.models import IPAddress, Subnet

        subnet = Subnet(network="10.0.0.0/24")
        subnet.static_ip_pools = [f"10.0.0.1-10.0.0.{last}"]
        subnet.save()
        token = Token.objects.create(
            User.objects.create(username="root", is_superuser=True), name="test", scopes=["admin"]
        )[1]
        rows = {str(row.ip_address): row.pk for row in IPAddress.objects.all()}
        ground = InProcess(0, token, subnet.pk, rows)
        ground.ask(
            "GET", "/api/v1/ip/stats"
        )  # the day of the token's first use is noted: a lock of its own
        return cls(ground, Client(ground, 1), Client(ground, 2))

    def at_once(self, first: Callable[[], Call | None], second: Callable[[], Call]) -> None:
        """The first has not committed yet when the second comes; it does so when that waits for it,
        or has ended."""
        begun, go = threading.Event(), threading.Event()

        def hold() -> None:
            with transaction.atomic():
                call = first()
                begun.set()
                go.wait(PATIENCE)
            if call:  # it was over when it was committed
                with suppress(ValueError):
                    self.ground.calls.remove(call)
                self.ground.calls.append(replace(call, end=time.monotonic()))

        with _thread(hold):
            assert begun.wait(PATIENCE)
            with _thread(second) as running:
                while running.is_alive() and not _somebody_waits():
                    time.sleep(0.01)
                go.set()

    def history(self) -> History:
        from ipam.models import IPAddress

        facts = "ip_address", "status", "vm_id", "hostname"
        rows = [line(*row) for row in IPAddress.objects.values_list(*facts)]
        lines = [line(*row) for row in IPAddress.history.values_list(*facts, "history_id")]
        calls = (*self.ground.calls, *finals(rows))
        return History(
            calls, frozenset(self.ground.rows), self.windows, self.leases, tuple(rows), tuple(lines)
        )


@contextmanager
def _thread(work: Callable[[], Any]) -> Iterator[threading.Thread]:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join(PATIENCE)


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
            "wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


# --- what happens in a world ----------------------------------------------------------------------


def two_want_one_address(stage: Stage) -> None:
    from ipam.models import IPAddress
    from ipam.placement import address_rows as rows

    ip = "10.0.0.200"

    def written_without_the_lock() -> Call:
        start = time.monotonic()
        rows.create([IPAddress(ip_address=ip, status="allocated", hostname="name-0")])
        return Call("post", start, time.monotonic(), YES, "name-0", ip)

    stage.at_once(written_without_the_lock, lambda: stage.one.post(ip))


def one_vm_asks_twice(stage: Stage) -> None:
    stage.at_once(lambda: stage.one.allocate("vm-1"), lambda: stage.other.allocate("vm-1"))


def two_vms_ask(stage: Stage) -> None:
    stage.at_once(lambda: stage.one.allocate("vm-1"), lambda: stage.other.allocate("vm-2"))


def the_last_address_is_locked_for_a_moment(stage: Stage) -> None:
    def lock() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM ip_addresses FOR UPDATE")

    stage.at_once(lock, lambda: stage.one.allocate("vm-1"))


def another_machine_has_a_lease(stage: Stage) -> None:
    from django.utils import timezone

    from ipam.models import Sighting

    ip, until = "10.0.0.1", timezone.now() + timedelta(hours=1)
    Sighting.objects.create(
        ip_address=ip, mac_address="02:00:00:00:00:0a", source="lease", leased_until=until
    )
    stage.leases = (Lease(ip),)
    stage.one.allocate("vm-1")


def the_database_dies_while_history_is_written(stage: Stage) -> None:
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'dying' USING ERRCODE = 'admin_shutdown'; END $$;
            CREATE TRIGGER die BEFORE INSERT ON ip_addresses_history
                FOR EACH ROW EXECUTE FUNCTION die()""")
    start = time.monotonic()
    with _thread(lambda: stage.one.reserve("10.0.0.1")):
        pass
    stage.windows = (Window(start, time.monotonic()),)


# --- guards, and how they are taken away ----------------------------------------------------------


def without_unique_address() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX ip_addresses_global_ip_address")


def without_unique_vm_id() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'ip_addresses'::regclass AND "
            "contype = 'u' "
            "AND pg_get_constraintdef(oid) = 'UNIQUE (vm_id)'"
        )
        (name,) = cursor.fetchone()
        cursor.execute(f'ALTER TABLE ip_addresses DROP CONSTRAINT "{name}"')


def without_row_claim() -> None:
    def unlocked(sql: str) -> str:
        return (
            re.sub(r"FOR UPDATE( OF \w+)?( SKIP LOCKED)?", "", sql)
            if "UPDATE ip_addresses" in sql
            else sql
        )

    _rewrite(unlocked)


def without_retry() -> None:
    from core.errors import Exhausted
    from ipam import allocate

    def once(source: Any, mac_address: str | None, take: Callable[[bool], Any]) -> Any:
        if found := take(False):
            return found
        raise Exhausted("nothing is free")

    assert callable(allocate._next)
    allocate._next = once


def without_lease_check() -> None:
    _rewrite(lambda sql: re.sub(r'(leased_until"?) >', r"\1 < '-infinity' AND now() >", sql))


def without_transaction_around_history() -> None:
    """The row is committed before its line of history is written."""

    def before(cursor: Any, sql: str) -> None:
        if re.match(r'INSERT INTO "?ip_addresses_history', sql):
            execute(cursor, "COMMIT")
            execute(cursor, "BEGIN")

    execute = _rewrite(lambda sql: sql, before)


def _rewrite(
    change: Callable[[str], str], before: Callable[[Any, str], None] = lambda *_: None
) -> Any:
    """Let every statement pass through `change` on its way to the database; the former way is
    returned."""
    execute = psycopg.Cursor.execute

    def changed(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(query, str):
            return execute(cursor, query, *args, **kwargs)
        before(cursor, query)
        return execute(cursor, change(query), *args, **kwargs)

    from core.database import libpq  # which goes around cursors

    ask = libpq.execute
    libpq.execute = lambda connection, sql, params: ask(connection, change(sql), params)
    psycopg.Cursor.execute = changed  # type: ignore[method-assign,assignment]
    return execute


@dataclass(frozen=True)
class Guard:
    """What is taken away, what happens then, and the check that must find it."""

    take_away: Callable[[], None]
    scene: Callable[[Stage], None]
    check: str
    pool: int = 4


GUARDS = {
    "unique address": Guard(without_unique_address, two_want_one_address, "one_owner"),
    "unique vm_id": Guard(without_unique_vm_id, one_vm_asks_twice, "order_of_each_id"),
    "row claim": Guard(without_row_claim, two_vms_ask, "one_owner"),
    "retry before exhausted": Guard(
        without_retry, the_last_address_is_locked_for_a_moment, "none_refused_while_free", pool=1
    ),
    "live-lease check": Guard(without_lease_check, another_machine_has_a_lease, "leases_kept"),
    "transaction around history": Guard(
        without_transaction_around_history,
        the_database_dies_while_history_is_written,
        "history_tells_all",
    ),
}


# --- one world after another ----------------------------------------------------------------------


def main() -> None:
    django.setup()
    from tests.history.checks import faults

    template = connection.settings_dict["NAME"]
    for name, guard in GUARDS.items():
        for missing in (False, True):
            with _world(template) as is_inside:
                if is_inside:
                    stage = Stage.make(guard.pool)
                    if missing:
                        guard.take_away()
                    guard.scene(stage)
                    print(json.dumps([name, missing, faults(stage.history())]), flush=True)


@contextmanager
def _world(template: str) -> Iterator[bool]:
    """A copy of the database, and a child that works there and ends with the block."""
    name = f"world_{os.getpid()}"
    _end_others(template)
    _run(
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        f"CREATE DATABASE {name} TEMPLATE {template}",
    )
    connection.close()
    if child := os.fork():
        yield False
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        _run(f"DROP DATABASE {name} WITH (FORCE)")
        return
    connection.settings_dict["NAME"] = name
    try:
        yield True
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _end_others(database: str) -> None:
    """A database that somebody uses cannot be copied. Processes of earlier tests may be ending,
    and a thread of theirs may have left a connection."""
    others = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
    deadline = time.monotonic() + 5
    while _rows(others, database) and time.monotonic() < deadline:
        time.sleep(0.1)
    _rows(f"SELECT pg_terminate_backend(pid) FROM ({others}) AS others", database)


def _rows(statement: str, *values: str) -> list[tuple[str, ...]]:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def _run(*statements: str) -> None:
    with connection._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


if __name__ == "__main__":
    main()
