"""Indexes that the log needs on the history tables, installed after every migrate."""

from typing import Any

from django.apps import AppConfig
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from changes.lines import history_of, tracked_models
from ipam.models import IPAddress, Server


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate. Not a field's `db_index`, which on PostgreSQL is two indexes, and
    has one column."""
    connection = connections[using]
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        for model in tracked_models():
            if history_of(model).model._meta.db_table in existing:
                for statement in _statements(connection, model):
                    cursor.execute(statement)


def _statements(connection: BaseDatabaseWrapper, model: type[models.Model]) -> list[str]:
    history = history_of(model).model
    table, key = history._meta.db_table, str(model._meta.pk.column)
    # The lines of a change, in the order of time.
    wanted = {"change": "(history_change, history_date)"}
    dropped = []
    if connection.vendor == "postgresql":
        # past_indexes has one that begins with the key.
        dropped = _single(connection, table, key)
    columns = {field.column for field in history._meta.fields}
    if model is not IPAddress:  # ipam/sql has its own
        wanted |= _of_place(columns)
    elif "mac_address" in columns:
        wanted["mac"] = "(mac_address, history_date) WHERE mac_address IS NOT NULL"
    if model is Server:
        wanted["name"] = "(upper(hostname))"
    quote = connection.ops.quote_name
    made = [
        f"CREATE INDEX IF NOT EXISTS {quote(f'{table}_{name}')} ON {quote(table)} {what}"
        for name, what in wanted.items()
    ]
    return made + [f"DROP INDEX IF EXISTS {quote(name)}" for name in dropped]


def _of_place(columns: set[str]) -> dict[str, str]:
    """Indexes for the lines about an address or a MAC address."""
    found = {}
    for name, column in (("address", "ip_address"), ("mac", "mac_address")):
        if column in columns:
            found[name] = f"({column}, history_date)"
    return found


def _single(connection: BaseDatabaseWrapper, table: str, column: str) -> list[str]:
    """The indexes on this column alone, which one on two columns replaces."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return [
        name
        for name, one in found.items()
        if one["index"] and one["columns"] == [column] and not one["unique"]
    ]
