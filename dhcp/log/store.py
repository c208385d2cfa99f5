"""Store what lines of a log say: in a few statements, however many lines there are.

A machine that asks a thousand times a second fills no table: of one batch, the newest rows of each
machine are stored, and of the whole table the newest IPMANAGER_KEEP_DHCP_ROWS. Every line is
counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from core.following.entries import Entry
from dhcp.leases.intervals.ends import UNKNOWN, note_releases
from dhcp.log.lines import RELOADED, RELOADING, Exchange, exchanges
from dhcp.log.problems import Problems
from dhcp.models import DhcpServer, DhcpTransaction
from ipam.addresses import parse_address
from ipam.fields import pack
from ipam.signals import foreign_dhcp_server

OF_ONE_MACHINE = 100  # rows of one batch

_INSERT = (
    "INSERT INTO dhcp_transactions "
    "(at, kind, server_id, ip_address, mac_address, duid, interface, detail) "
)
_FROM_ARRAYS = (
    "SELECT * FROM unnest(%s::timestamptz[], %s::text[], %s::bigint[], %s::inet[], "
    "%s::macaddr[], %s::text[], %s::text[], %s::text[])"
)
_FROM_ROW = "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
_SIGHTING = (
    "INSERT INTO sightings "
    "(ip_address, mac_address, source, seen_at, first_seen_at, hostname, origin, duid) "
)
_SIGHTINGS_FROM_ARRAYS = (
    "SELECT ip, mac, 'dhcp', at, at, name, origin, '' FROM unnest(%s::inet[], %s::macaddr[], "
    "%s::timestamptz[], %s::text[], %s::text[]) AS seen (ip, mac, at, name, origin) WHERE true "
)
_SIGHTING_FROM_ROW = "VALUES (%s, %s, 'dhcp', %s, %s, %s, %s, '') "
# To a unique key, no two NULLs are equal, so there is one for each case.
_RENEW = (
    "ON CONFLICT ({key}) WHERE {condition} DO UPDATE SET seen_at = excluded.seen_at, "
    "hostname = excluded.hostname, origin = excluded.origin "
    "WHERE sightings.seen_at < excluded.seen_at"
)
_WITH_MAC = _RENEW.format(key="ip_address, mac_address, source", condition="vrf_id IS NULL")
_WITHOUT_MAC = _RENEW.format(
    key="ip_address, source",
    condition="mac_address IS NULL AND vrf_id IS NULL AND NOT source = 'lease'",
)
# By the key: the table is never counted.
_CUT = "DELETE FROM dhcp_transactions WHERE id <= (SELECT max(id) FROM dhcp_transactions) - %s"


def store(entries: Sequence[Entry], server_id: int | None) -> Counter[str]:
    """Store what the entries say of DHCP. Call it in a transaction. Returns how many lines there
    were of each kind."""
    counts: Counter[str] = Counter()
    problems = Problems(server_id)
    rows: list[Exchange] = []
    for exchange in exchanges(entries):
        problems.add(exchange)
        if exchange.kind not in (RELOADING, RELOADED):
            counts[exchange.kind] += 1
            rows.append(exchange)
    if rows:
        _store_rows(_newest(rows), server_id)
        _store_sightings(rows, _origin(server_id))
        note_releases(_releases(rows))
    problems.store(timezone.now())
    _tell_of_foreign_servers(rows, server_id)
    return counts


def _newest(rows: Sequence[Exchange]) -> list[Exchange]:
    """Of each machine the newest rows, in their order."""
    found: list[Exchange] = []
    numbers: dict[str | None, int] = defaultdict(int)
    for exchange in reversed(rows):
        machine = exchange.mac or exchange.duid
        numbers[machine] += 1
        if numbers[machine] <= OF_ONE_MACHINE:
            found.append(exchange)
    found.reverse()
    return found


def _store_rows(rows: Sequence[Exchange], server_id: int | None) -> None:
    packed, written = _packing(connection.vendor), _writing(connection.vendor)
    columns = []
    for kind, at, ip, mac, duid, interface, detail in rows:
        columns.append((written(at), kind, server_id, packed(ip), mac, duid, interface, detail))
    _write(_INSERT, _FROM_ARRAYS, _FROM_ROW, columns)
    if settings.KEEP_DHCP_ROWS:
        with connection.cursor() as cursor:
            cursor.execute(_CUT, [settings.KEEP_DHCP_ROWS])


def _store_sightings(rows: Iterable[Exchange], origin: str) -> None:
    """An acknowledgement shows a machine at its address; DECLINE shows that somebody else is
    there."""
    there: dict[tuple[str, str | None], Exchange] = {}
    for exchange in rows:
        if exchange.ip and exchange.mac and exchange.kind == "ack":
            there[exchange.ip, exchange.mac] = exchange
        elif exchange.ip and exchange.kind == "decline":
            there[exchange.ip, None] = exchange
    known, unknown = [], []
    packed, written = _packing(connection.vendor), _writing(connection.vendor)
    # In one order, so that the readers of two logs never wait for each other.
    for (ip, mac), exchange in sorted(there.items(), key=_place):
        if mac:
            name = exchange.detail
            known.append((packed(ip), mac, written(exchange.at), name, origin))
        else:
            unknown.append((packed(ip), None, written(exchange.at), "", origin))
    _upsert_sightings(known, _WITH_MAC)
    _upsert_sightings(unknown, _WITHOUT_MAC)


def _releases(rows: Iterable[Exchange]) -> Iterator[tuple[str | None, str, datetime]]:
    """Who has given which address back, and when."""
    for exchange in rows:
        if exchange.kind == "release" and exchange.detail != UNKNOWN:
            yield exchange.ip, exchange.mac or exchange.duid, exchange.at


def _place(found: tuple[tuple[str, str | None], Exchange]) -> tuple[str, str]:
    (ip, mac), _exchange = found
    return ip, mac or ""


def _upsert_sightings(rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
    if not rows:
        return
    if connection.vendor == "postgresql":
        _write(_SIGHTING, _SIGHTINGS_FROM_ARRAYS + conflict, "", rows)
        return
    doubled = [(ip, mac, at, at, name, origin) for ip, mac, at, name, origin in rows]
    _write(_SIGHTING, "", _SIGHTING_FROM_ROW + conflict, doubled)


def _write(insert: str, arrays: str, row: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """PostgreSQL takes the columns as arrays in one statement; SQLite is fast row by row."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(insert + arrays, list(map(list, zip(*rows, strict=True))))
        else:
            cursor.executemany(insert + row, rows)


