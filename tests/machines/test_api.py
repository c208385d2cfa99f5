"""POST, GET, PATCH and DELETE of /api/v1/machines/."""

import pytest

from dhcp.models import DhcpChange
from ipam.models import Interface, IPAddress, Server
from machines.models import Machine
from pxe.models import BootAssignment
from registry.models import Service
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory
from tests.pxe.factories import ImageFactory
from tests.support.api import answer, staff, with_token

pytestmark = pytest.mark.django_db
MACHINES = "/api/v1/machines/"
MAC = "02:00:00:00:00:0a"


@pytest.fixture
def subnet():
    subnet = SubnetFactory(
        network="10.0.0.0/24", gateway="10.0.0.1", name="office", domain="example.org"
    )
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.20")
    return subnet


@pytest.fixture
def api():
    return with_token("admin")


def plain(**values):
    return {"hostname": "ci-1", "mac_address": MAC, "subnet": "office", **values}


def everything(**values):
    return {
        "hostname": "ci-1",
        "mac_address": MAC,
        "subnet": "10.0.0.0/24",
        "interfaces": [{"name": "bmc", "mac_address": "02:00:00:00:00:0b", "subnet": "office"}],
        "image": "debian",
        "boot": "always",
        "services": [{"name": "http"}, {"name": "ssh", "port": 22}],
        "description": "a test",
        "ttl": 7200,
        **values,
    }


def changes():
    return DhcpChange.objects.exclude(kind="subnet")


def test_one_call_makes_everything(api, subnet):
    ImageFactory(name="debian")
    status, machine = answer(api.post(MACHINES, everything()))
    assert status == 201, machine
    assert machine["names"] == ["ci-1", "ci-1.example.org"]
    assert (machine["ip_address"], machine["mac_address"]) == ("10.0.0.10", MAC)
    assert machine["interfaces"][0]["ip_address"] == "10.0.0.11"
    assert (machine["image"], machine["boot"], machine["boot_state"]) == (
        "debian",
        "always",
        "waiting",
    )
    assert [service["name"] for service in machine["services"]] == ["http", "ssh"]
    assert machine["services"][1]["port"] == 22
    assert machine["description"] == "a test"
    server = Server.objects.get()
    assert machine["server"] == server.pk
    assert set(changes().values_list("kind", "object_id")) == {
        ("server", server.pk),
        ("interface", server.interfaces.get().pk),
    }
    assert answer(api.get(f"{MACHINES}{machine['id']}/")) == (200, machine)


def test_delete_takes_all_of_it_back(api, subnet):
    ImageFactory(name="debian")
    before = set(IPAddress.objects.values_list("ip_address", "status"))
    made = api.post(MACHINES, everything()).json()
    key = made["id"]
    assert api.delete(f"{MACHINES}{key}/").status_code == 204
    for model in (Server, Interface, BootAssignment, Service, Machine):
        assert not model.objects.exists()
    assert set(IPAddress.objects.values_list("ip_address", "status")) == before
    last = Server.history.filter(id=made["server"]).latest()
    assert (last.history_type, last.history_change_reason) == ("-", "machine deleted")
    assert api.delete(f"{MACHINES}{key}/").status_code == 404


# --- where ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        {"subnet": "10.0.0.0/24"},
        {"subnet": "office"},
        {"subnet": None, "pool": "10.0.0.10-10.0.0.20"},
        {"subnet": None, "ip_address": "10.0.0.10"},
        {"pool": "10.0.0.10-10.0.0.20", "ip_address": "10.0.0.10"},
    ],
)
def test_a_place_is_named_by_what_it_is_called(api, subnet, where):
    status, machine = answer(api.post(MACHINES, plain(**where)))
    assert status == 201, machine
    assert machine["ip_address"] == "10.0.0.10"


