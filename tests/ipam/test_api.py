"""The ledger over HTTP."""

import ipaddress
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from ipam.models import VRF, Interface, IPAddress, Pool, Server, Sighting, Subnet
from tests.ipam.factories import (
    InterfaceFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)
from tests.support.api import answer, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def api():
    return with_token("admin")


@pytest.fixture
def subnet():
    return SubnetFactory(
        network="10.0.0.0/24",
        gateway="10.0.0.1",
        name="office",
        static_ip_pools=["10.0.0.1-10.0.0.4"],
    )


def row(address):
    return IPAddress.objects.get(ip_address=address)


def ids(response):
    assert response.status_code == 200, response.json()
    return [found["id"] for found in response.json()["results"]]


# --- rows -----------------------------------------------------------------------------------------


def test_a_subnet_is_made_with_its_pools(api):
    status, made = answer(
        api.post(
            f"{API}/subnets/",
            {
                "network": "10.1.0.0/24",
                "gateway": "10.1.0.1",
                "dns_servers": ["10.1.0.53"],
                "static_ip_pools": ["10.1.0.10-10.1.0.20"],
                "dhcp_pools": ["10.1.0.100-10.1.0.150"],
            },
        )
    )
    assert status == 201
    assert (made["static_ip_pools"], made["dhcp_pools"]) == (
        ["10.1.0.10-10.1.0.20"],
        ["10.1.0.100-10.1.0.150"],
    )
    assert (made["dns_servers"], made["vrf"]) == (["10.1.0.53"], None)
    assert IPAddress.objects.filter(subnet=made["id"]).count() == 11


def test_a_subnet_keeps_what_a_patch_does_not_name(api, subnet):
    status, changed = answer(api.patch(f"{API}/subnets/{subnet.pk}/", {"vlan_id": 7}))
    assert (status, changed["vlan_id"], changed["name"]) == (200, 7, "office")
    assert changed["static_ip_pools"] == ["10.0.0.1-10.0.0.4"]


def test_an_address_carries_the_details_of_its_subnet_and_server(api, subnet):
    server = ServerFactory(hostname="web", ip_address="10.0.0.2")
    shown = api.get(f"{API}/ip-addresses/{row('10.0.0.2').pk}/").json()
    assert (shown["subnet_name"], shown["subnet_details"]["network"]) == ("office", "10.0.0.0/24")
    assert (shown["server_name"], shown["server_details"]["id"]) == ("web", server.pk)


def test_an_address_without_subnet_and_server_says_so(api):
    made = api.post(
        f"{API}/ip-addresses/", {"ip_address": "192.0.2.1", "status": "reserved"}
    ).json()
    assert [made[name] for name in ("subnet", "subnet_name", "subnet_details", "server_name")] == [
        None
    ] * 4


def test_a_server_is_placed_and_shows_its_interfaces(api, subnet):
    status, made = answer(
        api.post(
            f"{API}/servers/",
            {"hostname": "web", "ip_address": "10.0.0.3", "mac_address": "02-00-00-00-00-AA"},
        )
    )
    api.post(f"{API}/interfaces/", {"server": made["id"], "name": "bmc", "ip_address": "10.0.0.4"})
    assert (status, made["mac_address"], row("10.0.0.3").server_id) == (
        201,
        "02:00:00:00:00:aa",
        made["id"],
    )
    assert api.get(f"{API}/servers/{made['id']}/").json()["interfaces"][0]["name"] == "bmc"
    assert row("10.0.0.4").server_id == made["id"]


def test_a_deleted_server_frees_its_address(api, subnet):
    server = ServerFactory(ip_address="10.0.0.3")
    assert api.delete(f"{API}/servers/{server.pk}/").status_code == 204
    assert row("10.0.0.3").status == "available"


