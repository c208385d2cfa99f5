"""The tables' lines merged by one statement, newest first, and places between two lines.

The order is total: by time, then by table, then by the line's number. A place names a line by these
three, so that a page begins behind it however many lines came since."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models
from django.db.models import DateTimeField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.dateparse import parse_datetime

COLUMNS = ("history_date", "history_id")
NEWEST_FIRST = ("-history_date", "-history_id")
Sql = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Position:
    """A line's place in the log. `at` is the time as the database writes it: SQLite compares it
    as text."""

    at: str
    table: str = ""
    number: int = 0

    @property
    def moment(self) -> datetime | None:
        found = parse_datetime(self.at)
        if found is None or found.tzinfo:
            return found
        return found.replace(tzinfo=UTC)

    def encode(self) -> str:
        """As it stands in a URL."""
        text = json.dumps([self.at, self.table, self.number], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str) -> Position:
    """The place that `encode` has written. Raises ValueError for any other text."""
    try:
        at, table, number = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        place = Position(at, table, number)
        known = isinstance(table, str) and type(number) is int and 0 <= number < 10**18
        if known and isinstance(at, str) and len(at) < 40 and at.isascii() and place.moment:
            return place
    except (ValueError, TypeError, RecursionError):
        pass
    raise ValueError("no place of the log")


@dataclass(frozen=True)
class Branch:
    """One table's part in the statement. `gathered`: its conditions leave few lines, which are all
    read and then sorted; else lines are read newest first until there are enough."""

    model: type[models.Model]
    lines: QuerySet
    gathered: bool = False
    after: Position | None = None  # only the lines that come after this place
    by_time: bool = False  # no other index than that of time is used

    @property
    def table(self) -> str:
        return self.model._meta.label_lower

    def where(self, condition: Q) -> Branch:
        return replace(self, lines=self.lines.filter(condition))

    def gather(self) -> Branch:
        return replace(self, gathered=True)

    def behind(self, place: Position | None) -> Branch:
        return replace(self, after=place)

    def newest_first(self) -> Branch:
        return replace(self, by_time=not self.gathered)


def behind(place: Position, table: str) -> Q:
    """The lines of a table that come after the place: the older ones."""
    at = _moment(place.at)
    if table == place.table:
        same = Q(history_date__lt=at) | Q(history_id__lt=place.number)
        return Q(history_date__lte=at) & same
    if table > place.table:
        return Q(history_date__lte=at)
    return Q(history_date__lt=at)


def before(place: Position, table: str) -> Q:
    """The lines of a table that come before the place: the newer ones."""
    at = _moment(place.at)
    if table == place.table:
        same = Q(history_date__gt=at) | Q(history_id__gt=place.number)
        return Q(history_date__gte=at) & same
    if table < place.table:
        return Q(history_date__gte=at)
    return Q(history_date__gt=at)


def not_before(at: str) -> Q:
    """The lines of this time and newer ones."""
    return Q(history_date__gte=_moment(at))


def _moment(at: str) -> Any:
    """A time of a place as a parameter of a queryset."""
    return RawSQL("%s", [_compared(Position(at))], output_field=DateTimeField())


def _compared(place: Position) -> Any:
    """The time of a place for SQL, as the column is compared."""
    if connection.vendor == "postgresql":
        return place.moment
    return place.at


def merged(branches: Sequence[Branch], number: int) -> list[Position]:
    """The newest lines of the tables, by one statement."""
    statements = []
    for branch in branches:
        sql, values = _limited(branch, number)
        statements.append((f"SELECT %s AS line_table, part.* FROM ({sql}) part", values))
    if not statements:
        return []
    tables = [branch.table for branch in branches]
    joined = " UNION ALL ".join(sql for sql, _values in statements)
    parameters: list[Any] = []
    for table, (_sql, own) in zip(tables, statements, strict=True):
        parameters += [table, *own]
    rows = fetch(
        f"SELECT line_table, {_stored('history_date')}, history_id FROM ({joined}) line "
        f"ORDER BY history_date DESC, line_table, history_id DESC LIMIT {number}",
        parameters,
    )
    return [Position(written(at), table, line) for table, at, line in rows]


def marked(
    branches: Sequence[Branch], number: int, without: Sequence[str] = ()
) -> list[tuple[str, Position]]:
    """The newest lines with the ids of their changes, without the lines of some changes; by one
    statement. The branches have no other conditions than the reader's."""
    parts: list[str] = []
    values: list[Any] = []
    for branch in branches:
        sql, own = _with_change(branch, number, without)
        parts.append(f"SELECT %s AS line_table, part.* FROM ({sql}) part")
        values += [branch.table, *own]
    rows = fetch(
        f"SELECT history_change, {_stored('history_date')}, line_table, history_id "
        f"FROM ({' UNION ALL '.join(parts)}) line "
        f"ORDER BY history_date DESC, line_table, history_id DESC LIMIT {number}",
        values,
    )
    return [(change or "", Position(written(at), *place)) for change, at, *place in rows]


def _with_change(branch: Branch, number: int, without: Sequence[str]) -> Sql:
    columns = (*COLUMNS, "history_change")
    if table := table_of(branch.lines):
        return _newest_of(table, branch, number, columns, without)
    lines = branch.lines.filter(behind(branch.after, branch.table) if branch.after else Q())
    if without:
        lines = lines.filter(Q(history_change=None) | ~Q(history_change__in=without))
    return sql_of(lines.order_by(*NEWEST_FIRST).values_list(*columns)[:number])


