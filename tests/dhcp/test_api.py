"""The scribe over HTTP."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dhcp.files.sync import sync
from dhcp.models import DhcpChange, DhcpOption, DhcpScope, DhcpServer, Generation, HandEdit
from ipam.models import Server, Sighting
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import answer, staff, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1/dhcp"
FOREVER = timezone.now() + timedelta(days=3650)
EVERY = [
    "servers",
    "scopes",
    "changes",
    "generations",
    "hand-edits",
    "leases",
    "evictions",
    "transactions",
    "state",
]


def lease(ip, mac="02:00:00:00:00:0a", **facts):
    return Sighting.objects.create(
        ip_address=ip, mac_address=mac, source="lease", leased_until=FOREVER, **facts
    )


# --- scopes ---------------------------------------------------------------------------------------


def test_a_scope_is_made_with_its_options_changed_and_deleted():
    api, subnet = with_token("subnets", "read"), SubnetFactory(network="10.0.0.0/24")
    sent = {
        "subnet": subnet.pk,
        "options": [
            {"number": "domain-search", "value": "a.example"},
            {"number": 26, "value": "1400"},
        ],
    }
    status, made = answer(api.post(f"{API}/scopes/", sent))
    assert (status, [option["number"] for option in made["options"]]) == (201, [26, 119])
    path = f"{API}/scopes/{made['id']}/"
    kept = DhcpOption.objects.get(number=26).pk
    changed = {"lease_time": 600, "options": [{"number": 26, "value": "1500"}]}
    status, row = answer(api.patch(path, changed))
    assert (status, row["lease_time"], row["options"]) == (
        200,
        600,
        [{"number": 26, "type": "u16", "value": "1500"}],
    )
    assert DhcpOption.objects.get().pk == kept
    assert answer(api.patch(path, {"known_only": True}))[1]["options"] == row["options"]
    assert api.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"options": [{"number": 26, "value": "x"}]}, "options.0.value"),
        (
            {"options": [{"number": 26, "value": "1"}, {"number": "mtu", "value": "2"}]},
            "options.1.number",
        ),
        ({"options": [{"number": 6, "value": "10.0.0.1"}]}, "options.0.number"),
        ({"options": [{"number": "no-such", "value": "1"}]}, "options.0.number"),
        ({"router": "10.9.9.9"}, "router"),
        ({"lease_time": 10}, "lease_time"),
        ({"advertises": "slaac"}, "advertises"),
    ],
)
def test_what_may_not_be_is_refused_at_its_field_and_nothing_is_written(change, field):
    sent = {"subnet": SubnetFactory(network="10.0.0.0/24").pk} | change
    status, problem = answer(with_token("subnets").post(f"{API}/scopes/", sent))
    assert (status, list(problem["errors"])) == (400, [field])
    assert not DhcpScope.objects.exists()


def test_a_second_scope_of_a_subnet_clashes():
    scope = DhcpScope.objects.create(subnet=SubnetFactory(network="10.0.0.0/24"))
    assert (
        answer(with_token("subnets").post(f"{API}/scopes/", {"subnet": scope.subnet_id}))[0] == 409
    )


def test_of_two_who_change_a_scope_the_later_one_is_told():
    api = with_token("subnets", "read")
    scope = DhcpScope.objects.create(subnet=SubnetFactory(network="10.0.0.0/24"))
    path = f"{API}/scopes/{scope.pk}/"
    seen = api.get(path)["ETag"]
    options = [{"number": 26, "value": "1400"}]
    assert api.patch(path, {"options": options}, headers={"If-Match": seen}).status_code == 200
    assert api.patch(path, {"options": []}, headers={"If-Match": seen}).status_code == 412


def test_servers_are_the_administrators():
    sent = {"name": "north", "site": "north"}
    assert with_token("subnets", "read").post(f"{API}/servers/", sent).status_code == 403
    api = with_token("admin")
    status, problem = answer(api.post(f"{API}/servers/", sent | {"agent_host": "evil"}))
    assert (status, list(problem["errors"])) == (400, ["agent_host"])
    assert api.post(f"{API}/servers/", sent).status_code == 201
    status, problem = answer(with_token("admin").post(f"{API}/servers/", {"name": "Not A Name"}))
    assert (status, list(problem["errors"])) == (400, ["name"])


# --- what dnsmasq was told ------------------------------------------------------------------------


def test_sync_state_generations_rollback_and_release(target):
    SubnetFactory(network="10.0.0.0/24")
    api = with_token("admin")
    ServerFactory(hostname="one", ip_address="10.0.0.5", mac_address="02:00:00:00:00:05")
    assert answer(api.post(f"{API}/sync/", {}))[1]["result"] == "applied"
    first = Generation.objects.newest().pk
    ServerFactory(hostname="two", ip_address="10.0.0.6", mac_address="02:00:00:00:00:06")
    state = api.get(f"{API}/state/").json()[0]
    assert (state["server"], state["in_step"], state["pending"] > 0) == ("default", False, True)
    assert api.get(f"{API}/changes/?kind=server").json()["count"] == 1
    assert answer(api.post(f"{API}/sync/", {}))[1]["hosts"] == 2

    assert answer(api.post(f"{API}/generations/{first}/rollback/"))[1]["result"] == "applied"
    assert b"two" not in target.hosts.read_bytes()
    assert api.get(f"{API}/state/").json()[0]["held_at"] == first

    assert answer(api.post(f"{API}/release/", {}))[1]["hosts"] == 2
    state = api.get(f"{API}/state/").json()[0]
    assert (state["in_step"], state["connected"]) == (False, False)  # nobody reads the files
    shown = api.get(f"{API}/generations/?result=applied&fields=id,kept").json()["results"]
    assert {"id": first, "kept": True} in shown
    assert "one" in api.get(f"{API}/generations/{first}/").json()["diff"]


def test_a_generation_of_which_nothing_is_kept_cannot_be_gone_back_to(target):
    row = Generation.objects.create(result="failed")
    assert with_token("admin").post(f"{API}/generations/{row.pk}/rollback/").status_code == 404
    assert with_token("admin").post(f"{API}/generations/{row.pk + 1}/rollback/").status_code == 404


@pytest.mark.parametrize("name", ["nobody", "no\0body"])
def test_a_server_that_does_not_exist_is_not_synced(target, name):
    status, problem = answer(with_token("admin").post(f"{API}/sync/", {"server": name}))
    assert status in (400, 404) and problem["detail"]


@pytest.mark.parametrize("facts", [{"run_by": "agent"}, {"enabled": False}])
def test_a_server_that_is_not_ours_to_sync_says_so(target, facts):
    DhcpServer.objects.create(name="north", **facts)
    assert with_token("admin").post(f"{API}/sync/", {"server": "north"}).status_code == 409
    states = {row["server"]: row for row in with_token("read").get(f"{API}/state/").json()}
    assert states["north"]["in_step"] is False


def test_a_hand_edit_is_adopted_or_discarded_once(target):
    SubnetFactory(network="10.0.0.0/24")
    sync()
    with target.hosts.open("a") as hosts:
        hosts.write("02:00:00:00:00:0a,10.0.0.10,byhand\n02:00:00:00:00:0b,10.0.0.11,other\n")
    sync()
    api = with_token("addresses", "read")
    first, second = [
        row["id"] for row in api.get(f"{API}/hand-edits/?state=open").json()["results"]
    ]
    user = staff("dhcp.change_handedit", "dhcp.view_handedit")
    assert (
        with_token("addresses", user=user).post(f"{API}/hand-edits/{first}/adopt/").status_code
        == 403
    )
    status, row = answer(api.post(f"{API}/hand-edits/{first}/adopt/"))
    assert (status, row["state"], Server.objects.get().hostname) == (200, "adopted", "byhand")
    assert answer(api.post(f"{API}/hand-edits/{second}/discard/"))[1]["state"] == "discarded"
    assert api.post(f"{API}/hand-edits/{second}/adopt/").status_code == 409
    assert HandEdit.objects.undecided().count() == 0


# --- leases ---------------------------------------------------------------------------------------


def test_leases_are_judged_filtered_and_reserved():
    SubnetFactory(network="10.0.0.0/24")
    stranger = lease("10.0.0.7", hostname="printer")
    lease("10.0.1.7", "02:00:00:00:00:0b")
    api = with_token("addresses", "read")
    assert (
        api.get(f"{API}/leases/?within=10.0.0.0/24&live=true&verdict=unknown").json()["count"] == 1
    )
    status, made = answer(api.post(f"{API}/leases/{stranger.pk}/reserve/"))
    assert (status, made["hostname"], made["ip_address"]) == (201, "printer", "10.0.0.7")
    assert api.get(f"{API}/leases/{stranger.pk}/").json()["verdict"] == "right"
    assert api.post(f"{API}/leases/{stranger.pk}/reserve/").status_code == 409


def test_a_lease_is_reserved_under_a_name_while_it_lasts():
    SubnetFactory(network="10.0.0.0/24")
    api, found = with_token("addresses", "read"), lease("10.0.0.7", hostname="printer")
    path = f"{API}/leases/{found.pk}/reserve/"
    status, problem = answer(api.post(path, {"name": "scanner"}))
    assert (status, list(problem["errors"])) == (400, ["name"])
    Sighting.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    status, problem = answer(api.post(path, {"hostname": "scanner"}))
    assert (status, "has ended" in problem["detail"]) == (409, True)
    Sighting.objects.update(leased_until=FOREVER)
    ServerFactory(hostname="taken")
    for name, expected in (("not a name", 400), ("taken", 409)):
        status, problem = answer(api.post(path, {"hostname": name}))
        assert (status, list(problem["errors"])) == (expected, ["hostname"])
    assert answer(api.post(path, {"hostname": "scanner"}))[1]["hostname"] == "scanner"


def test_why_is_answered_for_addresses_macs_and_names_and_refuses_other_text(target):
    ServerFactory(hostname="web", mac_address="02:00:00:00:00:0a")
    api = with_token("read")
    assert "web" in api.get(f"{API}/why/?mac=0200.0000.000A").json()["verdict"]
    assert "web" in api.get(f"{API}/why/?q=web").json()["verdict"]
    assert api.get(f"{API}/why/?q=10.99.0.1").json()["kind"] == "no_subnet"
    assert api.get(f"{API}/why/?q=nobody").status_code == 404
    for query in ("", "?mac=", "?q=a%20b", "?q=%00", "?max=1"):
        assert api.get(f"{API}/why/{query}").status_code == 400


# --- who may --------------------------------------------------------------------------------------


def test_a_confined_token_sees_scopes_and_leases_of_its_networks_and_nothing_that_has_no_place():
    api = with_token("admin", subnets=["10.1.0.0/16", "10.3.0.0/16"])
    near = DhcpScope.objects.create(subnet=SubnetFactory(network="10.1.0.0/24"))
    far = SubnetFactory(network="10.2.0.0/24")
    DhcpScope.objects.create(subnet=far)
    mine, _theirs = lease("10.3.0.7"), lease("10.2.0.7", "02:00:00:00:00:0b")
    assert [row["id"] for row in api.get(f"{API}/scopes/").json()["results"]] == [near.pk]
    assert [row["id"] for row in api.get(f"{API}/leases/").json()["results"]] == [mine.pk]
    assert api.get(f"{API}/evictions/").json()["count"] == 0
    assert (
        api.patch(
            f"{API}/scopes/{near.pk}/", {"subnet": SubnetFactory(network="10.4.0.0/24").pk}
        ).status_code
        == 400
    )
    for name in (
        "servers",
        "changes",
        "generations",
        "hand-edits",
        "state",
        "why",
        "sync",
        "release",
    ):
        for method in ("get", "post"):
            assert getattr(api, method)(f"{API}/{name}/", {}).status_code in (403, 405), name
    assert api.post(f"{API}/leases/{mine.pk}/reserve/").status_code == 403


def test_lists_cost_the_same_number_of_queries_whatever_their_length():
    api = with_token("read")
    makers = {
        "scopes": lambda n: DhcpOption.objects.create(
            scope=DhcpScope.objects.create(subnet=SubnetFactory(network=f"10.0.{n}.0/24")),
            number=26,
            value="1400",
        ),
        "leases": lambda n: lease(f"10.0.0.{n}", f"02:00:00:00:00:{n:02x}"),
        "generations": lambda n: Generation.objects.create(result="failed"),
        "changes": lambda n: DhcpChange.objects.create(),
        "state": lambda n: DhcpServer.objects.create(name=f"s{n}"),
    }
    makers["state"](9)
    api.get(f"{API}/scopes/")
    for name, make in makers.items():
        counts = []
        for n in range(1, 4):
            make(n)
            with CaptureQueriesContext(connection) as caught:
                assert api.get(f"{API}/{name}/").status_code == 200
            counts.append(len(caught))
        assert counts[0] == counts[2], name


@pytest.mark.parametrize("name", EVERY)
def test_the_scope_for_looking_is_read(name):
    assert with_token("read").get(f"{API}/{name}/").status_code == 200
    assert with_token("subnets").get(f"{API}/{name}/").status_code == 403
