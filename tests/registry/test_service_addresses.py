"""Addresses outside loopback are taken from the ledger, and given back."""

import pytest

from core.errors import Conflict, Exhausted
from ipam.addresses import parse_address
from ipam.models import IPAddress
from registry.models import RegistryConfig, Service
from registry.services.deregister import deregister
from registry.services.register import register
from registry.services.registration import Registration
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet():
    return SubnetFactory(network="10.0.0.0/29", static_ip_pools=["10.0.0.2-10.0.0.3"])


def come(service_id, host=None, **more):
    return register(
        Registration(service_id, host=parse_address(host) if host else None, **more)
    ).service


def status(ip):
    row = IPAddress.objects.get(ip_address=ip)
    return row.status, row.vm_id


def test_a_free_address_is_taken_when_the_first_service_comes_and_released_when_the_last_goes(
    subnet,
):
    come("a", "10.0.0.2"), come("b", "10.0.0.2")
    assert status("10.0.0.2") == ("allocated", "registry:10.0.0.2")
    deregister("a")
    assert status("10.0.0.2")[0] == "allocated"
    deregister("b")
    assert status("10.0.0.2") == ("available", None)


def test_an_address_that_a_server_has_is_used_and_stays_the_servers(subnet):
    ServerFactory(hostname="web", ip_address="10.0.0.2")
    come("a", "10.0.0.2")
    deregister("a")
    assert IPAddress.objects.get(ip_address="10.0.0.2").server.hostname == "web"


def test_an_address_in_quarantine_is_refused(subnet):
    IPAddress.objects.filter(ip_address="10.0.0.2").delete()
    IPAddressFactory(ip_address="10.0.0.2", status="quarantine")
    with pytest.raises(Conflict, match="quarantine"):
        come("a", "10.0.0.2")


def test_in_an_environment_with_a_subnet_each_service_gets_an_address_of_its_own(subnet):
    RegistryConfig.objects.filter(environment="production").update(subnet=subnet)
    rows = [come(name, environment="production", type="api") for name in "ab"]
    assert [(str(row.ip_address), row.port) for row in rows] == [
        ("10.0.0.2", 8000),
        ("10.0.0.3", 8000),
    ]
    with pytest.raises(Exhausted):
        come("c", environment="production")
    deregister("a", "production")
    assert str(come("c", environment="production").ip_address) == "10.0.0.2"


def test_production_knows_no_address_that_the_ledger_does_not_know():
    with pytest.raises(Conflict, match="is in no subnet"):
        come("a", "10.9.9.9", environment="production")
    assert str(come("a", "10.9.9.9").ip_address) == "10.9.9.9"


def test_a_refused_registration_leaves_the_address_free(subnet):
    come("a", "10.0.0.2", preferred_port=8500, pinned=True)
    deregister("a")
    RegistryConfig.objects.update(
        fallback=False, port_first=7000, port_last=7000, reserved_ports=[7000]
    )
    with pytest.raises(Exhausted):
        come("b", "10.0.0.2")
    assert status("10.0.0.2") == ("available", None)
    assert not Service.objects.exists()
