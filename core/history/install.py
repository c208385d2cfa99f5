"""Install the triggers that write history, after every migrate; idempotent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate

from core.database import sql, triggers
from core.history import generate

_FOLDER = Path(__file__).parent / "sql"
OWNER = "history_origin"


def watch(app_config: AppConfig) -> None:
    """Install the triggers of this app's tables after every migrate, drop them before."""
    triggers.OWNERS[app_config.label].append(f"{app_config.label}_history")
    post_migrate.connect(install, sender=app_config)


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: create what is missing or different, of tables that exist."""
    connection = connections[using]
    _install_origin(connection)
    path = generate.sql_folder(app_config.label) / connection.vendor / "written_history.sql"
    statements = _of_existing_tables(connection, app_config.label, sql.statements(path))
    triggers.install(connection, f"{app_config.label}_history", statements)


def install_all(using: str = "default") -> None:
    """Install the triggers of all apps."""
    for label in sorted(generate.labels()):
        install(apps.get_app_config(label), using)


def _install_origin(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(sql.statement(_FOLDER / "sqlite" / "table.sql"))
    statements = sql.statements(_FOLDER / connection.vendor / "origin.sql")
    triggers.install(connection, OWNER, statements)


def _of_existing_tables(
    connection: BaseDatabaseWrapper, label: str, statements: Sequence[str]
) -> list[str]:
    """On the way to an earlier state of the tables, some are not there."""
    existing = set(connection.introspection.table_names())
    missing = []
    for model in generate.models_of(label):
        if not {model._meta.db_table, f"{model._meta.db_table}_history"} <= existing:
            missing.append(f"{model._meta.db_table}_history")
    return [one for one in statements if not any(f" {name}" in one for name in missing)]
