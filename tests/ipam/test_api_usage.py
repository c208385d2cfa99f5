"""Usage in the API: columns, filters, orders, history and forecast."""

from datetime import timedelta

import pytest
from django.utils.timezone import localdate

from ipam.allocate import allocate
from ipam.models import Pool, Subnet, UsageDay
from ipam.usage.history import write_today
from tests.ipam.admin_forms import queries_in
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
SUBNETS, POOLS = "/api/v1/subnets/", "/api/v1/pools/"


@pytest.fixture
def api():
    return with_token("admin")


@pytest.fixture
def three():
    """A full static pool, a half used one, and a subnet of DHCP addresses only."""
    full = SubnetFactory(network="10.0.0.0/20", static_ip_pools=["10.0.0.10-10.0.0.11"])
    half = SubnetFactory(network="10.1.0.0/24", static_ip_pools=["10.1.0.10-10.1.0.13"])
    SubnetFactory(network="10.2.0.0/30", dhcp_pools=["10.2.0.1-10.2.0.2"])
    for subnet in (full, half):
        allocate(subnet)
        allocate(subnet)
    return full, half


def listed(api, path, **query):
    answer = api.get(path, query)
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def networks(api, **query):
    return [row["network"] for row in listed(api, SUBNETS, **query)]


# --- lists ------------------------------------------------------------------------------------


def test_subnets_and_pools_say_how_full_they_are(api, three):
    subnet = api.get(f"{SUBNETS}{three[1].pk}/").json()
    pool = listed(api, POOLS, subnet=three[1].pk)[0]

    figures = {name: value for name, value in subnet.items() if name.startswith("static_")}
    assert figures == {
        "static_ip_pools": ["10.1.0.10-10.1.0.13"],
        "static_total": 4,
        "static_used": 2,
        "static_free": 2,
        "static_percent": 50.0,
    }
    assert (subnet["dhcp_total"], subnet["dhcp_percent"]) == (0, 0.0)
    assert [pool[name] for name in ("total", "used", "free", "percent")] == [4, 2, 2, 50.0]


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("static_free", ["10.0.0.0/20", "10.1.0.0/24", "10.2.0.0/30"]),
        ("-static_free", ["10.1.0.0/24", "10.0.0.0/20", "10.2.0.0/30"]),
        ("-static_percent,network", ["10.0.0.0/20", "10.1.0.0/24", "10.2.0.0/30"]),
        ("dhcp_free", ["10.2.0.0/30", "10.0.0.0/20", "10.1.0.0/24"]),
    ],
)
def test_subnets_are_ordered_by_usage(api, three, order, wanted):
    assert networks(api, ordering=order) == wanted


def test_subnets_and_pools_are_filtered_by_usage(api, three):
    assert networks(api, static_percent__gte=90) == ["10.0.0.0/20"]
    assert networks(api, static_free__lte=2, static_free__gte=1) == ["10.1.0.0/24"]
    assert networks(api, static_free__lte=2, q="10.0.0.0/8") == ["10.0.0.0/20", "10.1.0.0/24"]
    assert [row["first"] for row in listed(api, POOLS, free__lte=0)] == ["10.0.0.10"]
    assert [row["free"] for row in listed(api, POOLS, ordering="-free")] == [2, 2, 0]


def test_a_filter_that_is_no_number_is_refused_with_its_name(api, three):
    answer = api.get(SUBNETS, {"static_free__gte": "many"})

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["static_free__gte"])
    assert api.get(SUBNETS, {"static_left__gte": "1"}).status_code == 400
    assert api.get(SUBNETS, {"ordering": "static_left"}).status_code == 400


def test_pages_in_an_order_of_usage_hold_each_row_once(api):
    for index in range(7):
        SubnetFactory(network=f"10.0.{index}.0/24")

    url, found = f"{SUBNETS}?ordering=-static_free&page_size=3", []
    while url:
        page = api.get(url).json()
        found += [row["network"] for row in page["results"]]
        url = page["next"]

    assert sorted(found) == [f"10.0.{index}.0/24" for index in range(7)]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (SUBNETS, {}),
        (SUBNETS, {"ordering": "static_percent"}),
        (SUBNETS, {"static_percent__gte": 0, "dhcp_free__gte": 0}),
        (POOLS, {}),
        (POOLS, {"ordering": "percent"}),
        (POOLS, {"percent__gte": 0}),
    ],
)
def test_the_number_of_queries_does_not_grow(api, path, query):
    def grow(indexes):
        for index in indexes:
            SubnetFactory(
                network=f"10.0.{index}.0/24",
                static_ip_pools=[f"10.0.{index}.10-10.0.{index}.19"],
                dhcp_pools=[f"10.0.{index}.100-10.0.{index}.109"],
            )
            ServerFactory(ip_address=f"10.0.{index}.10")

    grow(range(2))
    api.get(path, query)
    few = queries_in(lambda: listed(api, path, **query))
    grow(range(2, 8))

    assert queries_in(lambda: listed(api, path, **query)) == few <= 16


def test_fields_without_usage_measure_nothing(api, three):
    api.get(SUBNETS, {"fields": "id"})
    few = queries_in(lambda: listed(api, SUBNETS, fields="id,network"))

    assert queries_in(lambda: listed(api, SUBNETS, fields="id,static_free")) > few
    assert listed(api, SUBNETS, fields="static_free")[0] == {"static_free": 0}