def test_the_description_can_be_written_only_while_the_address_is_reserved(api, subnet):
    free, kept = row("10.0.0.2"), row("10.0.0.3")
    api.post(f"{API}/ip-addresses/{kept.pk}/reserve/", {"description": "printer"})
    assert (
        api.patch(f"{API}/ip-addresses/{kept.pk}/", {"description": "scanner"}).json()[
            "description"
        ]
        == "scanner"
    )
    status, problem = answer(api.patch(f"{API}/ip-addresses/{free.pk}/", {"description": "mine"}))
    assert (status, list(problem["errors"])) == (400, ["description"])


def test_only_documented_fields_can_be_written(api, subnet):
    server, other = ServerFactory(), SubnetFactory()
    for sent in (
        {"server": server.pk},
        {"subnet": other.pk},
        {"ip_type": "dhcp"},
        {"freed_at": "2020-01-01T00:00:00Z"},
        {"id": 4711},
        {"created_at": "2020-01-01T00:00:00Z"},
    ):
        before = IPAddress.objects.filter(ip_address="10.0.0.2").values().get()
        api.patch(f"{API}/ip-addresses/{before['id']}/", sent)
        after = IPAddress.objects.filter(ip_address="10.0.0.2").values().get()
        assert {name for name in before if before[name] != after[name]} <= {"updated_at"}, sent


@pytest.mark.parametrize("sent", [{"status": "allocated"}, {"ip_address": "10.0.0.9"}])
def test_a_row_keeps_its_address_and_changes_its_status_by_verbs_only(api, subnet, sent):
    assert api.patch(f"{API}/ip-addresses/{row('10.0.0.2').pk}/", sent).status_code == 400


def test_a_pool_and_a_vrf_can_be_made_changed_and_deleted(api, subnet):
    pool = api.post(
        f"{API}/pools/", {"subnet": subnet.pk, "first": "10.0.0.50", "last": "10.0.0.59"}
    ).json()
    assert (pool["kind"], pool["size"]) == ("static", 10)
    assert api.patch(f"{API}/pools/{pool['id']}/", {"last": "10.0.0.60"}).json()["size"] == 11
    assert api.delete(f"{API}/pools/{pool['id']}/").status_code == 204
    vrf = api.post(f"{API}/vrfs/", {"name": "blue"}).json()
    assert api.delete(f"{API}/vrfs/{vrf['id']}/").status_code == 204


# --- what is refused ------------------------------------------------------------------------------


def test_a_taken_address_answers_409_and_names_the_holder(api, subnet):
    ServerFactory(hostname="web", ip_address="10.0.0.2")
    status, problem = answer(
        api.post(f"{API}/ip-addresses/", {"ip_address": "10.0.0.2", "status": "allocated"})
    )
    assert (status, problem["code"]) == (409, "conflict")
    assert "web" in problem["errors"]["ip_address"][0]


