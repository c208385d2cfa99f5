"""Many rows in one request: all of them or none, and every row judged."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dhcp.models import DhcpChange
from ipam.models import IPAddress, Server, Subnet
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import answer, staff, with_token

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def api():
    return with_token("admin")


@pytest.fixture
def subnet():
    return SubnetFactory(
        network="10.0.0.0/16", gateway="10.0.0.1", static_ip_pools=["10.0.0.2-10.0.0.9"]
    )


def machines(count, start=0):
    return [
        {
            "hostname": f"m{n}",
            "ip_address": f"10.0.{n // 200}.{n % 200 + 10}",
            "mac_address": f"06:00:00:00:{n >> 8:02x}:{n & 255:02x}",
        }
        for n in range(start, start + count)
    ]


# --- making ---------------------------------------------------------------------------------------


def test_servers_are_made_and_placed_in_the_order_of_the_request(api, subnet):
    status, done = answer(api.post(f"{API}/servers/bulk/", machines(3)))
    assert (status, done["count"]) == (201, 3)
    assert [Server.objects.get(pk=pk).hostname for pk in done["ids"]] == ["m0", "m1", "m2"]
    assert IPAddress.objects.get(ip_address="10.0.0.11").server_id == done["ids"][1]
    assert DhcpChange.objects.filter(kind="server").count() == 3
    assert [row.history.count() for row in Server.objects.all()] == [1, 1, 1]


def test_addresses_come_out_as_they_would_one_by_one(api, subnet):
    VRFFactory(name="blue")
    rows = [
        {
            "ip_address": "10.0.0.2",
            "status": "reserved",
            "description": "printer",
            "active": False,
        },  # free in the pool
        {
            "ip_address": "10.0.0.200",
            "status": "allocated",
            "vm_id": "vm-1",
            "mac_address": "06-00-00-00-00-01",
        },
        {"ip_address": "192.0.2.1", "status": "quarantine", "description": "odd"},  # in no subnet
        {"ip_address": "10.0.0.2", "vrf": VRFFactory().pk, "status": "reserved"},
        {"ip_address": "10.0.0.201"},
    ]
    told = {field.attname for field in IPAddress._meta.concrete_fields} - {
        "id",
        "created_at",
        "updated_at",
    }

    def after(write):
        with transaction.atomic():
            before = set(IPAddress.objects.values_list("pk", flat=True)) - {
                IPAddress.objects.get(ip_address="10.0.0.2", vrf=None).pk
            }
            write()
            made = IPAddress.objects.exclude(pk__in=before).order_by("ip_address", "vrf")
            found = list(made.values(*told)), [row.history.latest().history_type for row in made]
            transaction.set_rollback(True)
        return found

    def together():
        assert api.post(f"{API}/ip-addresses/bulk/", rows).status_code == 201

    def one_by_one():
        assert {api.post(f"{API}/ip-addresses/", row).status_code for row in rows} == {201}

    assert after(together) == after(one_by_one)


def test_of_addresses_the_bad_ones_are_named_and_none_is_made(api, subnet):
    before = IPAddress.objects.count()
    rows = [{"ip_address": f"10.0.0.{n}", "status": "reserved"} for n in (20, 1, 22, 255)]
    rows += [
        {"ip_address": "10.0.0.20", "status": "reserved"},
        {"ip_address": "10.0.0.30", "status": "strange"},
    ]
    status, problem = answer(api.post(f"{API}/ip-addresses/bulk/", rows))
    assert (status, list(problem["errors"])) == (400, ["1.ip_address", "4.ip_address", "5.status"])
    assert IPAddress.objects.count() == before


def test_many_addresses_take_as_many_queries_as_few(api, subnet):
    counts = []
    for third, number in ((1, 20), (2, 200)):
        rows = [
            {"ip_address": f"10.0.{third}.{n + 1}", "status": "reserved"} for n in range(number)
        ]
        with CaptureQueriesContext(connection) as queries:
            assert api.post(f"{API}/ip-addresses/bulk/", rows).status_code == 201
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 4  # SQLite takes so many values at once and no more


def test_one_bad_row_and_none_is_made(api, subnet):
    ServerFactory(hostname="taken")
    rows = machines(6)
    rows[1]["ip_address"] = "10.0.0.300"
    rows[2]["hostname"] = "taken"
    rows[4]["mac_address"] = rows[3]["mac_address"]
    del rows[5]["hostname"]

    status, problem = answer(api.post(f"{API}/servers/bulk/", rows))

    assert (status, problem["code"]) == (400, "rows_refused")
    assert list(problem["errors"]) == ["1.ip_address", "5.hostname"]
    rows[1]["ip_address"], rows[5]["hostname"] = "10.0.0.99", "m5"
    problem = api.post(f"{API}/servers/bulk/", rows).json()
    assert list(problem["errors"]) == ["2.hostname", "4.mac_address"]
    assert problem["detail"] == "2 of 6 rows cannot be written, so none was."
    assert Server.objects.count() == 1


def test_rows_that_only_clash_answer_409(api, subnet):
    ServerFactory(hostname="m1", ip_address="10.0.0.77")
    rows = machines(2)
    rows[0]["ip_address"] = "10.0.0.77"
    status, problem = answer(api.post(f"{API}/servers/bulk/", rows))
    assert (status, list(problem["errors"])) == (409, ["0.ip_address", "1.hostname"])
    assert "m1" in str(problem["errors"]["0.ip_address"])


def test_servers_of_several_vrfs_are_made_together(api, subnet):
    red = VRFFactory().pk
    rows = [{**row, "vrf": vrf} for vrf in (None, red) for row in machines(2)]
    assert answer(api.post(f"{API}/servers/bulk/", [rows[0], rows[2], rows[1], rows[3]]))[0] == 201
    assert list(Server.objects.order_by("pk").values_list("vrf", flat=True)).count(red) == 2


def test_a_bulk_write_says_no_where_a_single_one_does(api, subnet):
    bad = {
        "hostname": ["", "a b", "-x", "x" * 300, None, 5 * [1]],
        "ip_address": [
            "10.0.0.0",
            "10.0.0.1",
            "10.0.255.255",
            "x",
            "::ffff:10.0.0.9",
            "10.0.0.9/24",
        ],
        "mac_address": ["zz", "ff:ff:ff:ff:ff:ff", "01:00:00:00:00:01", "00:00:00:00:00:00"],
        "vrf": [999, "x"],
        "description": ["x" * 5000, "\\x00"],
    }
    for field, values in bad.items():
        for value in values:
            row = {**machines(1)[0], field: value}
            single = api.post(f"{API}/servers/", row)
            Server.objects.all().delete()
            many = api.post(f"{API}/servers/bulk/", [row])
            assert many.status_code == single.status_code, (field, value)
            if single.status_code != 201:
                named = {name.removeprefix("0.") for name in many.json()["errors"]}
                assert named == set(single.json()["errors"]), (field, value, many.json())
            Server.objects.all().delete()


def test_the_queries_of_a_bulk_write_do_not_grow_with_its_rows(api, subnet):
    api.post(f"{API}/servers/bulk/", machines(1))
    counts = []
    for start, count in ((1, 20), (100, 220)):
        with CaptureQueriesContext(connection) as queries:
            assert api.post(f"{API}/servers/bulk/", machines(count, start)).status_code == 201
        counts.append(len(queries))
    assert counts[1] - counts[0] < 20, counts  # SQLite takes some rows at a time


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("vrfs", [{"name": "red"}, {"name": "blue"}]),
        (
            "subnets",
            [
                {"network": "10.1.0.0/24", "static_ip_pools": ["10.1.0.5-10.1.0.9"]},
                {"network": "10.2.0.0/24"},
            ],
        ),
        (
            "ip-addresses",
            [{"ip_address": f"10.0.5.{n}", "status": "reserved"} for n in range(1, 5)],
        ),
    ],
)
def test_every_resource_knows_bulk(api, subnet, name, rows):
    status, done = answer(api.post(f"{API}/{name}/bulk/", rows))
    assert (status, done["count"]) == (201, len(rows))
    assert api.get(f"{API}/{name}/{done['ids'][-1]}/").status_code == 200
    assert answer(api.post(f"{API}/{name}/bulk/", [{**rows[0], "description": "x"}]))[0] == 409
    assert api.delete(f"{API}/{name}/bulk/", done["ids"]).status_code == 200
    assert api.delete(f"{API}/{name}/bulk/", done["ids"]).status_code == 400


# --- changing and deleting ------------------------------------------------------------------------


def test_rows_are_changed_together_or_not_at_all(api, subnet):
    ids = api.post(f"{API}/servers/bulk/", machines(3)).json()["ids"]
    changed = api.patch(f"{API}/servers/bulk/", [{"id": pk, "location": "b1"} for pk in ids])
    assert (changed.status_code, set(Server.objects.values_list("location", flat=True))) == (
        200,
        {"b1"},
    )
    status, problem = answer(
        api.patch(
            f"{API}/servers/bulk/",
            [
                {"id": ids[0], "location": "b2"},
                {"id": ids[1], "ip_address": "10.0.0.10"},
                {"id": 999},
                {"location": "b3"},
            ],
        )
    )
    assert (status, list(problem["errors"])) == (400, ["1.ip_address", "2.id", "3.id"])
    assert set(Server.objects.values_list("location", flat=True)) == {"b1"}


def test_rows_are_deleted_together_or_not_at_all(api, subnet):
    other = SubnetFactory(network="10.9.0.0/24")
    ServerFactory(ip_address="10.0.0.50")
    status, problem = answer(api.delete(f"{API}/subnets/bulk/", [other.pk, subnet.pk]))
    assert (status, list(problem["errors"])) == (409, ["1.row"])
    assert Subnet.objects.count() == 2
    assert api.delete(f"{API}/subnets/bulk/", [other.pk, other.pk]).json() == {
        "count": 1,
        "ids": [other.pk],
    }


# --- status ---------------------------------------------------------------------------------------


def test_many_addresses_change_their_status_together(api, subnet):
    ids = list(IPAddress.objects.values_list("pk", flat=True))
    path = f"{API}/ip-addresses/bulk-status/"
    assert (
        api.post(path, {"ids": ids, "status": "reserved", "description": "lab"}).json()["count"]
        == 8
    )
    assert set(IPAddress.objects.values_list("status", "description")) == {("reserved", "lab")}
    assert api.post(path, {"ids": ids, "status": "available"}).status_code == 200
    assert set(IPAddress.objects.values_list("status", flat=True)) == {"available"}


def test_a_status_that_one_address_cannot_have_changes_none(api, subnet):
    ServerFactory(ip_address="10.0.0.3")
    ids = list(IPAddress.objects.order_by("ip_address").values_list("pk", flat=True))
    status, problem = answer(
        api.post(f"{API}/ip-addresses/bulk-status/", {"ids": ids, "status": "quarantine"})
    )
    assert (status, list(problem["errors"])) == (409, ["1.row"])
    assert not IPAddress.objects.filter(status="quarantine").exists()


# --- shapes, rights, bounds -----------------------------------------------------------------------


@pytest.mark.parametrize("sent", [[], {}, "x", None, [1], ["x"], [[]], [{"hostname": "x"}] * 1001])
def test_what_is_no_list_of_rows_is_refused(api, sent):
    assert api.post(f"{API}/servers/bulk/", sent).status_code == 400
    assert api.patch(f"{API}/servers/bulk/", sent).status_code == 400
    assert not Server.objects.exists()


@pytest.mark.parametrize("sent", [[{}], ["1"], [None], [[1]], [10**30], [-1], [True]])
def test_what_is_no_key_deletes_nothing(api, sent):
    server = ServerFactory(pk=1)
    assert api.delete(f"{API}/servers/bulk/", sent).status_code == 400
    assert Server.objects.filter(pk=server.pk).exists()


def test_bulk_needs_the_same_rights_as_single_rows(subnet):
    server = ServerFactory()
    path, row = f"{API}/servers/bulk/", {"hostname": "x"}
    for user, codes in (
        (staff("ipam.view_server"), [403] * 3),
        (staff("ipam.add_server"), [201, 403, 403]),
    ):
        api = with_token("addresses", user=user)
        found = [
            api.post(path, [row]),
            api.patch(path, [{"id": server.pk}]),
            api.delete(path, [server.pk]),
        ]
        assert [response.status_code for response in found] == codes
    assert with_token("read").post(path, [row]).status_code == 403
    assert with_token("allocate").post(f"{API}/ip-addresses/bulk-status/", {}).status_code == 403


def test_a_confined_token_writes_no_row_elsewhere(subnet):
    api = with_token("admin", subnets=["10.0.0.0/16"])
    elsewhere = {"hostname": "far", "ip_address": "10.9.0.1"}
    foreign = IPAddressFactory(ip_address="10.8.0.1", status="reserved")
    assert api.post(f"{API}/servers/bulk/", [*machines(1), elsewhere]).status_code == 403
    assert not Server.objects.exists()
    assert api.delete(f"{API}/ip-addresses/bulk/", [foreign.pk]).status_code == 400
    assert api.post(f"{API}/servers/bulk/", machines(1)).status_code == 201
