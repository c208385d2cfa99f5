"""Indexes that the log needs on the history tables, installed after every migrate."""

from typing import Any

from django.apps import AppConfig
from django.db import connections

from changes.lines import history_of, tracked_models


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: a change is found by its id. Not a field's `db_index`, which on
    PostgreSQL is two indexes."""
    connection = connections[using]
    quote = connection.ops.quote_name
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for model in tracked_models():
            table = history_of(model).model._meta.db_table
            if table in existing:
                cursor.execute(
                    f"CREATE INDEX IF NOT EXISTS {quote(table + '_change')} "
                    f"ON {quote(table)} (history_change)"
                )
