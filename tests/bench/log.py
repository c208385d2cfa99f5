"""The log of changes with many lines, made by SQL: how long pages, filters and allocations take.

    python -m tests.bench --part log --lines 10000000 [--runs 30] [--filled]

`--filled`: the database has its lines already. Most are lines of addresses, some of servers,
interfaces and pools; one change has 100,000 lines, and a few texts and users are rare."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from changes.lines import history_of  # noqa: E402
from changes.log import groups, reading  # noqa: E402
from changes.log.query import parse  # noqa: E402
from changes.log.rights import Reader  # noqa: E402
from changes.log.words import Names  # noqa: E402
from ipam.models import Interface, IPAddress, Pool, Server, Subnet  # noqa: E402
from ipam.querysets import say_site  # noqa: E402

BLOCKS = 256  # subnets of 256 addresses
SECONDS = 3  # between two lines
LARGE_CHANGE = 100_000  # lines
CHUNK = 500_000  # lines of one statement
SERVERS = 5_000
LINES_OF = (Server, Interface, Pool, IPAddress)


# Filters by their names; "changes" is the page of the admin, grouped by change.
CASES: dict[str, dict[str, str]] = {
    "changes": {},
    "newest lines": {},
    "one address": {"about": "10.64.5.9"},
    "a subnet": {"about": "10.64.9.0/24"},
    "all addresses": {"about": "10.64.0.0/16"},
    "a host name": {"about": "host-00017"},
    "a MAC address": {"about": "02:00:00:00:00:01"},
    "a row": {"table": "ipam.ipaddress", "object": "700"},
    "a change": {"change": "change-70000"},
    "a change of 100,000 lines": {"change": "large"},
    "before a time": {"until": "2026-06-01"},
    "a user with many lines": {"user": "user-3"},
    "a user with few lines": {"user": "user-19"},
    "a token": {"who": "ci"},
    "deleted rows": {"kind": "deleted"},
    "a token with one old line": {"who": "seldom"},
    "a text in one old line": {"q": "needle"},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--filled", action="store_true")
    options = parser.parse_args()
    if not options.filled:
        fill(options.lines)
    print(f"{'':30} {'p50':>8} {'p99':>8} {'processor':>9} ms, two pages in turn")
    for name, filters in CASES.items():
        report(name, filters, options.runs)


def report(name: str, filters: dict[str, str], runs: int) -> None:
    """The times of the first and the second page, in turn."""
    reader = Reader(get_user_model().objects.filter(is_superuser=True).order_by("pk")[0])
    after, taken, busy = None, [], []
    for number in range(runs + 2):
        began, worked = time.perf_counter(), time.process_time()
        found = page(name, filters, reader, after)
        if number > 1:  # the first ones load what is not in memory
            taken.append((time.perf_counter() - began) * 1000)
            busy.append((time.process_time() - worked) * 1000)
        after = None if after else found.older
    taken.sort()
    p99 = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    back = found.searched_to and f"searched back to {found.searched_to:%Y-%m-%d %H:%M}"
    middle = statistics.median(taken)
    print(f"{name:30} {middle:8.1f} {p99:8.1f} {statistics.median(busy):9.1f} {back or ''}")


def page(name: str, filters: dict[str, str], reader: Reader, after: Any) -> Any:
    query = parse(filters, reader)
    if name == "changes":
        found = groups.read_changes(query, reader, after)
        Names([line for change in found.changes for line in change.lines], reader)
        return found
    lines = reading.read(query, reader, 50, after)
    Names(lines.lines, reader)
    return lines


def fill(lines: int) -> None:
    """As many lines, newest now. Every twentieth is one of a server, an interface or a pool."""
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        say_site()  # the triggers for raw SQL write nothing
        _rows()
    others = lines // 20
    with _indexes_made_afterwards():
        for model, number in ((Server, others // 2), (Interface, others // 4), (Pool, others // 4)):
            _lines_of(model, number, spread=lines / number)
        _lines_of(IPAddress, lines - 2 * (others // 2), spread=1.0)
        _rarities(lines)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _rows() -> None:
    """The rows that the lines are of: without their own history."""
    users = get_user_model().objects
    for number in range(20):
        users.get_or_create(username=f"user-{number}", is_superuser=True)
    nets = [Subnet(network=f"10.64.{n}.0/24", name=f"net {n}") for n in range(BLOCKS)]
    Subnet._base_manager.bulk_create(nets)
    subnets = list(Subnet._base_manager.order_by("network"))
    Server._base_manager.bulk_create(
        Server(hostname=f"host-{n:05d}", ip_address=f"10.64.{n // 200}.{n % 200 + 1}")
        for n in range(SERVERS)
    )
    servers = list(Server._base_manager.order_by("pk"))
    Interface._base_manager.bulk_create(Interface(server=server, name="eth1") for server in servers)
    Pool._base_manager.bulk_create(
        Pool(subnet=net, first=net.network[1], last=net.network[254]) for net in subnets
    )
    IPAddress._base_manager.bulk_create(
        (
            IPAddress(subnet=net, ip_address=net.network[n], status="available")
            for net in subnets
            for n in range(256)
        ),
        batch_size=5000,
    )


# The indexes that no constraint needs: their names and how they are made.
INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
    "AND tbl_name IN (%s, %s, %s, %s)",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes "
    "WHERE indexdef NOT LIKE '%%UNIQUE%%' AND tablename IN (%s, %s, %s, %s)",
}


@contextmanager
def _indexes_made_afterwards() -> Iterator[None]:
    """Drop them within the block: sorting at the end is faster than ten million insertions."""
    tables = [history_of(model).model._meta.db_table for model in LINES_OF]
    with connection.cursor() as cursor:
        cursor.execute(INDEXES[connection.vendor], tables)
        found = cursor.fetchall()
        for name, _statement in found:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
    yield
    with connection.cursor() as cursor:
        for _name, statement in found:
            cursor.execute(statement)


def _lines_of(model: Any, number: int, spread: float) -> None:
    for start in range(0, number, CHUNK):
        end = min(start + CHUNK, number)
        with connection.cursor() as cursor:
            cursor.execute(_statement(model, start, end, number, spread))


def _statement(model: Any, start: int, end: int, number: int, spread: float) -> str:
    """Lines `start` to `end` of `number`, in the order of time."""
    history = history_of(model).model
    rows = model._base_manager.order_by("pk")
    first, count = rows.first().pk, rows.count()
    age = f"(({number} - n) * {SECONDS * spread})"
    own = _own_values(age)
    columns, values = [], []
    for field in history._meta.fields:
        if field.name == "history_id":
            continue
        columns.append(field.column)
        values.append(own.get(field.column, f"r.{field.column}"))
    return f"""
        WITH RECURSIVE numbers (n) AS (
            SELECT {start} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end})
        INSERT INTO {history._meta.db_table} ({", ".join(columns)})
        SELECT {", ".join(values)} FROM numbers
        JOIN {model._meta.db_table} r ON r.id = {first} + n % {count} * 7919 % {count}"""


def _own_values(age: str) -> dict[str, str]:
    """SQL for the columns in which lines differ from the row."""
    user = min(get_user_model().objects.values_list("pk", flat=True))
    when = f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || {age} || ' seconds')"
    if connection.vendor == "postgresql":
        when = f"now() - {age} * interval '1 second'"
    return {
        "history_date": when,
        "history_type": "CASE n % 10 WHEN 0 THEN '+' WHEN 9 THEN '-' ELSE '~' END",
        "history_user_id": f"{user} + n % 19",
        "history_source": "CASE n % 3 WHEN 0 THEN 'api' WHEN 1 THEN 'web' ELSE 'command' END",
        "history_actor": "CASE n % 3 WHEN 0 THEN 'ci' WHEN 1 THEN '' ELSE 'import_csv (root)' END",
        "history_change": "'change-' || (n / 3)",
        "history_change_reason": "NULL",
        "status": "CASE n % 2 WHEN 0 THEN 'allocated' ELSE 'available' END",
        "hostname": "'host-' || n",
        "description": "'written by the bench, line ' || n",
    }


def _rarities(lines: int) -> None:
    """A change with many lines, a user with few, a token with few, a text in one line."""
    table = history_of(IPAddress).model._meta.db_table
    rare = get_user_model().objects.order_by("-pk")[0].pk
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT max(history_id) FROM {table}")
        newest = cursor.fetchone()[0]
        middle, old = newest - lines // 3, newest - int(lines * 0.9)
        for assignment, condition in (
            (
                "history_change = 'large'",
                f"BETWEEN {middle} AND {middle + min(LARGE_CHANGE, lines // 10)}",
            ),
            (f"history_user_id = {rare}", f"BETWEEN {old} AND {old + 50}"),
            ("history_actor = 'seldom'", f"= {old + 100}"),
            ("description = 'a needle in the hay'", f"= {old + 200}"),
        ):
            cursor.execute(f"UPDATE {table} SET {assignment} WHERE history_id {condition}")


if __name__ == "__main__":
    main()