def test_a_free_row_of_a_pool_can_be_taken_by_its_address(api, subnet):
    status, made = answer(
        api.post(
            f"{API}/ip-addresses/",
            {"ip_address": "10.0.0.2", "status": "allocated", "hostname": "vm"},
        )
    )
    assert (status, made["id"], made["hostname"]) == (201, row("10.0.0.2").pk, "vm")


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("subnets", {"network": "10.0.0.0/24"}),
        ("pools", {"first": "10.0.0.4", "last": "10.0.0.9"}),
        ("servers", {"hostname": "WEB"}),
        ("servers", {"hostname": "other", "ip_address": "10.0.0.3"}),
        ("vrfs", {"name": "blue"}),
    ],
)
def test_what_exists_already_answers_409(api, subnet, path, sent):
    ServerFactory(hostname="web", ip_address="10.0.0.3")
    VRFFactory(name="blue")
    sent = sent | ({"subnet": subnet.pk} if path == "pools" else {})
    assert api.post(f"{API}/{path}/", sent).status_code == 409


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [
        ("subnets", {}, "network"),
        ("subnets", {"network": "10.0.0.1/24"}, "network"),
        ("subnets", {"network": 7}, "network"),
        ("subnets", {"network": "10.2.0.0/24", "gateway": "10.3.0.1"}, "gateway"),
        ("subnets", {"network": "10.2.0.0/24", "vlan_id": 5000}, "vlan_id"),
        ("subnets", {"network": "10.2.0.0/24", "vlan_id": 10**400}, "vlan_id"),
        ("subnets", {"network": "10.2.0.0/24", "vrf": 10**30}, "vrf"),
        ("subnets", {"network": "10.2.0.0/24", "name": "x" * 1_000_000}, "name"),
        ("subnets", {"network": "10.2.0.0/24", "name": "a\0b"}, "name"),
        ("subnets", {"network": "10.2.0.0/24", "dns_servers": ["x"]}, "dns_servers.0"),
        (
            "subnets",
            {"network": "10.2.0.0/24", "static_ip_pools": ["10.2.0.9-10.2.0.1"]},
            "static_ip_pools.0",
        ),
        (
            "subnets",
            {"network": "10.2.0.0/24", "static_ip_pools": ["10.3.0.1-10.3.0.9"]},
            "static_ip_pools",
        ),
        ("ip-addresses", {"ip_address": "010.0.0.1"}, "ip_address"),
        ("ip-addresses", {"ip_address": "10.0.0.2", "status": "lost"}, "status"),
        (
            "ip-addresses",
            {"ip_address": "10.0.0.2", "mac_address": "ff:ff:ff:ff:ff:ff"},
            "mac_address",
        ),
        ("servers", {"hostname": "a\nb"}, "hostname"),
        ("servers", {"hostname": ["a"]}, "hostname"),
        ("interfaces", {"server": 999, "name": "x"}, "server"),
        ("pools", {"subnet": None, "first": "10.0.0.1", "last": "10.0.0.2"}, "subnet"),
    ],
)
def test_bad_input_answers_400_and_names_the_field(api, path, sent, field):
    status, problem = answer(api.post(f"{API}/{path}/", sent, format="json"))
    assert (status, list(problem["errors"])) == (400, [field])


def test_a_subnet_in_use_is_deleted_by_force_of_an_administrator_only(api, subnet):
    ServerFactory(hostname="web", ip_address="10.0.0.2")
    path = f"{API}/subnets/{subnet.pk}/"
    status, problem = answer(api.delete(path))
    assert status == 409
    assert "web" in problem["detail"]
    assert with_token("subnets").delete(f"{path}?force=1").status_code == 403
    assert api.delete(f"{path}?force=1").status_code == 204


def test_a_vrf_in_use_is_not_deleted(api):
    vrf = VRFFactory()
    SubnetFactory(vrf=vrf)
    assert api.delete(f"{API}/vrfs/{vrf.pk}/").status_code == 409
    assert VRF.objects.exists()


# --- lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "networks"),
    [
        ("contains=10.0.1.7", ["10.0.0.0/8", "10.0.1.0/24"]),
        ("contains=10.0.1.0/25", ["10.0.0.0/8", "10.0.1.0/24"]),
        ("within=10.0.0.0/16", ["10.0.1.0/24", "10.0.2.0/24"]),
        ("site=north", ["10.0.2.0/24"]),
        ("vlan=7", ["10.0.1.0/24"]),
        ("q=10.0.2", ["10.0.2.0/24"]),
        ("vrf=none&ordering=-network", ["10.0.2.0/24", "10.0.1.0/24", "10.0.0.0/8"]),
    ],
)
def test_subnets_are_found_by(api, question, networks):
    SubnetFactory(network="10.0.0.0/8")
    SubnetFactory(network="10.0.1.0/24", vlan_id=7)
    SubnetFactory(network="10.0.2.0/24", site="north")
    SubnetFactory(network="172.20.0.0/24", vrf=VRFFactory())
    assert [
        found["network"] for found in api.get(f"{API}/subnets/?{question}").json()["results"]
    ] == networks


