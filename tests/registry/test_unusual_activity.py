"""What is unusual is noticed, remembered once for a cause, and never acted upon."""

import pytest

from registry.models import RegistryConfig, Service, Unusual
from registry.querysets import database_now
from tests.registry.conftest import API, Registry
from tests.registry.factories import ServiceFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db


def beat(registry, service_id, address):
    body = {"service_id": service_id}
    return registry.client.post(f"{API}/heartbeat", body, REMOTE_ADDR=address).status_code


def noticed():
    return [(row.kind, row.subject, row.caller) for row in Unusual.objects.order_by("pk")]


def test_a_heartbeat_from_another_address_counts_and_is_noticed(registry):
    ServiceFactory(
        service_id="billing",
        registered_from="10.0.0.5",
        last_heartbeat=database_now().replace(year=2020),
    )
    assert beat(registry, "billing", "10.0.0.66") == 200
    assert Service.objects.get().last_heartbeat.year > 2020
    assert ("elsewhere", "billing", "10.0.0.66") in noticed()


@pytest.mark.parametrize("address", ["10.0.0.5", "127.0.0.1"])
def test_a_heartbeat_from_where_it_registered_or_listens_is_nothing_unusual(registry, address):
    ServiceFactory(service_id="billing", registered_from="10.0.0.5")
    beat(registry, "billing", address)
    assert noticed() == []


def test_the_same_again_is_the_same_row(registry):
    ServiceFactory(service_id="billing", registered_from="10.0.0.5")
    for _ in range(3):
        beat(registry, "billing", "10.0.0.66")
    Unusual.objects.update(last_seen=database_now().replace(year=2020))
    beat(registry, "billing", "10.0.0.66")
    assert [(row.kind, row.times) for row in Unusual.objects.all()] == [("elsewhere", 2)]


def test_many_registrations_from_one_address_within_a_minute_are_noticed(registry):
    RegistryConfig.objects.update(burst=5)
    body = {"service_name": "x"}
    for n in range(5):
        registry.client.post(
            f"{API}/register", body | {"service_id": f"s{n}"}, REMOTE_ADDR="10.0.9.9"
        )
    assert noticed() == []
    status = registry.client.post(
        f"{API}/register", body | {"service_id": "s5"}, REMOTE_ADDR="10.0.9.9"
    ).status_code
    assert (status, noticed()) == (201, [("burst", "10.0.9.9", "10.0.9.9")])


def test_a_token_in_a_new_network_is_noticed_but_not_in_its_first():
    client = with_token("registry", "read")
    for address in ("10.0.0.1", "10.0.0.2", "192.0.2.7", "192.0.2.9", "10.0.0.3"):
        client.get(f"{API}/services", REMOTE_ADDR=address)
    assert [(kind, caller) for kind, _token, caller in noticed()] == [("network", "192.0.2.7")]


def test_ipv6_callers_are_at_home_in_their_64():
    client = with_token("registry", "read")
    for address in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"):
        client.get(f"{API}/services", REMOTE_ADDR=address)
    assert [caller for _kind, _token, caller in noticed()] == ["2001:db8:0:1::1"]


def test_heartbeats_cost_the_same_number_of_queries_however_many_services_there_are(
    django_assert_num_queries,
):
    registry = Registry(with_token("registry"))
    for n in range(30):
        ServiceFactory(service_id=f"s{n}")
    registry.post("heartbeat", service_id="s0")
    with django_assert_num_queries(QUERIES):
        registry.post("heartbeat", service_id="s1")
    with django_assert_num_queries(QUERIES):
        registry.post("heartbeat", service_ids=[f"s{n}" for n in range(30)])


QUERIES = 4


def test_notes_are_kept_within_bounds():
    for n in range(6):
        Unusual.objects.log("burst", f"s{n}")
    Unusual.objects.trim(2)
    assert [subject for _kind, subject, _caller in noticed()] == ["s4", "s5"]
