"""Make the history tables of an app in one step of a migration.

Each step of a migration that names the table of users makes Django build all models of the site
anew. Here they are built twice for a whole list of steps."""

from __future__ import annotations

from typing import Any

from django.db.migrations.operations import AlterField, CreateModel, SeparateDatabaseAndState


class HistoryTables(SeparateDatabaseAndState):
    """Operations that create models or alter fields, together."""

    def __init__(self, operations: list[Any]) -> None:
        super().__init__(state_operations=operations)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__name__, [], {"operations": self.state_operations}

    def state_forwards(self, app_label: str, state: Any) -> None:
        state.__dict__.pop("apps", None)  # built anew when it is asked for
        super().state_forwards(app_label, state)

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        for operation in self.state_operations:
            _apply(operation, app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        for operation in reversed(self.state_operations):
            if isinstance(operation, CreateModel):
                model = from_state.apps.get_model(app_label, operation.name)
                schema_editor.delete_model(model)
            else:
                _apply(operation, app_label, schema_editor, from_state, to_state)


def _apply(operation: Any, app_label: str, editor: Any, before: Any, after: Any) -> None:
    if isinstance(operation, CreateModel):
        editor.create_model(after.apps.get_model(app_label, operation.name))
        return
    assert isinstance(operation, AlterField)
    old = before.apps.get_model(app_label, operation.model_name)
    new = after.apps.get_model(app_label, operation.model_name)
    names = old._meta.get_field(operation.name), new._meta.get_field(operation.name)
    editor.alter_field(old, *names)
