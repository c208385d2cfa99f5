"""Raw SQL on the test's own connection, which the triggers take for somebody's at psql or
sqlite3."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

POSTGRESQL = connection.vendor == "postgresql"


def by_hand(sql: str, values: Sequence[Any] | None = None) -> None:
    """Run one statement, all or nothing."""
    with transaction.atomic(), connection.cursor() as cursor, nobody_we_know(cursor):
        cursor.execute(sql, values)


@contextmanager
def silent() -> Iterator[None]:
    """Statements of this connection do not say where they come from (core/history/writer.py)."""
    before = list(connection.execute_wrappers)
    connection.execute_wrappers.clear()
    try:
        yield
    finally:
        connection.execute_wrappers[:] = before


@contextmanager
def nobody_we_know(cursor: Any) -> Iterator[None]:
    """Take away what marks the site's own writes (core/database/triggers.py), and put it back."""
    if POSTGRESQL:
        cursor.execute(
            "SELECT current_setting('ipmanager.writer', true), "
            "current_setting('ipmanager.origin', true), "
            "set_config('ipmanager.writer', '', true), set_config('ipmanager.origin', '', true)"
        )
        writer, origin, *_now = cursor.fetchone()
        with silent():
            yield
        cursor.execute(
            "SELECT set_config('ipmanager.writer', %s, true), "
            "set_config('ipmanager.origin', %s, true)",
            [writer or "", origin or ""],
        )
    else:
        before = cursor.execute("PRAGMA analysis_limit").fetchone()[0]
        cursor.execute("PRAGMA analysis_limit = 0")
        try:
            with silent():
                yield
        finally:
            cursor.execute(f"PRAGMA analysis_limit = {before}")


def only(concerned: bool) -> Any:
    """A test of what one database alone can do: the other pass has not got it."""
    return (lambda test: test) if concerned else (lambda test: None)


def literal(field: Any, value: Any) -> Any:
    """A value as the database wants it."""
    return field.get_db_prep_save(field.to_python(value), connection)


def insert(model: Any, **facts: Any) -> None:
    """INSERT with just these columns."""
    fields = {
        name: next(f for f in model._meta.concrete_fields if f.attname == name) for name in facts
    }
    values = [literal(fields[name], value) for name, value in facts.items()]
    names, signs = ", ".join(facts), ", ".join(["%s"] * len(facts))
    by_hand(f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({signs})", values)


def update(row: Any, **facts: Any) -> None:
    """UPDATE of just these columns of one row."""
    fields = {
        name: next(f for f in row._meta.concrete_fields if f.attname == name) for name in facts
    }
    values = [literal(fields[name], value) for name, value in facts.items()]
    by_hand(
        f"UPDATE {row._meta.db_table} SET {', '.join(f'{n} = %s' for n in facts)} WHERE id = %s",
        [*values, row.pk],
    )


def delete(row: Any) -> None:
    by_hand(f"DELETE FROM {row._meta.db_table} WHERE id = %s", [row.pk])
