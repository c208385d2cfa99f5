"""`export_csv`: what goes out comes back the same, and no spreadsheet runs a cell of it."""

import csv
import io
import json
import os
import tracemalloc
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipam.allocate import allocate, find, reserve
from ipam.models import Pool, Server, Subnet
from ipam.transfer import exports
from ipam.transfer.columns import SERVERS
from tests.ipam.factories import InterfaceFactory, ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))

KINDS = ("subnets", "servers", "interfaces")
OVERWATCH = Path(__file__).parent.parent / "data" / "overwatch"
FACTS = (
    "hostname",
    "ip_address",
    "mac_address",
    "location",
    "lan_port",
    "device_type",
    "manufacturer",
    "description",
    "enabled",
    "when_disabled",
)


def export(kind, *options):
    out = StringIO()
    call_command("export_csv", kind, *options, stdout=out)
    return out.getvalue()


def bring(kind, text, tmp_path, *options):
    file = tmp_path / "back.csv"
    file.write_bytes(text.encode())
    out = StringIO()
    call_command("import_csv", kind, str(file), "--json", *options, stdout=out)
    return json.loads(out.getvalue())


def read(text, delimiter=","):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.fixture
def network():
    """The seed's network, and what makes trouble."""
    call_command("import_csv", "subnets", str(OVERWATCH / "subnets.csv"), stdout=StringIO())
    call_command("import_csv", "servers", str(OVERWATCH / "servers.csv"), stdout=StringIO())
    SubnetFactory(
        network="2001:db8::/64",
        name="=1+1",
        gateway="2001:db8::1",
        vlan_id=5,
        description="'quoted', mit ; und ß",
        dns_servers=["192.0.2.1", "2001:db8::53"],
        domain="example.org",
        site="+Nord",
        static_ip_pools=["2001:db8::10-2001:db8::1f"],
        dhcp_pools=["2001:db8::100-2001:db8::1ff", "2001:db8::80"],
    )
    ServerFactory(
        hostname="six",
        ip_address="2001:db8::10",
        location=" EG",
        lan_port="-1",
        description="a\r\nb",
        enabled=False,
    )
    InterfaceFactory(
        server__hostname="many",
        name="bmc",
        ip_address="192.168.1.200",
        mac_address="02:00:00:0b:0c:0d",
    )
    InterfaceFactory(
        server=Server.objects.get(hostname="many"),
        name="=eth 1",
        mac_address=None,
        duid="00:01:00:01:aa",
    )
    ServerFactory(
        hostname="unplaced", ip_address="203.0.113.9", device_type="\tx", manufacturer="@home"
    )
    ServerFactory(hostname="nowhere", description="'")
    ServerFactory(hostname="no-mac", mac_address=None, ip_address="10.112.30.9")


# --- there and back ---


@pytest.mark.parametrize(
    "options", [[], ["--delimiter", ";"], ["--delimiter", "tab", "--german", "--bom"]]
)
def test_what_is_exported_wiped_and_imported_is_exported_alike(network, tmp_path, options):
    before = [export(kind, *options) for kind in KINDS]
    rows = export("ip-addresses")
    Server.objects.all().delete()
    Subnet.objects.all().delete()

    for kind, text in zip(KINDS, before, strict=True):
        assert bring(kind, text, tmp_path)["written"]

    assert [export(kind, *options) for kind in KINDS] == before
    assert export("ip-addresses") == rows
    assert len(before[0].splitlines()) == 7


@pytest.mark.parametrize("kind", KINDS)
def test_importing_an_export_where_it_came_from_changes_nothing(network, tmp_path, kind):
    found = bring(kind, export(kind), tmp_path)

    assert {row["state"] for row in found["rows"]} == {"unchanged"}
    assert not any(row["warning"] for row in found["rows"])


def test_the_first_line_names_every_column_that_can_be_imported(network):
    assert export("servers").splitlines()[0] == (
        "hostname,ip_address,mac_address,location,lan_port,device_type,manufacturer,description,"
        "enabled,when_disabled"
    )
    assert export("subnets", "--german", "--delimiter", ";").splitlines()[0] == (
        "Netz;Name;Gateway;VLAN;Beschreibung;DNS-Server;Domäne;Standort;Statische Pools;DHCP-Pools"
    )


def test_cells_that_a_spreadsheet_would_run_are_marked(network):
    cells = {
        cell for kind in (*KINDS, "ip-addresses") for row in read(export(kind)) for cell in row
    }

    assert {"'=1+1", "'=eth 1", "'+Nord", "'-1", "'\tx", "'@home", "''", "' EG"} <= cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
nasty = st.text("=+-@\t\r\n'\" ;,|a", max_size=6)
facts = st.fixed_dictionaries(
    {
        **dict.fromkeys(
            ("location", "lan_port", "device_type", "manufacturer", "description"), texts | nasty
        ),
        "enabled": st.booleans(),
        "when_disabled": st.sampled_from(["not_reserved", "ignored"]),
        "ip_address": st.none()
        | st.ip_addresses(network="198.51.100.0/24")
        | st.ip_addresses(network="2001:db8::/112"),
    }
)


