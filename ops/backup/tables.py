"""The tables of a database, and how many rows they have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models

# A database with a row in one of these is in use.
IN_USE_TABLES = ("subnets", "hosts", "ip_addresses", "auth_user")


def model_tables() -> list[str]:
    """The tables of all models, many-to-many tables included."""
    return sorted({model._meta.db_table for model in all_models()})


def all_models() -> list[type[models.Model]]:
    """Each model that has a table of its own, once."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy]


def table_names(cursor: Any) -> list[str]:
    """All tables of the cursor's database."""
    return sorted(cursor.db.introspection.table_names(cursor))


def count_rows(cursor: Any, names: Iterable[str]) -> dict[str, int]:
    """The rows of each of these tables, by one statement."""
    quote = cursor.db.ops.quote_name
    selects = [f"SELECT '{name}', count(*) FROM {quote(name)}" for name in names]
    if not selects:
        return {}
    cursor.execute(" UNION ALL ".join(selects))
    return dict(cursor.fetchall())


def rows_in_use(alias: str = DEFAULT_DB_ALIAS) -> dict[str, int]:
    """The rows of the tables that show that a database is in use; empty for a new one."""
    with connections[alias].cursor() as cursor:
        names = set(table_names(cursor)).intersection(IN_USE_TABLES)
        counts = count_rows(cursor, sorted(names))
    return {name: rows for name, rows in counts.items() if rows}


def in_words(counts: dict[str, int]) -> str:
    """As in "3 subnets, 7 hosts"."""
    return ", ".join(f"{rows} {name}" for name, rows in counts.items())
