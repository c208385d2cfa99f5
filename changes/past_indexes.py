"""Indexes by which past rows are found (core/history/past), installed after every migrate."""

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.db import connections

from core.history.past.tables import tracked
from core.history.past.walk import walked


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: make what is missing, of tables that are there."""
    connection = connections[using]
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        for model in tracked():
            if model.history.model._meta.db_table in existing:  # type: ignore[attr-defined]
                for statement in statements(model, connection.ops.quote_name):
                    cursor.execute(statement)


def statements(model: Any, quote: Any) -> Iterator[str]:
    """CREATE INDEX for a model's history."""
    table, key = model.history.model._meta.db_table, quote(model._meta.pk.column)
    columns = {"newest": f"({key}, history_date, history_id)"}
    columns["gone"] = f"(history_date, {key}) WHERE history_type = '-'"
    if field := walked(model):
        columns["walk"] = f"({quote(field.column)}, {key})"
    for name, of in columns.items():
        yield f"CREATE INDEX IF NOT EXISTS {quote(f'{table}_{name}')} ON {quote(table)} {of}"