def _limited(branch: Branch, number: int) -> Sql:
    """SQL for a branch's newest lines."""
    if table := table_of(branch.lines):
        return _newest_of(table, branch, number)
    lines = branch.lines.order_by()
    if branch.after:
        lines = lines.filter(behind(branch.after, branch.table))
    if not branch.gathered:
        sql, values = sql_of(lines.order_by(*NEWEST_FIRST).values_list(*COLUMNS)[:number])
        if branch.by_time:
            sql = _only_by_time(sql, lines)
        return sql, values
    sql, values = sql_of(lines.values_list(*COLUMNS))
    # OFFSET keeps the planner from reading all lines newest first until it has found enough.
    fence = "OFFSET 0" if connection.vendor == "postgresql" else "LIMIT -1 OFFSET 0"
    return (
        f"SELECT * FROM ({sql} {fence}) gathered "
        f"ORDER BY history_date DESC, history_id DESC LIMIT {number}",
        values,
    )


def _only_by_time(sql: str, lines: QuerySet) -> str:
    """Without the other indexes: SQLite would read all lines of a network by the index of their
    addresses, however few are in the stretch of time. It takes none for a column with a plus."""
    if connection.vendor == "postgresql":
        return sql
    table = connection.ops.quote_name(lines.model._meta.db_table)
    chosen, where, conditions = sql.partition(" WHERE ")
    columns = rf'({re.escape(table)}\."(?!history_date|history_id))'
    return chosen + where + re.sub(columns, r"+\1", conditions)


def _newest_of(
    table: str,
    branch: Branch,
    number: int,
    columns: Sequence[str] = COLUMNS,
    without: Sequence[str] = (),
) -> Sql:
    condition, values = "WHERE true", ()
    if branch.after:
        condition, values = _beside(branch.after, branch.table, "<")
    if without:
        left_out = ", ".join(["%s"] * len(without))
        condition += f" AND (history_change IS NULL OR history_change NOT IN ({left_out}))"
    return (
        f"SELECT {', '.join(columns)} FROM {table} {condition} "
        f"ORDER BY history_date DESC, history_id DESC LIMIT {number}",
        (*values, *without),
    )


def _beside(place: Position, table: str, sign: str) -> Sql:
    """`behind` ("<") and `before` (">") as SQL."""
    at = _compared(place)
    if table == place.table:
        further = f"(history_date {sign} %s OR history_id {sign} %s)"
        return f"WHERE history_date {sign}= %s AND {further}", (at, at, place.number)
    is_included = (table > place.table) == (sign == "<")
    return f"WHERE history_date {sign}{'=' * is_included} %s", (at,)


def newer_of_asked(branch: Branch, place: Position, residue: Q) -> Sql:
    """SQL for the lines before the place of the change `asked.id`, where the residue is true."""
    table = table_of(branch.lines)
    if residue or not table:
        same: Any = RawSQL("asked.id", [])
        newer = Q(before(place, branch.table), residue, history_change=same)
        return sql_of(branch.lines.filter(newer).values("history_id"))
    condition, values = _beside(place, branch.table, ">")
    return f"SELECT 1 FROM {table} {condition} AND history_change = asked.id", values


def table_of(lines: QuerySet) -> str:
    """The quoted table of which these are all lines, in its own columns; else empty. SQL for whole
    tables is written down: to make it of fifty querysets takes longer than to run it."""
    query = lines.query
    if query.where or query.annotations:
        return ""
    return connection.ops.quote_name(query.get_meta().db_table)


def of_changes(lines: QuerySet, ids: Sequence[str], most: int) -> Sql:
    """SQL for the change ids of the lines of these changes, so many at most."""
    table = table_of(lines)
    if not table:
        chosen = lines.filter(history_change__in=ids).order_by()
        return sql_of(chosen.values_list("history_change")[:most])
    among = "= ANY(%s)"
    value: Any = list(ids)
    if connection.vendor == "sqlite":
        among, value = "IN (SELECT value FROM json_each(%s))", json.dumps(ids)
    return f"SELECT history_change FROM {table} WHERE history_change {among} LIMIT {most}", (value,)


def counts(branches: Sequence[Branch], most: int) -> list[int]:
    """How many lines each branch has, counted up to `most`: by one statement."""
    if not branches:
        return []
    parts: list[str] = []
    values: list[Any] = []
    for place, branch in enumerate(branches):
        sql, own = sql_of(branch.lines.order_by().values_list("history_id")[:most])
        parts.append(f"SELECT {place}, (SELECT count(*) FROM ({sql}) part)")
        values += own
    return [count for _place, count in sorted(fetch(" UNION ALL ".join(parts), values))]


def reach(branches: Sequence[Branch], number: int) -> str:
    """How far back one has read when `number` lines of each table are read: a time, empty when that
    is all of them. By one statement, of the index."""
    parts: list[str] = []
    values: list[Any] = []
    for branch in branches:
        lines = branch.lines.order_by("-history_date").values_list("history_date")
        sql, own = sql_of(lines[number : number + 1])
        parts.append(f"SELECT ({sql}) AS at")
        values += own
    joined = " UNION ALL ".join(parts)
    found = fetch(f"SELECT {_stored('max(at)')} FROM ({joined}) ends", values)[0][0]
    return written(found) if found else ""


def sql_of(rows: Any) -> Sql:
    """A queryset's SQL and the values for it."""
    compiler = rows.query.get_compiler(connection=connection)
    sql, values = compiler.as_sql()
    return sql, tuple(values)


def fetch(sql: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))
        return cursor.fetchall()


def _stored(column: str) -> str:
    """SQL for a time as it is stored: SQLite's text, which the driver would parse."""
    if connection.vendor == "postgresql":
        return column
    return f"CAST({column} AS text)"


def written(at: Any) -> str:
    """A time as the database writes it."""
    if isinstance(at, datetime):
        return at.astimezone(UTC).isoformat()
    return str(at)