@settings(
    max_examples=500 if LONG else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(facts, max_size=4, unique_by=lambda row: row["ip_address"] or object()),
    delimiter=st.sampled_from(";,\t|"),
)
def test_any_text_goes_out_safe_and_comes_back_the_same(rows, delimiter, tmp_path_factory):
    with transaction.atomic():
        Server.objects.bulk_create(
            Server(hostname=f"s{number}", mac_address=f"02:00:00:00:00:{number:02x}", **row)
            for number, row in enumerate(rows)
        )
        before = set(Server.objects.values_list(*FACTS))
        text = export("servers", "--delimiter", delimiter)
        Server.objects.all().delete()
        if rows:
            bring("servers", text, tmp_path_factory.mktemp("back"), "--delimiter", delimiter)
        assert set(Server.objects.values_list(*FACTS)) == before
        assert not [
            cell
            for row in read(text, delimiter)
            for cell in row
            if cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        ]
        transaction.set_rollback(True)


# --- which rows ---


def test_addresses_with_all_that_is_known_of_them():
    subnet = SubnetFactory(network="192.0.2.0/24", static_ip_pools=["192.0.2.10-192.0.2.12"])
    ServerFactory(
        hostname="web",
        ip_address="192.0.2.10",
        mac_address="02:00:00:00:00:01",
        manufacturer="Dell Inc.",
    )
    reserve(find("192.0.2.11"), "for a printer")
    allocate(subnet, wanted="192.0.2.12", vm_id="vm-1")

    rows = read(export("ip-addresses"))

    assert [dict(zip(rows[0], row, strict=True))["status"] for row in rows[1:]] == [
        "allocated",
        "reserved",
        "allocated",
    ]
    assert rows[1] == [
        "192.0.2.10",
        "192.0.2.0/24",
        "allocated",
        "static",
        "true",
        "web",
        "02:00:00:00:00:01",
        "",
        "Dell Inc.",
        "web",
        "",
        "",
    ]
    assert (rows[2][-1], rows[3][-2]) == ("for a printer", "vm-1")


def test_only_one_status(network):
    assert len(export("ip-addresses", "--status", "allocated").splitlines()) == 1 + 105 + 4
    assert len(export("ip-addresses", "--status", "quarantine").splitlines()) == 1


def test_only_one_network(network):
    assert len(export("servers", "--subnet", "10.112.20.0/24").splitlines()) == 1 + 12
    assert len(export("subnets", "--subnet", "10.112.0.0/16").splitlines()) == 1 + 4
    assert len(export("ip-addresses", "--subnet", "10.112.40.0/29").splitlines()) == 1 + 3


def test_only_one_address_space(network):
    vrf = VRFFactory(name="blue")
    ServerFactory(hostname="blue-1", vrf=vrf)

    assert [row[0] for row in read(export("servers", "--vrf", "blue"))[1:]] == ["blue-1"]
    assert "blue-1" not in export("servers")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["servers", "--status", "allocated"], "--status is for ip-addresses"),
        (["servers", "--subnet", "192.0.2.1/24"], "host bits"),
        (["servers", "--vrf", "red"], "no VRF 'red'"),
        (
            ["servers", "/nowhere/file.csv"],
            "cannot write /nowhere/file.csv: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_done_is_told(arguments, reason):
    with pytest.raises(CommandError, match=reason):
        export(*arguments)


# --- files ---


def test_a_file_is_replaced_in_one_step(network, tmp_path):
    file = tmp_path / "servers.csv"
    file.write_text("old")

    call_command("export_csv", "servers", str(file))

    assert file.read_bytes().decode() == export("servers")
    assert [path.name for path in tmp_path.iterdir()] == ["servers.csv"]


def test_an_export_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "servers.csv"
    file.write_text("old")

    with pytest.raises(Exception, match="no such table|does not exist"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hosts RENAME TO elsewhere")
        call_command("export_csv", "servers", str(file))

    assert file.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    call_command("export_csv", "servers", "/dev/null")

    assert not Path("/dev/null").is_file()


# --- cost ---


def test_rows_are_a_stream_from_a_constant_number_of_queries(network):
    for choose, most in (
        (exports.export_servers, 1),
        (exports.export_subnets, 2),
        (exports.export_addresses, 1),
    ):
        layout = exports.LAYOUTS[
            choose.__name__.removeprefix("export_").replace("addresses", "ip-addresses")
        ]
        with CaptureQueriesContext(connection) as captured:
            assert len(list(exports.text(choose(None), layout))) > 1
        assert len(captured) <= most


def test_memory_does_not_grow_with_the_rows(monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 50)
    # Past the ledger: only their number matters here.
    Server._base_manager.bulk_create(
        Server(hostname=f"s{number}", description="x" * 200) for number in range(2000)
    )

    tracemalloc.start()
    size = sum(map(len, exports.text(exports.export_servers(None), SERVERS)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert size > 400_000 > peak


def test_pools_are_read_for_all_subnets_at_once(network):
    assert Pool.objects.count() > 6
    with CaptureQueriesContext(connection) as captured:
        export("subnets")
    assert len(captured) == 2