def test_subnets_are_found_by_their_parent(api):
    parent = SubnetFactory(network="10.0.0.0/8")
    child = SubnetFactory(network="10.0.0.0/16")
    SubnetFactory(network="10.0.1.0/24")
    assert ids(api.get(f"{API}/subnets/?parent={parent.pk}")) == [child.pk]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("within=10.0.0.2/31", ["10.0.0.2", "10.0.0.3"]),
        ("status=allocated", ["10.0.0.3"]),
        ("status=allocated&status=reserved", ["10.0.0.3", "10.0.0.4"]),
        ("ip_type=static&status=available", ["10.0.0.2"]),
        ("mac=0200.0000.00AA", ["10.0.0.3"]),
        ("hostname=WEB", ["10.0.0.3"]),
        ("q=we", ["10.0.0.3"]),
        ("site=north&ordering=-ip_address", ["10.0.0.4", "10.0.0.3", "10.0.0.2"]),
        ("subnet=none", []),
        ("server=none", ["10.0.0.2", "10.0.0.4"]),
    ],
)
def test_addresses_are_found_by(api, subnet, question, expected):
    Subnet.objects.update(site="north")
    ServerFactory(hostname="web", ip_address="10.0.0.3", mac_address="02:00:00:00:00:aa")
    api.post(f"{API}/ip-addresses/{row('10.0.0.4').pk}/reserve/")
    assert [
        found["ip_address"]
        for found in api.get(f"{API}/ip-addresses/?{question}").json()["results"]
    ] == expected


@pytest.mark.parametrize(
    "question",
    [
        "status=lost",
        "within=10.0.0.0",
        "mac=zz",
        "subnet=999",
        "subnet=" + "9" * 40,
        "vlan=x",
        "colour=red",
        "ordering=server__hostname",
        "ordering=pk",
        "fields=password",
        "page=0",
        "page=x",
        "q=" + "x" * 300,
        "hostname=%00",
        "within=::ffff:1.2.3.4/128",
    ],
)
def test_a_question_that_makes_no_sense_is_refused_not_ignored(api, subnet, question):
    status, problem = answer(api.get(f"{API}/ip-addresses/?{question}"))
    assert status in (400, 404), problem


def test_a_page_has_50_rows_and_never_more_than_1000(api):
    SubnetFactory(network="10.0.0.0/20", static_ip_pools=["10.0.0.1-10.0.5.0"])
    assert len(ids(api.get(f"{API}/ip-addresses/"))) == 50
    page = api.get(f"{API}/ip-addresses/?page_size=1000000000&fields=id").json()
    assert (len(page["results"]), page["count"]) == (1000, 1280)
    assert ids(api.get(page["next"])) == list(IPAddress.objects.values_list("pk", flat=True)[1000:])


def test_only_the_chosen_fields_are_shown(api, subnet):
    assert api.get(f"{API}/ip-addresses/?fields=ip_address,status&page_size=1").json()[
        "results"
    ] == [{"ip_address": "10.0.0.2", "status": "available"}]


@pytest.mark.parametrize(
    "path", ["subnets", "pools", "ip-addresses", "servers", "interfaces", "vrfs"]
)
def test_a_list_costs_as_many_queries_for_many_rows_as_for_few(
    api, path, django_assert_max_num_queries
):
    def fill(number):
        for n in range(number):
            base = f"10.{Subnet.objects.count()}.0"
            SubnetFactory(
                network=f"{base}.0/24", static_ip_pools=[f"{base}.1-{base}.3"], vrf=VRFFactory()
            )
            InterfaceFactory(server=ServerFactory(ip_address=f"{base}.{n + 1}"))

    fill(2)
    api.get(f"{API}/vrfs/")  # the token's first use of the day is noted
    with django_assert_max_num_queries(8) as few:
        api.get(f"{API}/{path}/")
    fill(5)
    with django_assert_max_num_queries(8) as many:
        api.get(f"{API}/{path}/")
    assert len(many) == len(few)


# --- allocating -----------------------------------------------------------------------------------


