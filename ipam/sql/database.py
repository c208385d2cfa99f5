"""Install what migrations cannot say in both dialects, after every migrate; idempotent.

The files beside this one hold it, whole statements for each database: indexes, and the functions
and triggers that raw SQL needs. Only ON DELETE follows from the models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import pre_migrate
from django.dispatch import receiver

from core.database import sql, triggers

_FOLDER = Path(__file__).parent
POSTGRESQL, SQLITE = _FOLDER / "postgresql", _FOLDER / "sqlite"
_TRIGGERS = {
    "postgresql": (
        POSTGRESQL / "cached_counts.sql",
        POSTGRESQL / "history.sql",
        POSTGRESQL / "mac_addresses.sql",
        POSTGRESQL / "placing.sql",
        POSTGRESQL / "raw_changes.sql",
    ),
    "sqlite": (
        SQLITE / "history.sql",
        SQLITE / "mac_addresses.sql",
        SQLITE / "placing.sql",
        SQLITE / "raw_changes.sql",
    ),
}

_MAY_HAVE_TRIGRAMS = """
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')
    OR (EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')
        AND has_database_privilege(current_database(), 'CREATE'))
"""

# Room on each page for the next version of a row, so that an update of no indexed column touches no
# index (HOT). Each allocation leaves a dead row in every index, because status and holder are
# indexed: vacuum earlier than after a fifth of the table.
#
# A search by part reads all changes that a trigram index has not sorted in yet. By default that may
# be 4 MB of them, which take ten times as long to read as the index itself.
_UNSORTED: dict[str, Any] = {"gin_pending_list_limit": 64}  # kB, the least that PostgreSQL accepts
_STORAGE: dict[str, dict[str, Any]] = {
    "ip_addresses": {"fillfactor": 90, "autovacuum_vacuum_scale_factor": 0.05},
    "ip_addresses_parts": _UNSORTED,
    "ip_addresses_description_part": _UNSORTED,
    "hosts_hostname_part": _UNSORTED,
    "hosts_texts": _UNSORTED,
}
_STORAGE_SET = """
SELECT relname, array(SELECT split_part(o, '=', 1) FROM unnest(reloptions) o)
FROM pg_class WHERE oid = ANY (SELECT to_regclass(name) FROM unnest(%s::text[]) name)
"""

# What Django does itself when a row goes, as PostgreSQL calls it; all else (PROTECT) is refused by
# NO ACTION.
_ON_DELETE = {
    models.CASCADE: ("c", " ON DELETE CASCADE"),
    models.SET_NULL: ("n", " ON DELETE SET NULL"),
}

_FOREIGN_KEYS = """
SELECT a.attname, c.conname, c.confdeltype::text
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND cardinality(c.conkey) = 1 AND c.conrelid = to_regclass(%s)
"""


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: create what is missing or different."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for statement in _indexes(connection):
            cursor.execute(statement)
    if connection.vendor == "postgresql":
        functions = sql.statements(POSTGRESQL / "functions.sql")
        triggers.install(connection, "ledger", functions)
        set_storage(connection)
    install_stamp(using)  # it calls one of the functions
    triggers.install(connection, "ipam", sql.statements(*_TRIGGERS[connection.vendor]))
    install_on_delete(app_config, using)


def set_storage(connection: BaseDatabaseWrapper) -> None:
    """Set what is not set yet of the storage parameters: an administrator's own values stay."""
    with connection.cursor() as cursor:
        cursor.execute(_STORAGE_SET, [list(_STORAGE)])
        for relation, known in cursor.fetchall():
            for name in sorted(_STORAGE[relation].keys() - set(known)):
                value = _STORAGE[relation][name]
                cursor.execute(f"ALTER TABLE {relation} SET ({name} = {value})")


def _indexes(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """Statements that do nothing where the index exists."""
    yield from sql.statements(_FOLDER / connection.vendor / "indexes.sql")
    if connection.vendor == "postgresql" and has_trigrams(connection):
        yield from sql.statements(POSTGRESQL / "trigram_indexes.sql")


def install_stamp(using: str) -> None:
    """The stamp by which a restored ledger is known, unless we are on the way to an earlier state
    of the tables."""
    from ipam.models import Stamp

    if Stamp._meta.db_table in connections[using].introspection.table_names():
        Stamp.objects.using(using).install()


def install_on_delete(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: PostgreSQL does with an app's rows what Django does when what they
    name goes.

    A constraint that says so already is not touched, and its table not locked.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for field in _foreign_keys(app_config):
            table, to = quote(field.model._meta.db_table), field.target_field
            letter, clause = _ON_DELETE.get(field.remote_field.on_delete, ("a", ""))
            cursor.execute(_FOREIGN_KEYS, [table])
            for column, name, now in cursor.fetchall():
                if column != field.column or now == letter:
                    continue
                cursor.execute(
                    f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}, "
                    f"ADD CONSTRAINT {quote(name)} FOREIGN KEY ({quote(field.column)}) "
                    f"REFERENCES {quote(to.model._meta.db_table)} ({quote(to.column)}){clause} "
                    "DEFERRABLE INITIALLY DEFERRED"
                )


def _foreign_keys(app_config: AppConfig) -> Iterator[Any]:
    for model in apps.get_app_config(app_config.label).get_models():
        for field in model._meta.local_fields:
            if isinstance(field, models.ForeignKey):
                yield field


@receiver(pre_migrate)
def make_way(using: str = "default", plan: Any = None, **kwargs: Any) -> None:
    """Receiver of pre_migrate: drop the triggers, which `install` creates again afterwards.

    SQLite changes a table by creating it anew, and refuses while a trigger names the old one; on
    PostgreSQL, a trigger that names a former column would refuse every write."""
    connection = connections[using]
    changed = {migration.app_label for migration, _backwards in plan or ()}
    if connection.vendor == "postgresql":
        changed &= set(triggers.OWNERS)
    if not changed:
        return
    for owner in triggers.owners():
        triggers.remove(connection, owner)


def has_trigrams(connection: BaseDatabaseWrapper) -> bool:
    """Whether pg_trgm is there or may be made; without it a search by part of a name reads every
    row."""
    with connection.cursor() as cursor:
        cursor.execute(_MAY_HAVE_TRIGRAMS)
        return bool(cursor.fetchone()[0])
