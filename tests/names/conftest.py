"""A ledger with a zone, and a real dnsmasq that serves its names."""

import pytest

from dhcp.files import sync
from names.models import Zone
from tests.ipam.factories import SubnetFactory
from tests.support.named import name_server


@pytest.fixture
def zone(db):
    return Zone.objects.create(name="corp.example")


@pytest.fixture
def subnet(zone):
    return SubnetFactory(network="10.1.0.0/24", domain="corp.example")


@pytest.fixture
def ask(settings, tmp_path, subnet, monkeypatch):
    """The server; changes are told to it by `sync`, or by the commit of a test that commits."""
    settings.DHCP_SYNC = "inline"
    monkeypatch.setattr(sync, "BUDGET", 30.0)
    with name_server(settings, tmp_path) as server:
        yield server
