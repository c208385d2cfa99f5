"""`?as_of=TIME`: lists and rows as they were, with the filters, orders and rights of then."""

from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from api.fastpath import registry
from changes.models import OF_SEALS, Seal
from dhcp.models import LeaseInterval
from ipam.allocate import release, reserve
from ipam.models import IPAddress, Server, Subnet
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory
from tests.support.api import staff, with_session, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def api():
    return with_token("admin")


@pytest.fixture
def confined():
    return with_token("admin", subnets=["10.1.0.0/16"])


def now():
    return timezone.now().isoformat()


def listed(api, name, moment, **query):
    """The rows of a list as it was, through all of its pages."""
    response = api.get(f"{API}/{name}/", {"as_of": moment, **query})
    rows = []
    while True:
        assert response.status_code == 200, response.content
        body = response.json()
        rows += body["results"]
        if not body["next"]:
            return rows
        response = api.get(body["next"])


def test_a_row_is_what_it_was(api):
    server = ServerFactory(hostname="web-1", ip_address="10.1.0.5")
    then = now()
    server.hostname = "web-2"
    server.save()
    row = api.get(f"{API}/servers/{server.pk}/", {"as_of": then}).json()
    assert row["hostname"] == "web-1"
    assert row["as_of"] == then
    assert row["updated_at"] < then


def test_a_list_has_the_rows_that_existed_then(api):
    SubnetFactory(network="10.1.0.0/24")
    gone = SubnetFactory(network="10.2.0.0/24")
    then = now()
    gone.delete()
    SubnetFactory(network="10.3.0.0/24")
    found = [row["network"] for row in listed(api, "subnets", then)]
    assert found == ["10.1.0.0/24", "10.2.0.0/24"]


def test_filters_judge_the_past_values(api):
    server = ServerFactory(hostname="web-1", location="A")
    then = now()
    server.location = "B"
    server.save()
    assert listed(api, "servers", then, location="B") == []
    assert [row["location"] for row in listed(api, "servers", then, location="A")] == ["A"]


def test_related_rows_are_those_of_that_moment(api):
    subnet = SubnetFactory(network="10.1.0.0/24", name="old", domain="old.example")
    PoolFactory(subnet=subnet, first="10.1.0.10", last="10.1.0.19")
    server = ServerFactory(hostname="web-1", ip_address="10.1.0.10")
    InterfaceFactory(server=server, name="bmc", ip_address="10.1.0.11")
    then = now()
    subnet.pools.all().delete()
    subnet.refresh_from_db()
    subnet.name, subnet.domain = "new", "new.example"
    subnet.save()
    server.delete()
    [address] = listed(api, "ip-addresses", then, ip_address="10.1.0.10")
    [shown] = listed(api, "servers", then)
    [network] = listed(api, "subnets", then)
    assert (address["subnet_name"], address["server_name"]) == ("old", "web-1")
    assert address["full_name"] == "web-1.old.example"
    assert shown["full_name"] == "web-1.old.example"
    assert [nic["name"] for nic in shown["interfaces"]] == ["bmc"]
    assert network["static_ip_pools"] == ["10.1.0.10-10.1.0.19"]


def test_pages_are_followed_in_both_directions(api):
    subnet = SubnetFactory(network="10.1.0.0/24")
    PoolFactory(subnet=subnet, first="10.1.0.10", last="10.1.0.19")
    for address in IPAddress.objects.all():
        reserve(address, "kept")
    then = now()
    for address in IPAddress.objects.all():
        release(address)
    subnet.pools.all().delete()
    every = [row["ip_address"] for row in listed(api, "ip-addresses", then, page_size=3)]
    assert every == [f"10.1.0.{host}" for host in range(10, 20)]
    backwards = listed(api, "ip-addresses", then, page_size=3, ordering="-ip_address")
    assert [row["ip_address"] for row in backwards] == every[::-1]
    second = api.get(f"{API}/ip-addresses/", {"as_of": then, "page_size": 3}).json()["next"]
    first = api.get(second).json()["previous"]
    body = api.get(first).json()
    assert [row["ip_address"] for row in body["results"]] == every[:3]
    assert body["previous"] is None