def test_an_etag_outlives_an_allocation_because_the_row_has_not_changed(api, three):
    url = f"{SUBNETS}{three[1].pk}/"
    before = api.get(url)
    allocate(three[1])
    after = api.get(url)

    assert before.json()["static_free"] == after.json()["static_free"] + 1
    assert before["ETag"] == after["ETag"]
    answer = api.patch(url, {"name": "new"}, headers={"If-Match": before["ETag"]}, format="json")
    assert answer.status_code == 200


# --- next free --------------------------------------------------------------------------------


def test_next_free_of_a_parent_without_free_addresses_names_those_inside_that_have_some(api):
    parent = SubnetFactory(network="10.0.0.0/24")
    SubnetFactory(network="10.0.0.0/25", dhcp_pools=["10.0.0.1-10.0.0.126"])
    free = SubnetFactory(network="10.0.0.128/25", name="free")
    url = f"{SUBNETS}{parent.pk}/next-free/"
    children = [{"id": free.pk, "network": "10.0.0.128/25", "name": "free", "free": 126}]

    assert api.get(url).json() == {"ip_address": None, "children": children}
    refused = api.post(url, {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "exhausted")
    assert refused.json()["children"] == children
    assert "10.0.0.128/25 (126)" in refused.json()["hint"]


def test_next_free_without_a_static_pool_is_what_is_allocated(api):
    subnet = SubnetFactory(network="10.0.0.0/8", gateway="10.0.0.1")
    url = f"{SUBNETS}{subnet.pk}/next-free/"

    assert api.get(url).json()["ip_address"] == "10.0.0.2"
    given = api.post(url, {"hostname": "vm"}, format="json")
    assert (given.status_code, given.json()["ip_address"]) == (201, "10.0.0.2")


# --- history and forecast ---------------------------------------------------------------------


def growth(subnet_id, pool_id=0, days=10, by=2):
    today = localdate()
    for ago in range(1, days):
        UsageDay.objects.create(
            day=today - timedelta(days=ago),
            subnet_id=subnet_id,
            pool_id=pool_id,
            static_total=254,
            static_used=100 - by * ago,
        )


def test_a_subnet_has_its_past_and_the_day_on_which_it_is_full(api):
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.20"])
    for _ in range(10):
        allocate(subnet)
    growth(subnet.pk)

    body = api.get(f"{SUBNETS}{subnet.pk}/usage/").json()

    assert body["current"]["static"] == {"total": 20, "used": 10, "free": 10, "percent": 50.0}
    assert len(body["history"]) == 9
    assert body["history"][-1]["static"]["used"] == 98
    assert body["forecast"] == {
        "static": {"full_on": (localdate() + timedelta(days=5)).isoformat(), "per_day": 2.0},
        "dhcp": None,
    }
    assert len(api.get(f"{SUBNETS}{subnet.pk}/usage/", {"days": 3}).json()["history"]) == 2
    assert api.get(f"{SUBNETS}{subnet.pk}/usage/", {"days": 0}).status_code == 400


def test_a_pool_has_its_past_and_forecast_too(api):
    subnet = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.20"])
    pool = Pool.objects.get()
    growth(subnet.pk, pool.pk)

    body = api.get(f"{POOLS}{pool.pk}/usage/").json()

    assert body["current"] == {"total": 20, "used": 0, "free": 20, "percent": 0.0}
    assert body["history"][0] == {
        "day": (localdate() - timedelta(days=9)).isoformat(),
        "total": 254,
        "used": 82,
        "free": 172,
        "percent": 32.28,
    }
    assert body["forecast"]["per_day"] == 2.0


def test_the_worker_writes_a_line_a_day_for_each_subnet_and_pool(django_assert_max_num_queries):
    parent = SubnetFactory(network="10.0.0.0/8")
    subnet = SubnetFactory(
        network="10.0.0.0/24", static_ip_pools=["10.0.0.1-10.0.0.9"], dhcp_pools=["10.0.0.20"]
    )
    SubnetFactory(network="2001:db8::/64")
    with django_assert_max_num_queries(16):
        assert write_today() == 5
    ServerFactory(ip_address="10.0.0.1")
    ServerFactory(ip_address="10.0.0.20")
    write_today()

    lines = UsageDay.objects.filter(day=localdate())
    assert lines.count() == 5
    whole = lines.get(subnet_id=subnet.pk, pool_id=0)
    assert (whole.static_total, whole.static_used, whole.dhcp_used) == (9, 1, 1)
    assert lines.get(subnet_id=parent.pk).dhcp_total == 1
    assert lines.get(subnet_id=Subnet.objects.get(network="2001:db8::/64").pk).static_total == 2**64
    pools = lines.exclude(pool_id=0).order_by("pool_id").values_list("static_used", "dhcp_used")
    assert sorted(pools) == [(0, 1), (1, 0)]


def test_of_leases_that_come_and_go_the_day_keeps_the_most():
    SubnetFactory(network="10.0.0.0/24", dhcp_pools=["10.0.0.20-10.0.0.29"])
    server = ServerFactory(ip_address="10.0.0.20")
    write_today()
    server.delete()
    write_today()

    assert list(UsageDay.objects.values_list("dhcp_used", flat=True)) == [1, 1]
