"""`import_csv` reads JSON and JSON Lines as well: the same columns, verdicts and rules."""

import contextlib
import json
from io import StringIO

import pytest
from django.core.management import call_command

from core.errors import Invalid
from ipam.models import Server, Subnet
from ipam.transfer import objects
from tests.ipam.factories import ServerFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture
def bring(tmp_path):
    def run(kind, content, *options):
        file, out = tmp_path / "file", StringIO()
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        with contextlib.suppress(SystemExit):  # what was wrong stands in the report
            call_command("import_csv", kind, str(file), "--json", *options, stdout=out)
        return json.loads(out.getvalue())

    return run


def told(found):
    return [
        (row["line"], row["state"], [each["field"] for each in row["reasons"]])
        for row in found["rows"]
    ]


def test_a_list_of_objects_is_read_like_a_table(bring):
    found = bring(
        "servers",
        [
            {
                "Hostname": "web",
                "ip": "192.0.2.1",
                "mac": "0200.0000.000A",
                "enabled": False,
                "location": "EG",
            },
            {"hostname": "db", "mac_address": B, "lan_port": 7},
        ],
    )
    web, db = Server.objects.order_by("-hostname")
    assert (web.mac_address, web.enabled, db.lan_port, db.enabled) == (A, False, "7", True)
    assert found["written"]


def test_one_object_on_each_line_is_read_and_its_line_named(bring):
    found = bring(
        "servers",
        f'{{"hostname": "web", "mac": "{A}"}}\n\n{{"hostname": "a b", "mac": "{B}"}}\n',
        "--dry-run",
    )
    assert told(found) == [(1, "new", []), (3, "bad", ["hostname"])]


def test_bad_rows_of_a_list_are_named_by_their_number(bring):
    rows = [
        {"hostname": "web", "mac": A},
        {"hostname": "db", "mac": "x"},
        {"hostname": {"a": 1}, "mac": B},
    ]
    found = bring("servers", rows)
    assert told(found) == [(1, "new", []), (2, "bad", ["mac_address"]), (3, "bad", ["hostname"])]
    assert not Server.objects.exists()


def test_what_is_not_named_stays_and_null_empties(bring):
    ServerFactory(hostname="web", mac_address=A, location="EG", lan_port="7", description="kept")
    bring("servers", [{"mac": A, "location": None, "lan_port": ""}])
    server = Server.objects.get()
    assert (server.hostname, server.location, server.lan_port, server.description) == (
        "web",
        "",
        "",
        "kept",
    )


def test_texts_are_taken_as_they_stand(bring):
    bring(
        "servers",
        [{"hostname": "web", "mac": A, "location": "=1+1", "description": "'", "lan_port": "'x"}],
    )
    server = Server.objects.get()
    assert (server.location, server.description, server.lan_port) == ("=1+1", "'", "'x")


def test_subnets_take_lists(bring):
    bring(
        "subnets",
        [
            {
                "network": "10.0.0.0/24",
                "vlan_id": 12,
                "dns_servers": ["10.0.0.2", "10.0.0.3"],
                "static_ip_pools": ["10.0.0.10-10.0.0.20", "10.0.0.30"],
            }
        ],
    )
    subnet = Subnet.objects.get()
    assert (subnet.vlan_id, len(subnet.dns_servers), subnet.pools.count()) == (12, 2, 2)


def test_what_the_api_lists_comes_back_the_same(bring):
    ServerFactory.create_batch(3)
    listed = with_token("read").get("/api/v1/servers/").json()["results"]
    found = bring("servers", listed)
    assert [row["state"] for row in found["rows"]] == ["unchanged"] * 3
    assert found["notices"] == [
        "Unknown columns are ignored: “id”, “interfaces”, “created_at”, “updated_at”."
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[]", "empty"),
        ('[{"hostname": "web"}]', "mac_address is missing"),
        ('[{"mac": null, "vrf": "red"}]', "--vrf"),
        ('[{"mac": null} {"mac": null}]', "Row 2 .* a comma belongs"),
        ('[{"mac": null}, 7]', "Row 2 .* not an object"),
        ('[{"mac": null}, {"mac"', "Row 2 cannot be read"),
        ('[{"mac": null}] x', "something follows"),
        ('{"mac": null}\n{"mac": ', "Row 2 cannot be read"),
        ('[{"mac": ' + "[" * 200_000, "Row 1 cannot be read"),
    ],
)
def test_what_is_no_list_of_objects_is_refused_with_a_reason(bring, content, reason):
    with pytest.raises(Invalid, match=reason):
        bring("servers", content)


def test_a_text_that_no_database_keeps_is_refused(bring):
    found = bring(
        "servers",
        f'[{{"hostname": "web", "mac": "{A}", "location": "\\u0000", "lan_port": "\\ud800"}}]',
    )
    assert told(found) == [(1, "bad", ["location", "lan_port"])]


def test_a_column_that_is_named_twice_is_refused(bring):
    found = bring(
        "servers", [{"hostname": "web", "mac": A, "ip": "192.0.2.1", "ip_address": "192.0.2.2"}]
    )
    assert told(found) == [(1, "bad", ["ip_address"])]


@pytest.mark.parametrize("piece", [1, 2, 7, 100])
def test_objects_are_read_whatever_piece_they_end_in(bring, monkeypatch, piece):
    monkeypatch.setattr(objects, "_PIECE", piece)
    rows = [
        {"hostname": f"s-{n}", "mac": f"02:00:00:00:00:{n:02x}", "description": "}], {"}
        for n in range(20)
    ]
    found = bring("servers", json.dumps(rows, indent=1))
    assert found["counts"]["new"] == 20