def _tell_of_foreign_servers(rows: Iterable[Exchange], server_id: int | None) -> None:
    """Clients that answer another server's offer tell that there is one: once for each interface,
    however many lines say so."""
    last: dict[str, Exchange] = {}
    for exchange in rows:
        if exchange.is_with_another_server:
            last[exchange.interface] = exchange
    for exchange in last.values():
        foreign_dhcp_server.send(
            DhcpTransaction,
            server_id=server_id,
            interface=exchange.interface,
            mac=exchange.mac,
            ip=exchange.ip,
            at=exchange.at,
        )


def _origin(server_id: int | None) -> str:
    if server_id is None:
        return ""
    return DhcpServer.objects.values_list("name", flat=True).get(pk=server_id)


def _packing(vendor: str) -> Callable[[str | None], Any]:
    """How an address is given to the database."""
    return _packed if vendor == "sqlite" else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


@lru_cache(1 << 16)
def _packed(ip: str | None) -> bytes | None:
    return pack(parse_address(ip)) if ip else None


def _writing(vendor: str) -> Callable[[datetime], Any]:
    """How a time in UTC is given to the database; SQLite takes the text that Django writes."""
    return _as_text if vendor == "sqlite" else _as_it_is


def _as_text(at: datetime) -> str:
    return at.isoformat(" ").removesuffix("+00:00")