@pytest.mark.parametrize("name", ["ip-addresses", "subnets", "servers"])
def test_a_page_ends_when_its_budget_is_used_up_and_its_link_goes_on(api, name, monkeypatch):
    """Also with no row in it. By the links, every row is found all the same."""
    for host in range(1, 31):
        ServerFactory(hostname=f"s{host:02}", location=f"L{host % 10}", ip_address=f"10.1.{host}.1")
        SubnetFactory(network=f"10.1.{host}.0/24", site=f"L{host % 10}")
    then = now()
    query = {
        "ip-addresses": {"hostname": "s29"},
        "subnets": {"site": "L9"},
        "servers": {"location": "L9"},
    }[name]
    whole = listed(api, name, then, **query)
    assert whole
    monkeypatch.setattr("api.as_of.page.BUDGET", -1)
    first = api.get(f"{API}/{name}/", {"as_of": then, "page_size": 1, **query}).json()
    assert first["next"]
    assert not first["results"]
    assert listed(api, name, then, page_size=1, **query) == whole
    order = {"subnets": "network", "servers": "hostname"}.get(name, "ip_address")
    back = listed(api, name, then, page_size=1, ordering=f"-{order}", **query)
    assert back == whole[::-1]


def test_rows_that_have_all_changed_since_are_read_at_once(api, django_assert_max_num_queries):
    """Where the walk finds few rows in the order of their names, and the table is small."""
    for host in range(40):
        ServerFactory(hostname=f"old{host:02}")
    then = now()
    for server in Server.objects.all():
        server.hostname = f"new{server.pk}"
        server.save()
    with django_assert_max_num_queries(14):
        rows = listed(api, "servers", then, page_size=100)
    assert [row["hostname"] for row in rows] == [f"old{host:02}" for host in range(40)]


def test_orders_without_a_value_in_each_row_have_numbered_pages(api):
    for host in range(3):
        ServerFactory(hostname=f"s{host}", location=f"L{host % 2}", ip_address=f"10.1.0.{host + 5}")
    then = now()
    Server.objects.all().delete()
    query = {"page_size": 2, "ordering": "-ip_address"}
    assert [row["hostname"] for row in listed(api, "servers", then, **query)] == ["s2", "s1", "s0"]


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "-2y", "2999-01-01", "9" * 50, "-999999999w"]
)
def test_what_is_no_past_moment_is_refused_by_name(api, text):
    response = api.get(f"{API}/subnets/", {"as_of": text})
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["as_of"]


def test_a_moment_before_the_first_one_of_utc_is_refused(api):
    with timezone.override("Europe/Berlin"):
        response = api.get(f"{API}/subnets/", {"as_of": "0001-01-01"})
    assert (response.status_code, list(response.json()["errors"])) == (400, ["as_of"])