def test_the_next_free_address_is_shown_and_handed_out(api, subnet):
    path = f"{API}/subnets/{subnet.pk}/next-free/"
    assert api.get(path).json() == {"ip_address": "10.0.0.2"}
    status, given = answer(api.post(path, {"hostname": "vm", "mac_address": "0200.0000.00aa"}))
    assert (status, given["ip_address"], given["mac_address"]) == (
        201,
        "10.0.0.2",
        "02:00:00:00:00:aa",
    )


def test_a_vm_that_asks_again_gets_200_and_the_same_address(api, subnet):
    path = f"{API}/subnets/{subnet.pk}/next-free/"
    first = api.post(path, {"vm_id": "srv-1"})
    again = api.post(path, {"vm_id": "srv-1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


def test_an_exhausted_subnet_answers_409_and_says_what_to_do(api, subnet):
    path = f"{API}/subnets/{subnet.pk}/next-free/"
    for _ in range(3):
        api.post(path)
    status, problem = answer(api.post(path))
    assert (status, problem["code"]) == (409, "exhausted")
    assert "pool" in problem["hint"]
    assert api.get(path).json() == {"ip_address": None}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"wanted": "10.0.0.3"}, 201),
        ({"wanted": "10.0.0.1"}, 400),
        ({"wanted": "10.0.0.3/32"}, 400),
        ({"wanted": "192.0.2.1"}, 400),
        ({"mac_address": "x"}, 400),
        ({"vm_id": "a\x1bb"}, 400),
        ({"vm_id": "x" * 300}, 400),
        ({"pool": 999}, 400),
        ({"wanted": "10.0.0.4"}, 409),
    ],
)
def test_a_wanted_address_is_given_or_refused(api, subnet, sent, status):
    ServerFactory(ip_address="10.0.0.4")
    assert (
        api.post(f"{API}/subnets/{subnet.pk}/next-free/", sent, format="json").status_code == status
    )


def test_an_address_comes_from_the_named_pool_of_this_subnet_only(api, subnet):
    pool, stranger = PoolFactory(subnet=subnet, first="10.0.0.50", last="10.0.0.51"), PoolFactory()
    path = f"{API}/subnets/{subnet.pk}/next-free/"
    assert api.post(path, {"pool": pool.pk}).json()["ip_address"] == "10.0.0.50"
    assert api.post(path, {"pool": stranger.pk}).status_code == 400


def test_a_caller_may_want_an_address_or_else_the_next_or_none_below_another(api, subnet):
    path = f"{API}/subnets/{subnet.pk}/next-free/"
    assert api.post(path, {"wanted": "10.0.0.2"}).status_code == 201
    assert api.post(path, {"wanted": "10.0.0.2"}).status_code == 409
    assert (
        api.post(path, {"wanted": "10.0.0.2", "else_next": True}).json()["ip_address"] == "10.0.0.3"
    )
    assert api.get(path, {"not_before": "10.0.0.4"}).json() == {"ip_address": "10.0.0.4"}
    assert api.post(path, {"not_before": "10.0.0.4"}).json()["ip_address"] == "10.0.0.4"
    assert api.get(path, {"not_before": "10.9.9.9"}).status_code == 400


def test_addresses_are_reserved_quarantined_and_released(api, subnet):
    path = f"{API}/ip-addresses/{row('10.0.0.2').pk}"
    assert api.post(f"{path}/reserve/", {"description": "printer"}).json()["status"] == "reserved"
    assert api.post(f"{path}/release/").json()["status"] == "available"
    assert (
        api.post(f"{path}/quarantine/", {"description": "duplicate"}).json()["status"]
        == "quarantine"
    )


def test_releasing_outside_the_pools_forgets_the_row(api, subnet):
    made = api.post(
        f"{API}/ip-addresses/", {"ip_address": "10.0.0.99", "status": "reserved"}
    ).json()
    assert api.post(f"{API}/ip-addresses/{made['id']}/release/").json()["id"] is None
    assert not IPAddress.objects.filter(ip_address="10.0.0.99").exists()


