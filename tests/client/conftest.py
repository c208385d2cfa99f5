"""One real site for all tests of the client."""

from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from client import Ledger
from tests.conftest import database_of_a_site
from tests.support.site import site

TOKEN = "a-token-for-the-tests-of-the-client"


@pytest.fixture(scope="package")
def running(
    tmp_path_factory: pytest.TempPathFactory,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
):
    place: Path = tmp_path_factory.mktemp("site")
    chosen = {"IPMANAGER_BOOTSTRAP_TOKEN": TOKEN, "IPMANAGER_DEMO": "0"}
    with (
        database_of_a_site(place, django_db_blocker) as environment,
        site(environment | chosen, place / "output") as started,
    ):
        yield started


@pytest.fixture
def ledger(running):
    return Ledger(running.url, TOKEN, timeout=60)


@pytest.fixture
def here(running, monkeypatch):
    """The environment says where the site is."""
    monkeypatch.setenv("IPMANAGER_URL", running.url)
    monkeypatch.setenv("IPMANAGER_TOKEN", TOKEN)
    monkeypatch.delenv("IPMANAGER_TOKEN_FILE", raising=False)


@pytest.fixture
def subnet(ledger, request):
    """A subnet of this test's own with nine addresses to hand out: .1 to .9."""
    number = sum(1 for _ in ledger.subnets())
    net = f"10.0.{number}"
    facts = {
        "network": f"{net}.0/24",
        "name": f"net-{number}",
        "static_ip_pools": [f"{net}.1-{net}.9"],
    }
    ledger.request("POST", "subnets/", facts)
    return ledger.subnet(f"{net}.0/24")