def test_times_are_read_as_people_write_them(api):
    SubnetFactory()
    ahead = (timezone.now() + timedelta(seconds=1)).isoformat()
    for text in ("-0s", "now", timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%f")):
        assert len(listed(api, "subnets", text)) == 1, text
    assert api.get(f"{API}/subnets/", {"as_of": ahead}).status_code == 400


def test_present_facts_are_left_out(api):
    SubnetFactory(network="10.1.0.0/24")
    ServerFactory(ip_address="10.1.0.10")
    assert listed(api, "ip-addresses", now())[0]["active"] is None
    assert "static_percent" not in listed(api, "subnets", now())[0]
    for query in ({"static_percent__gte": 1}, {"ordering": "-static_free"}):
        response = api.get(f"{API}/subnets/", {"as_of": now(), **query})
        assert response.status_code == 400


def test_free_addresses_have_no_past(api):
    PoolFactory(subnet=SubnetFactory(network="10.1.0.0/24"), first="10.1.0.10", last="10.1.0.10")
    assert listed(api, "ip-addresses", now()) == []
    response = api.get(f"{API}/ip-addresses/", {"as_of": now(), "status": "available"})
    assert list(response.json()["errors"]) == ["status"]


def test_nothing_else_than_rows_and_lists_has_a_past(api):
    subnet = SubnetFactory()
    for url in (f"subnets/{subnet.pk}/usage/", "subnets/export/", "sightings/"):
        assert api.get(f"{API}/{url}", {"as_of": now()}).status_code == 400, url
    assert api.delete(f"{API}/subnets/{subnet.pk}/?as_of={now()}").status_code == 400
    assert Subnet.objects.exists()


def test_a_confined_token_is_judged_by_the_past_place(api, confined):
    SubnetFactory(network="10.1.0.0/24")
    SubnetFactory(network="10.2.0.0/24")
    ServerFactory(hostname="gone", ip_address="10.1.0.5")
    ServerFactory(hostname="other", ip_address="10.2.0.5")
    then = now()
    Server.objects.all().delete()
    assert [row["hostname"] for row in listed(confined, "servers", then)] == ["gone"]
    assert [row["network"] for row in listed(confined, "subnets", then)] == ["10.1.0.0/24"]


def test_a_confined_token_sees_no_past_of_what_has_left_its_subnets(api, confined):
    SubnetFactory(network="10.1.0.0/24")
    SubnetFactory(network="10.2.0.0/24")
    server = ServerFactory(hostname="moved", ip_address="10.1.0.5")
    then = now()
    server.ip_address = "10.2.0.5"
    server.save()
    assert listed(confined, "servers", then) == []
    assert confined.get(f"{API}/servers/{server.pk}/", {"as_of": then}).status_code == 404
    assert api.get(f"{API}/servers/{server.pk}/", {"as_of": then}).status_code == 200


def test_a_page_costs_the_same_number_of_queries_whatever_it_holds(
    api, django_assert_max_num_queries
):
    subnet = SubnetFactory(network="10.1.0.0/24")
    PoolFactory(subnet=subnet, first="10.1.0.10", last="10.1.0.99")
    IPAddress.objects.first()
    with django_assert_max_num_queries(12):
        api.get(f"{API}/ip-addresses/", {"as_of": now(), "page_size": 80})


@pytest.mark.parametrize("name", ["dhcp/leases", "dhcp/lease-intervals"])
def test_leases_of_a_moment_are_those_that_lasted(api, confined, name):
    moment = timezone.now()
    for number, hours in enumerate((1, 3)):
        began = moment - timedelta(hours=hours)
        LeaseInterval.objects.create(
            ip_address=f"10.{number + 1}.0.5",
            mac_address="02:00:00:00:00:01",
            started_at=began,
            leased_until=began + timedelta(hours=2),
        )
    [row] = listed(api, name, now())
    assert (row["ip_address"], row["ended_at"]) == ("10.1.0.5", None)
    then = (moment - timedelta(hours=2)).isoformat()
    [row] = listed(api, name, then)
    assert row["ip_address"] == "10.2.0.5"
    assert listed(confined, name, then) == []
    assert listed(confined, name, now())[0]["ip_address"] == "10.1.0.5"


def test_rights_are_those_of_today(django_user_model):
    SubnetFactory()
    user = staff("ipam.view_subnet")
    then = now()
    user.user_permissions.clear()
    client = with_session(django_user_model.objects.get(pk=user.pk))
    assert client.get(f"{API}/subnets/", {"as_of": then}).status_code == 403


def test_the_fast_path_leaves_the_past_to_django():
    for path in ("/api/v1/ip-addresses/", "/api/v1/ip-addresses/5/", "/api/v1/subnets/5/usage/"):
        request = RequestFactory().get(path, {"as_of": "now"})
        found = registry.find("GET", path)
        if found:
            route, captured = found
            assert route.prepare(request, **captured) is None, path


def test_a_time_before_the_log_is_complete_names_the_earliest(api):
    earliest = timezone.now().replace(microsecond=0)
    span = {"number": 1, "first": 0, "last": 0, "count": 0}
    Seal.objects.create(**span, table=OF_SEALS, sealed_at=earliest, horizon=earliest)
    then = (earliest - timedelta(days=1)).isoformat()
    response = api.get(f"{API}/subnets/", {"as_of": then})
    assert response.status_code == 400
    assert earliest.isoformat() in response.json()["errors"]["as_of"][0]
