"""What every test may ask for."""

import gc
import math
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django.plugin import DjangoDbBlocker

from tests.settings import SCRATCH
from tests.support import emptied, fastpath, one_queue, recorded, recorder, require, template
from tests.support.browser import admin_page, chromium, page  # noqa: F401  (fixtures)

# How long one example takes says more about this machine's other work than about our code.
# Every run draws other examples, from the seed that it prints (tests/run.py --seed).
hypothesis_settings.register_profile(
    "house",
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("house")

gc.disable()  # until the tests are collected: what is loaded stays

SEED = os.environ.setdefault("IPMANAGER_TEST_SEED", str(random.randrange(2**32)))
DATABASE_FIXTURES = {
    "db",
    "transactional_db",
    "empty_database",
    "migrated_database",
    "site_database",
}

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
        "markers",
        "whole(vendor='postgresql'): on this database in `make test-all` only (other processes)",
    )
    if os.environ.get("IPMANAGER_TEST_RECORD") and connection.vendor == "postgresql":
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        config.pluginmanager.register(recorder.Recorder(worker))
    config.addinivalue_line(
        "markers", "once: the database makes no difference; one pass of `make test` is enough"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another worker of `make test` has on the first database."""
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        (chosen if is_for_this_database(item) else others).append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = chosen


def is_for_this_database(item: pytest.Item) -> bool:
    """What is marked for one database is no test on the other. When both are tested, `part` leaves
    out on each what is marked `whole` there, and on the second one what does not depend on it
    (tests/recorded/); `whole` are all that use one; what is marked `once` is in neither."""
    if mark := item.get_closest_marker("on"):
        return mark.args == (connection.vendor,)
    second = os.environ.get("IPMANAGER_TEST_SECOND")
    if not second:
        return True
    if second == "part" and is_for_the_whole(item):
        return False
    if connection.vendor == "sqlite":
        return True
    if item.get_closest_marker("once") or not asks_a_database(item):
        return False
    if second == "whole" or item.get_closest_marker("whole"):
        return True
    return not recorded.is_left_out(item)


def is_for_the_whole(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("whole")
    return mark is not None and connection.vendor in (mark.args or ("postgresql",))


def asks_a_database(item: pytest.Item) -> bool:
    marked = item.get_closest_marker("django_db") or item.get_closest_marker("each")
    return bool(marked or DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Nothing that is loaded now ever becomes garbage; without it among what is searched, and
    searched less often, the suite takes a tenth less of the processor."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config) -> object | None:
    """The workers of tests/run.py share one queue; any others are xdist's own matter."""
    if all(one_queue.VENDOR in worker for worker in config.getoption("tx")):
        return one_queue.OneQueue(config)
    return None


def pytest_report_header(config: pytest.Config) -> list[str]:
    seed = f"seed: IPMANAGER_TEST_SEED={SEED}"
    if config.getoption("tx", None):
        return [seed]  # the workers have the databases
    return [f"database: {connection.vendor}", seed]


@pytest.fixture(autouse=True)
def same_random_numbers(request: pytest.FixtureRequest) -> None:
    """A test that draws random numbers draws the same ones again from the same seed."""
    random.seed(f"{SEED} {request.node.nodeid}")


@pytest.fixture(autouse=True)
def required_parts(request: pytest.FixtureRequest) -> None:
    """Honour `needs` marks."""
    for mark in request.node.iter_markers("needs"):
        require.part(*mark.args)


@pytest.fixture(autouse=True)
def default_language() -> None:
    """No test goes on in the language that a browser of the one before has asked for."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def unknown_ledger() -> None:
    """No test remembers how far the history of another one's ledger went (ipam/freeze.py)."""
    (settings.DATA_DIR / "ledger.json").unlink(missing_ok=True)


@pytest.fixture(autouse=True)
def known_health() -> None:
    """No page reads anew how the site is while a test counts queries."""
    from ipmanager.shell import health_dot  # once the apps are loaded

    health_dot.keep([], math.inf)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The database of this process, in the place of pytest-django's: a copy of a migrated one."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main").replace("-", "_")
    name = f"{SCRATCH}/test.sqlite3" if connection.vendor == "sqlite" else f"test_{worker}"
    with django_db_blocker.unblock():
        template.use_copy(name)
    yield
    with django_db_blocker.unblock():
        connection.close()
        template.drop(name)


@pytest.fixture
def site_environment(tmp_path: Path) -> dict[str, str]:
    """The environment for a process of the real site, with a data directory of its own and defaults
    for the rest."""
    return environment_of_a_site(tmp_path)


def environment_of_a_site(place: Path) -> dict[str, str]:
    ours = ("IPMANAGER_", "DJANGO_", "DATABASE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"IPMANAGER_DATA_DIR": str(place / "data")}


@contextmanager
def database_of_a_site(place: Path, blocker: DjangoDbBlocker) -> Iterator[dict[str, str]]:
    """The environment for one site that serves many tests, on a migrated database of its own."""
    name = template.own_name(place, "site")
    with blocker.unblock():
        template.new_copy(name)
    yield environment_of_a_site(place) | {"DATABASE_URL": template.url(name)}
    with blocker.unblock():
        template.drop(name)


@pytest.fixture(scope="module")
def site_database(
    tmp_path_factory: pytest.TempPathFactory,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[dict[str, str]]:
    """The environment for one site that serves all tests of a module."""
    with database_of_a_site(tmp_path_factory.mktemp("site"), django_db_blocker) as environment:
        yield environment


@pytest.fixture
def shared_database(transactional_db: None, site_environment: dict[str, str]) -> dict[str, str]:
    """The environment for a process that sees the same rows as this test."""
    return site_environment | {"DATABASE_URL": template.url(connection.settings_dict["NAME"])}


@pytest.fixture
def empty_database(
    tmp_path: Path, site_environment: dict[str, str], django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, str]]:
    """The environment for a process on a database without tables, gone after the test."""
    with empty_database_of(tmp_path, django_db_blocker) as url:
        yield site_environment | {"DATABASE_URL": url}


@contextmanager
def empty_database_of(place: Path, blocker: DjangoDbBlocker) -> Iterator[str]:
    """The URL of a database without tables, gone after the block."""
    name = template.own_name(place, "empty")
    with blocker.unblock():
        if connection.vendor == "postgresql":
            template.run_alone(f"CREATE DATABASE {name}")
        yield template.url(name)
        template.drop(name)


@pytest.fixture
def migrated_database(
    tmp_path: Path, site_environment: dict[str, str], django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, str]]:
    """The environment for a process on a database of its own as `migrate` leaves it, gone after the
    test: a site that starts on it need not migrate."""
    name = template.own_name(tmp_path, "migrated")
    with django_db_blocker.unblock():
        template.new_copy(name)
        yield site_environment | {"DATABASE_URL": template.url(name)}
        template.drop(name)
