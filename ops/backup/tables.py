"""Which tables there are, and how many rows they have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models

# A ledger with a row in one of these is somebody's.
TELLING = ("subnets", "hosts", "ip_addresses", "auth_user")


def ours() -> list[str]:
    """The tables of every model, those between many and many included."""
    return sorted({model._meta.db_table for model in all_models()})


def all_models() -> list[type[models.Model]]:
    """Each model that has a table of its own, once."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy]


def there(cursor: Any) -> list[str]:
    """Every table of the cursor's database."""
    return sorted(cursor.db.introspection.table_names(cursor))


def count(cursor: Any, names: Iterable[str]) -> dict[str, int]:
    quote = cursor.db.ops.quote_name
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {quote(name)}" for name in names)
    cursor.execute(counts or "SELECT '', 0 WHERE 1 = 0")
    return dict(cursor.fetchall())


def holds(using: str = DEFAULT_DB_ALIAS) -> dict[str, int]:
    """How many rows the telling tables have; empty when nobody has begun."""
    with connections[using].cursor() as cursor:
        names = [name for name in there(cursor) if name in TELLING]
        return {name: rows for name, rows in count(cursor, names).items() if rows}
