"""Create the tables of an empty database as the last migration leaves them.

Migrations bring a database from an earlier version to this one, and each of them costs the models
of its time. An empty database has nothing to bring: its tables are created at once, and all
migrations are recorded as applied. tests/ops/test_fresh_database.py compares both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connections, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor


def is_empty(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database has no table at all."""
    return not connection.introspection.table_names()


def create(using: str) -> None:
    """Create all tables, then tell the receivers of post_migrate."""
    connection = connections[using]
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    apps = executor.loader.project_state().apps
    emit_pre_migrate_signal(0, False, using, plan=plan)
    with connection.schema_editor() as editor:
        for model in _tables(apps.get_models()):
            editor.create_model(model)
    for migration, _backwards in plan:
        _run_statements(migration.operations, apps, connection)
        executor.recorder.record_applied(migration.app_label, migration.name)
    emit_post_migrate_signal(0, False, using, plan=plan)


def _tables(all_models: list[type[models.Model]]) -> Iterator[type[models.Model]]:
    """The models with a table of their own. Tables between two others are created with them."""
    for model in all_models:
        if model._meta.managed and not model._meta.proxy:
            yield model


def _run_statements(operations: Any, apps: Any, connection: BaseDatabaseWrapper) -> None:
    """What a migration does by statements of its own; what concerns rows finds none."""
    for operation in operations:
        if isinstance(operation, migrations.RunPython):
            with connection.schema_editor() as editor:
                operation.code(apps, editor)
        elif isinstance(operation, migrations.RunSQL):
            with connection.schema_editor() as editor:
                operation._run_sql(editor, operation.sql)  # type: ignore[attr-defined]
