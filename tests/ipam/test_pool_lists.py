"""All pools of a subnet are written at once: as one by one, but checked and settled together."""

import ipaddress

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dhcp.models import DhcpChange
from ipam import querysets
from ipam.models import IPAddress, Pool, Subnet
from ipam.placement import pool_lists, pool_rows
from ipam.placement.populate import populate
from tests.ipam.factories import IPAddressFactory, PoolFactory, ServerFactory, SubnetFactory
from tests.support.api import with_token
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db
NETWORK = ipaddress.ip_network("10.0.0.0/16")
OTHER = ipaddress.ip_network("10.1.0.0/16")
FEW, MANY = 20, 300


def ranges(number, width=3, network=NETWORK):
    """Pools of so many addresses, each followed by an address that none has."""
    starts = (1 + (width + 1) * index for index in range(number))
    return [f"{network[start]}-{network[start + width - 1]}" for start in starts]


def rows():
    columns = ("ip_address", "status", "ip_type", "subnet", "vm_id")
    return set(IPAddress.objects.values_list(*columns))


def queries(work):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        work()
    return len(captured)


@pytest.mark.parametrize("kind", ["static_ip_pools", "dhcp_pools"])
def test_many_pools_take_as_many_queries_as_few(kind):
    """Of PostgreSQL's and SQLite's statements only those that insert rows grow in number."""

    def post(network, number):
        SubnetFactory(network=network, **{kind: ranges(number, network=network)})

    few = queries(lambda: post(NETWORK, FEW))
    many = queries(lambda: post(OTHER, MANY))
    assert many <= few + 10


def test_one_request_makes_a_thousand_pools_and_their_rows():
    asked = {"network": "10.0.0.0/16", "static_ip_pools": ranges(1000)}
    response = with_token("admin").post("/api/v1/subnets/", asked)
    assert (response.status_code, response.json()["static_ip_pools"]) == (201, ranges(1000))
    assert Pool.history.filter(history_type="+").count() == 1000
    assert IPAddress.objects.filter(status="available").count() == 3000


@pytest.mark.parametrize("number", [FEW, MANY])
@pytest.mark.parametrize("network", ["10.0.0.0/16", "2001:db8::/64"])
def test_the_rows_are_those_that_populate_makes(number, network):
    network = ipaddress.ip_network(network)
    subnet = SubnetFactory(network=network, gateway=network[2])
    SubnetFactory(network=next(network.subnets(new_prefix=network.max_prefixlen - 4)))
    IPAddressFactory(ip_address=network[21], status="reserved")
    subnet.static_ip_pools = ranges(number, network=network)
    subnet.save()
    settled = rows()
    populate(clear=True)
    assert rows() == settled


@pytest.mark.parametrize("number", [FEW, MANY])
def test_a_list_that_changes_moves_the_rows_with_it(number):
    subnet = SubnetFactory(network=NETWORK, static_ip_pools=ranges(number))
    kept, left, entered = NETWORK[1], NETWORK[3], NETWORK[4 * number + 9]
    for address in (kept, left, entered):
        row = IPAddress.objects.filter(ip_address=address).first() or IPAddress(ip_address=address)
        row.status = "reserved"
        row.save()
    subnet.static_ip_pools = [f"{NETWORK[1]}-{NETWORK[2]}", str(entered), *ranges(number)[1:]]
    subnet.save()
    types = dict(IPAddress.objects.live().values_list("ip_address", "ip_type"))
    assert types == {kept: "static", left: "dhcp", entered: "static"}
    settled = rows()
    populate(clear=True)
    assert rows() == settled
    subnet.static_ip_pools = []
    subnet.save()
    assert IPAddress.objects.live().count() == IPAddress.objects.count() == 3


def test_history_and_dhcp_are_told_of_each_pool():
    subnet = SubnetFactory(network=NETWORK, dhcp_pools=ranges(3), static_ip_pools=["10.0.9.9"])
    DhcpChange.objects.all().delete()
    subnet.dhcp_pools, subnet.static_ip_pools = [*ranges(2)[1:], "10.0.8.8"], []
    subnet.save()
    told = set(DhcpChange.objects.filter(kind="pool").values_list("action", "label"))
    assert {(action, label.split()[0]) for action, label in told} == {
        ("delete", "10.0.0.1-10.0.0.3"),
        ("delete", "10.0.0.9-10.0.0.11"),
        ("add", "10.0.8.8"),
    }
    gone = Pool.history.filter(history_type="-")
    assert set(gone.values_list("kind", flat=True)) == {"dhcp", "static"}
    assert gone.count() == 3


def test_more_pools_than_a_hundred_are_one_change_for_dhcp():
    SubnetFactory(network=NETWORK, dhcp_pools=ranges(101))
    assert not DhcpChange.objects.filter(kind="pool").exists()
    assert DhcpChange.objects.filter(kind="ledger", label__startswith="101 ").exists()