def test_an_address_of_a_server_is_released_on_the_server(api, subnet):
    ServerFactory(ip_address="10.0.0.2")
    for method, path in ((api.post, "release/"), (api.delete, "")):
        assert method(f"{API}/ip-addresses/{row('10.0.0.2').pk}/{path}").status_code == 409


def test_deleting_an_address_frees_it_and_keeps_the_stock_of_a_pool(api, subnet):
    held = api.post(f"{API}/subnets/{subnet.pk}/next-free/").json()
    assert api.delete(f"{API}/ip-addresses/{held['id']}/").status_code == 204
    assert row("10.0.0.2").status == "available"


def test_usage_counts_a_subnet(api, subnet):
    api.post(f"{API}/subnets/{subnet.pk}/next-free/")
    used = api.get(f"{API}/subnets/{subnet.pk}/usage/").json()
    assert (used["usable"], used["static"], used["allocated"], used["available"]) == (253, 3, 1, 2)


# --- the next free subnet -------------------------------------------------------------------------


@pytest.fixture
def block():
    SubnetFactory(network="10.8.0.0/26")
    return SubnetFactory(network="10.8.0.0/24", static_ip_pools=["10.8.0.130-10.8.0.140"])


@pytest.mark.parametrize(
    ("length", "network"), [(26, "10.8.0.64/26"), (27, "10.8.0.64/27"), (32, "10.8.0.64/32")]
)
def test_the_next_free_subnet_avoids_subnets_and_pools(api, block, length, network):
    assert api.get(f"{API}/subnets/{block.pk}/next-free-subnet/?length={length}").json() == {
        "network": network
    }


def test_the_next_free_subnets_are_made_one_after_the_other(api, block):
    path = f"{API}/subnets/{block.pk}/next-free-subnet/"
    made = [api.post(path, {"length": 26, "name": "new"}) for _ in range(3)]
    assert [response.status_code for response in made] == [201, 201, 409]
    assert [response.json()["network"] for response in made[:2]] == [
        "10.8.0.64/26",
        "10.8.0.192/26",
    ]
    assert made[2].json()["code"] == "exhausted"


def test_the_next_free_subnet_avoids_live_addresses_and_the_gateway(api):
    block = SubnetFactory(network="10.9.0.0/24", gateway="10.9.0.1")
    ServerFactory(ip_address="10.9.0.70")
    assert api.get(f"{API}/subnets/{block.pk}/next-free-subnet/?length=26").json() == {
        "network": "10.9.0.128/26"
    }


@pytest.mark.parametrize("length", ["24", "33", "x", "0", "-1", "9" * 30])
def test_a_length_that_cannot_be_is_refused(api, block, length):
    assert api.get(f"{API}/subnets/{block.pk}/next-free-subnet/?length={length}").status_code == 400


def test_a_huge_subnet_is_searched_as_fast_as_a_small_one(api):
    block = SubnetFactory(network="2001:db8::/32")
    SubnetFactory(network="2001:db8::/33")
    found = api.get(f"{API}/subnets/{block.pk}/next-free-subnet/?length=64").json()["network"]
    assert found == str(ipaddress.ip_network("2001:db8:8000::/64"))


# --- two at once ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["subnets", "pools", "ip-addresses", "servers", "interfaces", "vrfs"]
)
def test_a_change_of_what_somebody_else_has_changed_answers_412(api, subnet, path):
    VRFFactory(), InterfaceFactory(server__ip_address="10.0.0.2")
    model = {
        "subnets": Subnet,
        "pools": Pool,
        "ip-addresses": IPAddress,
        "servers": Server,
        "interfaces": Interface,
        "vrfs": VRF,
    }[path]
    url = f"{API}/{path}/{model.objects.first().pk}/"
    read = api.get(url)["ETag"]
    field = (
        "last" if path == "pools" else "hostname" if path in ("ip-addresses", "servers") else "name"
    )
    values = ["10.0.0.9", "10.0.0.8"] if path == "pools" else ["one", "two"]

    first = api.patch(url, {field: values[0]}, headers={"if-match": read})
    second = api.patch(url, {field: values[1]}, headers={"if-match": read})

    assert (first.status_code, second.status_code) == (200, 412), first.json()
    assert api.get(url)["ETag"] == first["ETag"]
    assert (
        api.patch(url, {field: values[1]}, headers={"if-match": first["ETag"]}).status_code == 200
    )


