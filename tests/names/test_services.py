"""Registered services have names: their address at every dnsmasq, their port for other servers."""

import pytest

from dhcp.files.sync import sync
from dhcp.models import DhcpChange
from names.zones.served import of_zone
from registry.models import RegistryConfig, Service
from tests.ipam.factories import ServerFactory
from tests.registry.factories import ServiceFactory
from tests.support.by_hand import by_hand
from tests.support.dns import NXDOMAIN

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(db):
    return RegistryConfig.objects.get(environment="production")


def service(environment, service_id, ip="10.1.0.20", **facts):
    return ServiceFactory(environment=environment, service_id=service_id, ip_address=ip, **facts)


def ports(zone):
    return {one.name: one.value for one in of_zone(zone, "", 1) if one.type == "SRV"}


def test_a_service_resolves_in_its_environment_until_it_has_no_address(ask, production, zone):
    row = service(production, "Billing", port=8080)
    assert sync().good
    name = "billing.production.corp.example"
    assert (ask(name), ask.ptr("10.1.0.20")) == (["10.1.0.20"], [name])
    assert ports(zone) == {"_billing._tcp.production.corp.example": f"0 0 8080 {name}"}
    Service.objects.filter(pk=row.pk).update(ip_address=None, port=None)
    assert sync().good
    assert (ask(name), ask.ptr("10.1.0.20")) == ([NXDOMAIN], [NXDOMAIN])
    assert ports(zone) == {}


def test_a_service_id_with_a_domain_stands_as_it_is(ask, production, zone):
    service(production, "shop.corp.example", port=443)
    service(production, "shop.other.example", port=444)
    assert sync().good
    assert ask("shop.corp.example") == ["10.1.0.20"]
    assert ports(zone) == {"_shop._tcp.corp.example": "0 0 443 shop.corp.example"}


def test_a_service_takes_no_name_and_no_reverse_name_of_a_machine(ask, production):
    service(production, "web.corp.example", port=443)
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    service(production, "api", "10.1.0.5", port=444)
    (problem,) = sync().problems
    assert problem.reason == "web.corp.example belongs to server web (10.1.0.5)"
    assert ask("web.corp.example") == ["10.1.0.5"]
    assert ask("api.production.corp.example") == ["10.1.0.5"]
    assert ask.ptr("10.1.0.5") == ["web.corp.example"]


@pytest.mark.parametrize("service_id", ["a@b", "a:1", "web+1"])
def test_a_service_id_that_is_no_name_is_told(zone, subnet, production, settings, service_id):
    settings.DNSMASQ_DNS = None
    service(production, service_id)
    (problem,) = sync().problems
    assert "is not a name that DNS can serve" in problem.reason


def test_services_that_fall_silent_all_at_once_are_no_damage(ask, production):
    for number in range(20):
        service(production, f"s{number}", port=9000 + number)
    assert sync().good and ask("s7.production.corp.example") == ["10.1.0.20"]
    Service.objects.update(ip_address=None, port=None)
    assert sync().good
    assert ask("s7.production.corp.example") == [NXDOMAIN]


def test_only_what_changes_its_name_is_told_and_only_where_a_zone_is_ours(production, subnet, zone):
    DhcpChange.objects.all().delete()
    row = service(production, "billing")
    Service.objects.filter(pk=row.pk).update(status="restarting")
    by_hand("UPDATE services SET last_heartbeat = created_at, port = port")
    assert [(one.kind, one.action) for one in DhcpChange.objects.all()] == [("service", "add")]
    by_hand("UPDATE services SET port = 9999")
    row.delete()
    assert [one.action for one in DhcpChange.objects.all()] == ["add", "change", "delete"]
    zone.delete()
    DhcpChange.objects.all().delete()
    service(production, "billing")
    assert not DhcpChange.objects.exists()