# --- refused --------------------------------------------------------------------------------------


@pytest.fixture
def surroundings():
    """What stands in the way, around 10.0.1.0/24."""
    SubnetFactory(network="10.0.0.0/16", gateway="10.0.1.77")
    subnet = SubnetFactory(network="10.0.1.0/24", gateway="10.0.1.1")
    inner = SubnetFactory(network="10.0.1.128/28")
    PoolFactory(subnet=inner, first="10.0.1.130", last="10.0.1.133")
    ServerFactory(hostname="web", ip_address="10.0.1.50", mac_address=None)
    return subnet


@pytest.mark.parametrize(
    ("kind", "pool"),
    [
        ("static", "10.0.2.1-10.0.2.9"),
        ("static", "10.0.0.250-10.0.1.9"),
        ("static", "2001:db8::1-2001:db8::2"),
        ("static", "10.0.1.70-10.0.1.80"),
        ("static", "10.0.1.120-10.0.1.131"),
        ("dhcp", "10.0.1.1-10.0.1.9"),
        ("dhcp", "10.0.1.0-10.0.1.0"),
        ("dhcp", "10.0.1.250-10.0.1.255"),
        ("dhcp", "10.0.1.120-10.0.1.128"),
        ("dhcp", "10.0.1.40-10.0.1.60"),
    ],
)
def test_a_pool_in_a_list_is_refused_with_the_words_of_a_single_one(surroundings, kind, pool):
    first, last = pool.split("-")
    with pytest.raises(ValidationError) as alone:
        Pool(subnet=surroundings, first=first, last=last, kind=kind).save()
    setattr(
        surroundings, f"{'static_ip' if kind == 'static' else 'dhcp'}_pools", ["10.0.1.200", pool]
    )
    with pytest.raises(ValidationError) as listed:
        surroundings.save()
    assert listed.value.message_dict == alone.value.message_dict
    assert not surroundings.pools.exists()


def test_pools_of_a_list_that_overlap_are_refused():
    asked = {
        "network": "10.0.0.0/24",
        "static_ip_pools": ["10.0.0.1-10.0.0.9"],
        "dhcp_pools": ["10.0.0.9-10.0.0.20"],
    }
    response = with_token("admin").post("/api/v1/subnets/", asked)
    assert response.status_code == 409
    assert "10.0.0.9-10.0.0.20 overlaps the" in str(response.json())
    assert not Subnet.objects.exists()


def test_more_rows_than_a_request_may_make_are_refused():
    asked = {"network": "10.0.0.0/8"}
    asked["static_ip_pools"] = ranges(
        17, pool_rows.MATERIALISED, ipaddress.ip_network("10.0.0.0/8")
    )
    response = with_token("admin").post("/api/v1/subnets/", asked)
    assert response.status_code == 400
    assert str(pool_lists.MOST_ROWS) in response.json()["errors"]["static_ip_pools"][0]


# --- deleted --------------------------------------------------------------------------------------


def test_pools_that_go_with_their_subnet_are_not_settled_one_by_one():
    SubnetFactory(network="10.0.0.0/8")
    subnet = SubnetFactory(network=NETWORK, static_ip_pools=ranges(FEW))
    IPAddress.objects.filter(ip_address="10.0.0.1").update(status="reserved")
    few = queries(lambda: subnet.delete(force=True))
    subnet = SubnetFactory(network="10.1.0.0/16", static_ip_pools=ranges(MANY, network=OTHER))
    assert queries(subnet.delete) < few + 4 * MANY
    assert [(row.ip_type, row.status) for row in IPAddress.objects.all()] == [("dhcp", "reserved")]


def test_pools_deleted_together_give_up_their_free_rows():
    SubnetFactory(network=NETWORK, static_ip_pools=ranges(FEW))
    IPAddressFactory(ip_address="10.0.200.1", status="reserved")
    Pool.objects.filter(first__gt="10.0.0.1").delete()
    assert [str(row) for row in IPAddress.objects.filter(status="available")] == [
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
    ]


# --- one request holds up others for a limited time -----------------------------------------------


def test_a_request_that_writes_for_too_long_is_ended_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(querysets, "BUDGET", -1)
    caller = with_token("admin")
    caller.get("/api/v1/vrfs/")
    rows = [{"network": f"10.{number}.0.0/16"} for number in range(3)]
    for path, body in (("subnets/bulk/", rows), ("subnets/", rows[0])):
        response = caller.post(f"/api/v1/{path}", body)
        assert response.status_code == 503, response.content
        assert "Nothing was changed" in response.json()["detail"]
    assert not Subnet.objects.exists()


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_a_stopped_process_does_not_hold_the_lock_for_ever():
    def limit():
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            return cursor.fetchone()[0]

    usual = limit()
    with transaction.atomic():
        querysets.lock_ledger()
        assert limit() == "30s"
    assert limit() == usual == "0"
