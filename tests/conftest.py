"""What every test may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings
from pytest_django.plugin import DjangoDbBlocker

from tests.support import emptied, fastpath, require
from tests.support.browser import admin_page, chromium, page  # noqa: F401  (fixtures)

# How long one example takes says more about this machine's other work than about our code.
hypothesis_settings.register_profile("house", deadline=None)
hypothesis_settings.load_profile("house")


fastpath.serve_test_clients()
TransactionTestCase._fixture_teardown = lambda self: emptied.empty()  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(*parts): skip, or fail, without these parts (tests/support/require.py)"
    )
    config.addinivalue_line("markers", "on(vendor): what this database alone can do, or needs")
    config.addinivalue_line(
        "markers", "each: it makes a database for itself, of the kind of its pass"
    )
    config.addinivalue_line(
        "markers", "once: the database makes no difference; one pass of `make test` is enough"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What asks no database, or is marked `once`, need not run in both passes of `make test`: the
    first has it. What is marked for one database is no test on the other."""
    chosen = [item for item in items if is_for_this_pass(item)]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen


def is_for_this_pass(item: pytest.Item) -> bool:
    if mark := item.get_closest_marker("on"):
        return mark.args == (connection.vendor,)
    second = bool(os.environ.get("IPMANAGER_TEST_SECOND_PASS"))
    return not second or (not item.get_closest_marker("once") and asks_a_database(item))


def asks_a_database(item: pytest.Item) -> bool:
    asked = {"db", "transactional_db", "empty_database"}
    marked = item.get_closest_marker("django_db") or item.get_closest_marker("each")
    return bool(marked or asked & set(getattr(item, "fixturenames", ())))


def pytest_report_header() -> str:
    return f"database: {connection.vendor}"


@pytest.fixture(autouse=True)
def required_parts(request: pytest.FixtureRequest) -> None:
    """Honour `needs` marks."""
    for mark in request.node.iter_markers("needs"):
        require.part(*mark.args)


@pytest.fixture(autouse=True)
def unknown_ledger() -> None:
    """No test remembers how far the history of another one's ledger went (ipam/freeze.py)."""
    (settings.DATA_DIR / "ledger.json").unlink(missing_ok=True)


def database_url(name: str) -> str:
    """DATABASE_URL for another process: the database of this name on the server under test."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    at = connection.settings_dict
    login = quote(at["USER"], safe="") + (
        f":{quote(at['PASSWORD'], safe='')}" if at["PASSWORD"] else ""
    )
    return f"postgres://{login}@{quote(at['HOST'], safe='')}:{at['PORT']}/{name}"


@pytest.fixture
def site_environment(tmp_path: Path) -> dict[str, str]:
    """The environment for a process of the real site, with a data directory of its own and defaults
    for the rest."""
    ours = ("IPMANAGER_", "DJANGO_", "DATABASE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"IPMANAGER_DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def shared_database(transactional_db: None, site_environment: dict[str, str]) -> dict[str, str]:
    """The environment for a process that sees the same rows as this test."""
    return site_environment | {"DATABASE_URL": database_url(connection.settings_dict["NAME"])}


@pytest.fixture
def empty_database(
    tmp_path: Path, site_environment: dict[str, str], django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, str]]:
    """The environment for a process on a database without tables, gone after the test."""
    if connection.vendor == "sqlite":
        yield site_environment | {"DATABASE_URL": database_url(f"{tmp_path}/empty.sqlite3")}
        return
    name = f"empty_{os.getpid()}"
    with django_db_blocker.unblock():
        run_alone(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
        yield site_environment | {"DATABASE_URL": database_url(name)}
        run_alone(f"DROP DATABASE {name} WITH (FORCE)")


def run_alone(*statements: str) -> None:
    """Run SQL on the server outside of any transaction and of the database under test."""
    with connection._nodb_cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
