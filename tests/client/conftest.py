"""One real site for all tests of the client. What it runs on does not matter to them: SQLite."""

import os
from pathlib import Path

import pytest

from client import Ledger
from tests.support.site import site

TOKEN = "a-token-for-the-tests-of-the-client"


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("site")
    ours = ("IPMANAGER_", "DJANGO_", "DATABASE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    chosen = {
        "IPMANAGER_DATA_DIR": str(folder / "data"),
        "IPMANAGER_BOOTSTRAP_TOKEN": TOKEN,
        "IPMANAGER_DEMO": "0",
    }
    with site(kept | chosen, folder / "output") as started:
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
