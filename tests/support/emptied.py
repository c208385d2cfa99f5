"""After a test that has committed: every table is as an installation begins with it, without
Django's slow flush.

`flush` makes permissions, groups and triggers anew for every single test. They stay here; our own
rows go."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction

from registry.environments import install

# Made by migrate, and changed by no test; of groups, those that a test has made go.
KEPT = {
    "history_origin",
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
}
# A trigger on deleted servers looks for their addresses: these go first.
FIRST = ["ip_addresses"]


# What `registry` begins with, as rows: its own way there takes thirty times as long.
_beginning: dict[str, tuple[list[str], list[Any]]] = {}


def empty() -> None:
    """Delete what tests have written, and put back what `registry` begins with."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SET LOCAL session_replication_role = replica"
            )  # neither triggers nor foreign keys
        else:
            cursor.execute("PRAGMA defer_foreign_keys = ON")
            cursor.execute("PRAGMA analysis_limit = 20262")  # no line of history
        _delete_groups(cursor)
        _delete_all(cursor)
        if connection.vendor == "sqlite":
            _delete_all(cursor)  # what the triggers of raw changes have written meanwhile
        for table, (columns, rows) in _beginning.items():
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows
            )
        # The rows may be of another copy of the database, whose sequences were further on.
        models = list(apps.get_app_config("registry").get_models())
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = origin")
        else:
            cursor.execute("PRAGMA analysis_limit = 20261")
    if not _beginning:
        _begin()


def _delete_groups(cursor: Any) -> None:
    from ipmanager.operators import NAME  # needs Django's apps

    made = "SELECT id FROM auth_group WHERE name <> %s"
    cursor.execute(f"DELETE FROM auth_group_permissions WHERE group_id IN ({made})", [NAME])
    cursor.execute("DELETE FROM auth_group WHERE name <> %s", [NAME])


def _delete_all(cursor: Any) -> None:
    for table in _filled(cursor):
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


def _begin() -> None:
    """Let `registry` do it once, and remember the rows."""
    install.create_environments(apps.get_app_config("registry"))
    with connection.cursor() as cursor:
        for table in _filled(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [connection.ops.quote_name(column[0]) for column in cursor.description]
            _beginning[connection.ops.quote_name(table)] = columns, cursor.fetchall()


def _filled(cursor: object) -> list[str]:
    tables = [name for name in connection.introspection.table_names() if name not in KEPT]
    looks = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(name)})"
        for name in tables
    )
    cursor.execute(looks)  # type: ignore[attr-defined]
    found = [name for (name,) in cursor.fetchall()]  # type: ignore[attr-defined]
    return sorted(found, key=lambda name: (name not in FIRST, name))