def test_ids_name_a_place_too(api, subnet):
    pool = subnet.pools.get()
    where = {"subnet": subnet.pk, "pool": pool.pk}
    assert api.post(MACHINES, plain(**where)).json()["subnet"]["id"] == subnet.pk


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"subnet": "nowhere"}, "subnet"),
        ({"subnet": "10.9.0.0/24"}, "subnet"),
        ({"subnet": None}, "subnet"),
        ({"subnet": [1]}, "subnet"),
        ({"pool": "10.0.0.1-10.0.0.2"}, "pool"),
        ({"pool": "x"}, "pool"),
        ({"ip_address": "10.0.1.5"}, "ip_address"),
        ({"ip_address": "10.0.0.255"}, "ip_address"),
        ({"ip_address": "2001:db8::1"}, "ip_address"),
        ({"pool": "10.0.0.10-10.0.0.20", "ip_address": "2001:db8::1"}, "ip_address"),
        ({"image": "nothing"}, "image"),
        ({"boot": "always"}, "image"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": 5, "expires_at": "2099-01-01T00:00:00Z"}, "ttl"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"wait": "sometime"}, "wait"),
        ({"timeout": 600}, "timeout"),
        ({"ip": "10.0.0.12"}, "ip"),
        ({"services": [{"name": "a"}, {"name": "a"}]}, "services"),
        ({"services": [{"name": "no such\n"}]}, "services.0.name"),
        ({"services": [{"nam": "a"}]}, "services.0.nam"),
        ({"interfaces": [{"name": "eth1", "ip_address": "10.0.0.1"}]}, None),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_made(api, subnet, values, field):
    status, problem = answer(api.post(MACHINES, plain(**values)))
    if field:
        assert status == 400, problem
        assert field in problem["errors"]
    assert Server.objects.count() == (1 if status == 201 else 0)


def test_a_wanted_address_that_is_held_is_refused_or_replaced(api, subnet):
    ServerFactory(hostname="old", ip_address="10.0.0.10")
    wanted = plain(ip_address="10.0.0.10")
    status, problem = answer(api.post(MACHINES, wanted))
    assert status == 409
    assert "old" in problem["errors"]["ip_address"][0]
    status, machine = answer(api.post(MACHINES, {**wanted, "else_next": True}))
    assert (status, machine["ip_address"]) == (201, "10.0.0.11")


def test_what_cannot_be_done_undoes_the_rest(api, subnet):
    ImageFactory(name="debian")
    ServerFactory(mac_address="02:00:00:00:00:0b")
    before = list(IPAddress.objects.values_list("ip_address", "status"))
    status, problem = answer(api.post(MACHINES, everything()))
    assert status == 409
    assert list(problem["errors"]) == ["interfaces.0.mac_address"]
    assert list(IPAddress.objects.values_list("ip_address", "status")) == before
    assert not BootAssignment.objects.exists()


def test_a_port_that_another_service_has_is_named(api, subnet):
    api.post(MACHINES, plain(services=[{"name": "http", "port": 8080}]))
    twin = {
        "hostname": "ci-2",
        "subnet": "office",
        "mac_address": "02:00:00:00:00:0c",
        "services": [{"name": "http", "port": 8080}, {"name": "x", "environment": "none"}],
    }
    assert "none" in str(answer(api.post(MACHINES, twin)))
    assert Server.objects.count() == 1
    Service.objects.update(service_id="ci-2-http")
    status, problem = answer(api.post(MACHINES, {**twin, "services": [{"name": "http"}]}))
    assert (status, list(problem["errors"])) == (409, ["services.0"])


# --- once more ------------------------------------------------------------------------------------


def test_the_same_call_again_returns_the_same_machine(api, subnet):
    ImageFactory(name="debian")
    first = api.post(MACHINES, everything())
    second = api.post(MACHINES, everything())
    assert (first.status_code, second.status_code) == (201, 200)
    same = {**second.json(), "expires_at": first.json()["expires_at"]}
    assert same == first.json()
    assert Server.objects.count() == 1


@pytest.mark.parametrize(
    "values",
    [
        {"mac_address": "02:00:00:00:00:0c"},
        {"ip_address": "10.0.0.15"},
        {"services": [{"name": "smtp"}]},
        {"description": "another"},
        {"interfaces": [{"name": "eth9", "mac_address": "02:00:00:00:00:0e"}]},
    ],
)
def test_another_machine_of_the_name_is_refused(api, subnet, values):
    assert api.post(MACHINES, plain()).status_code == 201
    assert api.post(MACHINES, plain(**values)).status_code == 409


def test_a_key_gets_the_same_answer_even_when_the_machine_is_gone(api, subnet):
    key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    first = api.post(MACHINES, plain(), **key)
    api.delete(f"{MACHINES}{first.json()['id']}/")
    second = api.post(MACHINES, plain(), **key)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second["Idempotency-Replayed"] == "true"
    assert second["Location"] == first["Location"]
    assert api.post(MACHINES, plain(hostname="ci-2"), **key).status_code == 422


# --- its allocation -------------------------------------------------------------------------------


def test_a_machine_takes_over_what_was_allocated_for_its_card(api, subnet):
    url = f"/api/v1/subnets/{subnet.pk}/next-free/"
    facts = {"wanted": "10.0.0.17", "hostname": "ci-1", "mac_address": MAC}
    assert api.post(url, facts).status_code == 201
    status, machine = answer(api.post(MACHINES, plain()))
    assert (status, machine["ip_address"]) == (201, "10.0.0.17")
    assert IPAddress.objects.get(ip_address="10.0.0.17").server_id == machine["server"]


# --- rights ---------------------------------------------------------------------------------------

PARTS = {
    "interfaces": [{"name": "bmc"}],
    "image": "debian",
    "services": [{"name": "http"}],
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_needs_its_own_right(subnet, part):
    ImageFactory(name="debian")
    caller = with_token("admin", user=staff("ipam.add_server", "ipam.view_server"))
    status, problem = answer(caller.post(MACHINES, plain(**{part: PARTS[part]})))
    assert status == 403
    assert part in problem["detail"]
    assert caller.post(MACHINES, plain()).status_code == 201


@pytest.mark.parametrize(
    ("part", "scope"), [("interfaces", ""), ("image", "boot"), ("services", "registry")]
)
def test_each_part_needs_its_own_scope(subnet, part, scope):
    ImageFactory(name="debian")
    body = plain(**{part: PARTS[part]})
    assert with_token("read", "boot", "registry").post(MACHINES, body).status_code == 403
    short = with_token("read", "addresses").post(MACHINES, body)
    assert short.status_code == (403 if scope else 201)
    if scope:
        made = with_token("read", "addresses", scope).post(MACHINES, body)
        assert made.status_code == 201, made.json()


def test_parts_are_shown_to_those_who_may_see_them(api, subnet):
    ImageFactory(name="debian")
    key = api.post(MACHINES, everything()).json()["id"]
    reader = with_token("read", user=staff("ipam.view_server"))
    machine = reader.get(f"{MACHINES}{key}/").json()
    assert (machine["image"], machine["boot"], machine["services"]) == (None, None, None)
    assert reader.delete(f"{MACHINES}{key}/").status_code == 403


def test_a_machine_with_services_is_deleted_by_those_who_may_delete_services(api, subnet):
    key = api.post(MACHINES, plain(services=[{"name": "http"}])).json()["id"]
    caller = with_token("addresses", user=staff("ipam.delete_server"))
    assert caller.delete(f"{MACHINES}{key}/").status_code == 403
    assert Service.objects.exists()


def test_a_confined_token_learns_nothing_of_what_is_elsewhere(api, subnet):
    SubnetFactory(network="10.5.0.0/24", name="secret")
    ServerFactory(hostname="hidden", ip_address="10.5.0.5", mac_address="02:00:00:00:00:99")
    caller = with_token("addresses", "read", "boot", subnets=["10.0.0.0/24"])
    tries = [
        plain(subnet="secret"),
        plain(subnet="10.5.0.0/24"),
        plain(subnet=None, ip_address="10.5.0.5"),
        plain(hostname="hidden"),
        plain(mac_address="02:00:00:00:00:99"),
        plain(interfaces=[{"name": "a", "mac_address": "02:00:00:00:00:99"}]),
        plain(interfaces=[{"name": "a", "ip_address": "10.5.0.5"}]),
        plain(interfaces=[{"name": "a", "subnet": "secret"}]),
        plain(services=[{"name": "a"}]),
    ]
    for body in tries:
        response = caller.post(MACHINES, body)
        sent = {str(body.get("hostname")), "10.5.0.5", "02:00:00:00:00:99"}
        assert response.status_code in (400, 403, 404, 409), body
        told = response.content.decode()
        assert "hidden" not in told or "hidden" in sent
        assert "belongs to" not in told
        assert "is taken by" not in told
    assert not Machine.objects.exists()
    made = caller.post(MACHINES, plain())
    assert made.status_code == 201
    other = api.post(MACHINES, {"hostname": "x", "subnet": "secret", "ip_address": "10.5.0.9"})
    assert caller.get(f"{MACHINES}{other.json()['id']}/").status_code == 404
    assert caller.delete(f"{MACHINES}{other.json()['id']}/").status_code == 404
    assert [row["hostname"] for row in caller.get(MACHINES).json()["results"]] == ["ci-1"]


def test_a_confined_token_sees_the_parts_of_a_machine_that_are_inside(api):
    around = SubnetFactory(network="10.0.0.0/16", name="secret", domain="secret.example")
    made = api.post(MACHINES, plain(subnet=around.pk, ip_address="10.0.3.7")).json()
    for name, address in (("inside", "10.0.3.8"), ("outside", "10.0.9.9")):
        InterfaceFactory(server_id=made["server"], name=name, ip_address=address)
    caller = with_token("admin", subnets=["10.0.3.0/24"])
    one = caller.get(f"{MACHINES}{made['id']}/").json()
    assert [card["name"] for card in one["interfaces"]] == ["inside"]
    assert (one["subnet"], one["names"]) == (None, ["ci-1"])
    assert caller.get(MACHINES).json()["results"] == [one]
    assert caller.patch(f"{MACHINES}{made['id']}/", {"ttl": None}).json() == one
    for text, found in (("10.0.3.8", [one]), ("10.0.9.9", [])):
        assert caller.get(MACHINES, {"q": text}).json()["results"] == found
    assert len(api.get(MACHINES, {"q": "10.0.9.9"}).json()["results"]) == 1


# --- lists ----------------------------------------------------------------------------------------


def test_machines_are_found(api, subnet):
    api.post(MACHINES, plain(ttl=100))
    ServerFactory(hostname="no-machine", ip_address="10.0.0.19")
    for query in (
        "q=ci",
        f"mac={MAC}",
        "within=10.0.0.0/24",
        "hostname=CI-1",
        "ordering=-expires_at",
    ):
        rows = api.get(f"{MACHINES}?{query}").json()["results"]
        assert [row["hostname"] for row in rows] == ["ci-1"], query
    assert api.get(f"{MACHINES}?q=zz").json()["count"] == 0
    assert api.get(f"{MACHINES}?nonsense=1").status_code == 400


def test_a_list_takes_a_fixed_number_of_queries(api, subnet, django_assert_max_num_queries):
    for number in range(3):
        mac = f"02:00:00:00:01:0{number}"
        api.post(MACHINES, plain(hostname=f"ci-{number}", mac_address=mac))
    with django_assert_max_num_queries(18):
        api.get(MACHINES)