def test_a_row_that_somebody_has_changed_is_not_deleted(api, subnet):
    url = f"{API}/subnets/{subnet.pk}/"
    read = api.get(url)["ETag"]
    api.patch(url, {"name": "new"})
    assert api.delete(url, headers={"if-match": read}).status_code == 412


CALLERS = 64 if os.environ.get("IPMANAGER_TEST_PROOF") else 16


def all_at_once(ask):
    """What each of many callers, who start together, was told."""
    callers = [with_token("admin") for _ in range(CALLERS)]
    together = threading.Barrier(CALLERS)

    def call(number):
        try:
            connection.ensure_connection()
            together.wait(60)
            return ask(callers[number], number).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLERS) as threads:
        return sorted(threads.map(call, range(CALLERS)))


WANTED = {
    "ip-addresses": lambda owner, number: {"ip_address": "10.0.0.9", "status": "allocated"},
    "subnets": lambda owner, number: {"network": "10.0.0.0/25", "name": f"net {number}"},
    # All of them hold .64 to .100.
    "pools": lambda owner, n: {
        "subnet": owner.pk,
        "first": f"10.0.0.{n + 1}",
        "last": f"10.0.0.{n + 100}",
    },
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", WANTED)
def test_of_many_who_want_what_only_one_can_have_one_wins_and_the_others_answer_409(path):
    owner = SubnetFactory(network="10.0.0.0/24")
    codes = all_at_once(lambda api, number: api.post(f"{API}/{path}/", WANTED[path](owner, number)))
    assert codes == [201] + [409] * (CALLERS - 1)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_change_the_row_that_they_have_read_one_wins_and_the_others_answer_412(subnet):
    url = f"{API}/subnets/{subnet.pk}/"
    read = with_token("admin").get(url)["ETag"]
    codes = all_at_once(
        lambda api, number: api.patch(url, {"name": f"n-{number}"}, headers={"if-match": read})
    )
    assert codes == [200] + [412] * (CALLERS - 1)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_callers_each_gets_a_subnet_of_its_own():
    block = SubnetFactory(network="10.0.0.0/16")
    callers = [with_token("admin") for _ in range(8)]

    def post(api):
        try:
            return api.post(f"{API}/subnets/{block.pk}/next-free-subnet/", {"length": 24}).json()[
                "network"
            ]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(post, callers))

    assert sorted(made, key=ipaddress.ip_network) == [f"10.0.{n}.0/24" for n in range(8)]


def test_sightings_are_read_by_place_source_and_time():
    for ip, source in (("10.1.0.5", "arp"), ("10.1.0.6", "ping"), ("10.2.0.5", "arp")):
        Sighting.objects.create(ip_address=ip, mac_address="02:00:00:00:00:0a", source=source)
    api = with_token("read", subnets=["10.1.0.0/16"])
    assert api.get("/api/v1/sightings/?source=arp").json()["count"] == 1
    assert (
        with_token("read")
        .get("/api/v1/sightings/?within=10.0.0.0/8&mac=0200.0000.000a")
        .json()["count"]
        == 3
    )


@pytest.mark.parametrize("blank", ["", "%0A", ",", "%20,%20"])
def test_fields_that_name_none_are_all(blank):
    row = VRFFactory()
    assert "name" in with_token("read").get(f"/api/v1/vrfs/{row.pk}/?fields={blank}").json()
