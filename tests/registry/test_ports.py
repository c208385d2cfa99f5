"""Which port a service gets, and that nobody else has it."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from core.errors import Conflict, Exhausted
from ipam.addresses import parse_address
from registry.models import PortLock, PortRange, RegistryConfig, Service
from registry.querysets import PortLockQuerySet
from registry.services.register import register
from registry.services.registration import Registration
from tests.registry.factories import ServiceFactory
from tests.support.by_hand import POSTGRESQL

pytestmark = pytest.mark.django_db


def given(service_id, **registrations):
    return register(Registration(service_id, **registrations)).service.port


@pytest.fixture
def narrow():
    """Development with three ports: 9001 to 9003."""
    RegistryConfig.objects.filter(environment="development").update(port_first=9001, port_last=9003)
    return RegistryConfig.objects.get(environment="development")


def test_ports_are_given_in_order_and_a_freed_one_again(narrow):
    assert [given("a"), given("b")] == [9001, 9002]
    Service.objects.get(service_id="a").delete()
    assert given("c") == 9001


def test_a_full_range_is_refused_with_the_ports_that_were_tried(narrow):
    assert [given(name) for name in "abc"] == [9001, 9002, 9003]
    with pytest.raises(Exhausted, match="9001-9003 at 127.0.0.1"):
        given("d")


def test_random_gives_every_port_of_the_range_once(narrow):
    narrow.conflict_resolution_strategy = "random"
    narrow.save()
    assert sorted(given(name) for name in "abc") == [9001, 9002, 9003]


def test_random_is_random():
    RegistryConfig.objects.update(conflict_resolution_strategy="random")
    assert [given(f"s{n}") for n in range(8)] != list(range(8000, 8008))


def test_a_services_own_range_comes_first_and_is_the_only_one(narrow):
    assert given("a", port_range=(12_000, 12_001)) == 12_000
    assert given("b", port_range=(12_000, 12_001)) == 12_001
    with pytest.raises(Exhausted, match="12000-12001"):
        given("c", port_range=(12_000, 12_001))


def test_the_same_port_may_be_used_with_both_protocols():
    assert given("dns", preferred_port=8053, protocol="udp") == given(
        "dns-tcp", preferred_port=8053, protocol="tcp"
    )


def test_the_same_port_may_be_used_at_two_addresses():
    assert given("a", preferred_port=8500) == given(
        "b", preferred_port=8500, host=parse_address("127.0.0.9")
    )


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_a_service_that_listens_everywhere_has_its_port_on_every_address(wildcard):
    ServiceFactory(service_id="all", ip_address=wildcard, port=8000)
    assert given("a", type="api") == 8001
    with pytest.raises(ValidationError, match="taken by development/all"):
        ServiceFactory(ip_address="127.0.0.7", port=8000)


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_a_service_that_listens_everywhere_gets_no_port_that_anybody_has(wildcard):
    ServiceFactory(ip_address="127.0.0.5", port=8000)
    ServiceFactory(ip_address="::1", port=8001)
    assert given("all", type="api", host=parse_address(wildcard)) == 8002


def test_the_database_itself_refuses_a_port_twice():
    row = ServiceFactory(port=8000)
    other = ServiceFactory(port=8001)
    with pytest.raises(IntegrityError), transaction.atomic():
        Service.objects.filter(pk=other.pk).update(port=row.port)


def test_a_pinned_service_has_its_fixed_port_even_if_that_is_reserved():
    assert given("nginx", preferred_port=443, pinned=True) == 443


def test_a_pinned_service_gets_its_port_or_a_refusal_that_names_the_holder():
    ServiceFactory(service_id="apache", port=443)
    with pytest.raises(Conflict, match="Port 443 is taken by development/apache"):
        given("nginx", preferred_port=443, pinned=True)
    assert not Service.objects.filter(service_id="nginx").exists()


def test_strict_gives_what_is_asked_or_nothing():
    RegistryConfig.objects.update(conflict_resolution_strategy="strict")
    assert given("a", preferred_port=8500) == 8500
    with pytest.raises(Conflict, match="taken by development/a"):
        given("b", preferred_port=8500)
    with pytest.raises(Conflict, match="reserved"):
        given("c", preferred_port=443)
    assert given("d", type="api") == 8000


def test_ports_reserved_by_the_administrator_are_passed_over(narrow):
    narrow.reserved_ports = [9001]
    narrow.save()
    assert given("a") == 9002


def test_an_administrators_range_for_a_new_type_is_used(narrow):
    PortRange.objects.create(config=narrow, service_type="queue", first=15_000, last=15_010)
    assert given("a", type="queue") == 15_000


def test_the_last_port_of_all_can_be_given():
    assert given("a", port_range=(65_535, 65_535)) == 65_535


def test_a_service_that_lost_its_port_gets_one_again_with_its_next_registration():
    lost = ServiceFactory(
        service_id="a", ip_address=None, port=None, status="inactive", preferred_port=8100
    )
    done = register(Registration("a"))
    assert (done.again, done.service.pk, done.service.port, done.service.status) == (
        False,
        lost.pk,
        8100,
        "active",
    )


def test_rows_to_lock_are_made_once_for_a_range(narrow, django_assert_max_num_queries):
    given("a")
    assert PortLock.objects.count() == 3
    with django_assert_max_num_queries(18):
        given("b")


def test_a_range_whose_rows_somebody_else_makes_at_this_moment_is_not_full(narrow, monkeypatch):
    look = PortLockQuerySet.are_complete

    def somebody_is_quicker(self, protocol, span):
        PortLock.objects.complete(protocol, span)
        return look(self, protocol, span)

    monkeypatch.setattr(PortLockQuerySet, "are_complete", somebody_is_quicker)
    assert given("a") == 9001


@pytest.mark.parametrize("others", [1, 60])
def test_a_registration_costs_the_same_however_many_services_there_are(
    others, django_assert_num_queries
):
    given("warm")
    for _ in range(others):
        ServiceFactory()
    with django_assert_num_queries(QUERIES):
        given("a")


QUERIES = 17 + POSTGRESQL  # its turn is waited for
