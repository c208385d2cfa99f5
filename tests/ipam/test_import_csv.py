"""`import_csv`: a verdict for every row, all or nothing, and what a row may change.

IPMANAGER_TEST_PROOF=1 (`make proof`) tries thousands of random files more.
"""

import io
import json
import os
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Conflict, Invalid, IPManagerError
from ipam.allocate import allocate, find, quarantine, reserve
from ipam.models import IPAddress, Server, Subnet
from ipam.placement.populate import populate
from ipam.transfer.columns import SERVERS
from ipam.transfer.files import open_sheet
from ipam.transfer.servers import import_servers
from tests.ipam.factories import (
    InterfaceFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)

pytestmark = pytest.mark.django_db

SYNCLOGIC = Path(__file__).parent.parent / "data" / "synclogic"
A, B, C, D = (f"02:00:00:00:00:0{digit}" for digit in "abcd")


@pytest.fixture
def bring(tmp_path):
    """Import rows of a kind; the report as JSON gives it."""

    def run(kind, content, *options):
        file = tmp_path / "file.csv"
        file.write_text(content)
        return report(kind, file, *options)

    return run


def report(kind, file, *options):
    out = StringIO()
    try:
        call_command("import_csv", kind, str(file), "--json", *options, stdout=out)
        status = 0
    except SystemExit as end:
        status = end.code
    return json.loads(out.getvalue()) | {"status": status}


def reasons(found):
    """Line, field and reason of every remark."""
    return [
        (row["line"], each["field"], each["reason"])
        for row in found["rows"]
        for each in row["reasons"]
    ]


def states(found):
    return [row["state"] for row in found["rows"]]


def facts(hostname):
    server = Server.objects.get(hostname=hostname)
    return str(server.ip_address), server.mac_address, server.location


# --- the sample files ---


def test_forty_hosts_in_four_mac_spellings(bring):
    subnet = SubnetFactory(network="10.112.57.0/24")

    found = report("servers", SYNCLOGIC / "hosts.csv")

    assert (found["status"], found["written"], found["counts"]["new"]) == (0, True, 40)
    assert IPAddress.objects.filter(subnet=subnet, status="allocated").count() == 40
    assert facts("PC-001") == ("10.112.57.10", "80:fd:95:03:d3:2b", "OG2")
    assert [Server.objects.get(hostname=f"PC-00{n}").mac_address for n in (2, 3, 4)] == [
        "e4:82:00:ff:bc:55",
        "04:b1:75:ef:2d:a2",
        "b8:67:01:d4:49:ee",
    ]
    assert Server.objects.get(hostname="PC-040").lan_port == "LAN-040"


BAD = [
    (5, "ip_address", "“10.112.57.300” is not an IP address"),
    (6, "mac_address", "“02:00:00:00:00” is not a MAC address"),
    (7, "hostname", "“PC,ignore” is not a host name"),
    (8, "ip_address", "10.112.57.10 stands in line 2 already."),
    (9, "mac_address", "e4:82:00:ff:bc:55 stands in line 3 already."),
    (10, "ip_address", "10.112.57.0 is the network or broadcast address of 10.112.57.0/24"),
    (11, "hostname", "“=cmd|' /C calc'!A0” is a formula"),
]


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_bad_rows_are_told_with_reasons_and_nothing_is_written(option):
    SubnetFactory(network="10.112.57.0/24")

    found = report("servers", SYNCLOGIC / "hosts-with-errors.csv", *option)

    told = [each for each in reasons(found) if each[0] != 12]
    assert [(line, field) for line, field, _reason in told] == [
        (line, field) for line, field, _reason in BAD
    ]
    assert all(
        reason.startswith(start)
        for (_l, _f, reason), (_line, _field, start) in zip(told, BAD, strict=True)
    )
    assert found["counts"] == {"new": 4, "changed": 0, "unchanged": 0, "bad": 7, "warnings": 1}
    assert (found["status"], found["written"]) == (1, False)
    assert not Server.objects.exists()


def test_the_good_rows_can_be_written_and_an_unplaced_one_waits_for_its_subnet():
    SubnetFactory(network="10.112.57.0/24")

    found = report("servers", SYNCLOGIC / "hosts-with-errors.csv", "--skip-bad")

    assert (found["status"], found["written"], found["counts"]["bad"]) == (0, True, 7)
    assert sorted(Server.objects.values_list("hostname", flat=True)) == [
        "PC-001",
        "PC-002",
        "PC-003",
        "PC-905",
    ]
    assert reasons(found)[-1] == (
        12,
        "ip_address",
        "10.99.0.5 lies in no subnet; it stays unplaced until a subnet for it appears.",
    )
    assert IPAddress.objects.unplaced().get().hostname == "PC-905"
    later = SubnetFactory(network="10.99.0.0/24")
    assert IPAddress.objects.get(hostname="PC-905").subnet == later


def test_the_same_file_again_changes_nothing():
    SubnetFactory(network="10.112.57.0/24")
    report("servers", SYNCLOGIC / "hosts.csv")
    lines = Server.history.count(), IPAddress.history.count()

    found = report("servers", SYNCLOGIC / "hosts.csv")

    assert set(states(found)) == {"unchanged"}
    assert (Server.history.count(), IPAddress.history.count()) == lines


def test_people_get_an_aligned_table_and_a_summary():
    SubnetFactory(network="10.112.57.0/24")
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("import_csv", "servers", str(SYNCLOGIC / "hosts-with-errors.csv"), stdout=out)

    lines = out.getvalue().splitlines()
    assert lines[0] == "     2  PC-001              new"
    assert lines[3].startswith(
        "     5  PC-900              bad        ip_address: “10.112.57.300” is not"
    )
    assert lines[10].startswith(
        "    12  PC-905              new        warning: ip_address: 10.99.0.5 lies in no"
    )
    assert lines[11].startswith(
        "11 rows: 4 new, 0 changed, 0 unchanged, 7 bad; 1 with a warning. Nothing was written"
    )


def test_a_cell_plays_no_tricks_on_the_terminal(bring, tmp_path):
    file = tmp_path / "file.csv"
    file.write_text("hostname;ip;mac\n\x1b[2Jevil;;\n")
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("import_csv", "servers", str(file), stdout=out)

    assert "\x1b" not in out.getvalue()


def test_standard_input_is_read(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(f"hostname;mac\nPC-1;{A}\n".encode()))
    monkeypatch.setattr("sys.stdin", stdin)

    assert report("servers", "-")["counts"]["new"] == 1


def test_a_file_that_is_not_there_is_told_by_name():
    with pytest.raises(CommandError, match=r"cannot read /nowhere.csv: No such file"):
        report("servers", "/nowhere.csv")


# --- which server a row speaks of ---


def test_a_known_mac_updates_its_server(bring):
    ServerFactory(hostname="old", ip_address="192.0.2.1", mac_address=A, location="EG")

    found = bring("servers", f"hostname;ip;mac;standort\nnew;192.0.2.2;{A.upper()};OG\n")

    assert states(found) == ["changed"]
    assert facts("new") == ("192.0.2.2", A, "OG")
    assert not IPAddress.objects.filter(ip_address="192.0.2.1").exists()


def test_empty_cells_erase_nothing_and_absent_columns_touch_nothing(bring):
    ServerFactory(
        hostname="web", ip_address="192.0.2.1", mac_address=A, location="EG", description="keep"
    )

    found = bring("servers", f"hostname;ip;mac;location\n;;{A};\n")

    assert states(found) == ["unchanged"]
    assert facts("web") == ("192.0.2.1", A, "EG")


def test_a_lone_apostrophe_empties_a_value(bring):
    ServerFactory(hostname="web", ip_address="192.0.2.1", mac_address=A, location="EG")

    assert states(bring("servers", f"ip;mac;location\n';{A};'\n")) == ["changed"]

    assert facts("web") == ("None", A, "")
    assert not IPAddress.objects.exists()


def test_a_row_without_mac_speaks_of_the_server_with_its_name(bring):
    ServerFactory(hostname="Web", mac_address=A)

    found = bring("servers", "hostname;mac;location\nweb;;OG\nnew;;EG\n")

    assert states(found) == ["changed", "new"]
    assert facts("web")[1:] == (A, "OG")


def test_a_server_that_had_no_mac_gets_it_by_its_name(bring):
    ServerFactory(hostname="web", mac_address=None)

    assert states(bring("servers", f"hostname;mac\nweb;{A}\n")) == ["changed"]
    assert Server.objects.get().mac_address == A


def test_another_machine_cannot_take_a_name_or_an_address(bring):
    ServerFactory(hostname="web", ip_address="192.0.2.1", mac_address=A)
    InterfaceFactory(server__hostname="db", ip_address="192.0.2.2", mac_address=B)

    found = bring("servers", f"hostname;ip;mac\nWEB;;{C}\nx;192.0.2.1;{D}\ny;192.0.2.2;\nz;;{B}\n")

    assert reasons(found) == [
        (2, "hostname", "Another server is called “web” already."),
        (3, "ip_address", "192.0.2.1 belongs to server “web”."),
        (4, "ip_address", "192.0.2.2 belongs to server “db”."),
        (5, "mac_address", f"{B} belongs to server “db”."),
    ]


def test_what_is_not_free_is_refused_with_its_holder(bring):
    subnet = SubnetFactory(network="192.0.2.0/24", static_ip_pools=["192.0.2.1-192.0.2.9"])
    PoolFactory(subnet=subnet, first="192.0.2.50", last="192.0.2.59", kind="dhcp")
    allocate(subnet, wanted="192.0.2.1", vm_id="vm-1")
    quarantine(find("192.0.2.2"), "answers twice")
    reserve(find("192.0.2.3"), "printer")

    found = bring(
        "servers",
        f"hostname;ip;mac\na;192.0.2.1;{A}\nb;192.0.2.2;{B}\nc;192.0.2.3;{C}\n"
        f"d;192.0.2.50;\ne;192.0.2.51;{D}\n",
        "--skip-bad",
    )

    assert states(found) == ["bad", "bad", "new", "bad", "new"]
    assert [reason for _line, _field, reason in reasons(found)] == [
        "192.0.2.1 is taken by VM “vm-1”.",
        "192.0.2.2 is taken by the quarantine “answers twice”.",
        "192.0.2.3 was taken by a reservation “printer”; the server takes it over.",
        "192.0.2.50 lies in the DHCP pool 192.0.2.50-192.0.2.59, from which dnsmasq hands it "
        "to others."
        " Specify the MAC address, too.",
    ]


# --- rows of one file among themselves ---


def test_a_name_an_address_and_a_mac_stand_in_a_file_once(bring):
    found = bring(
        "servers",
        f"hostname;ip;mac\na;192.0.2.1;{A}\nb;192.0.2.1;{B}\nA;192.0.2.3;{C}\nd;;"
        f"{A.replace(':', '')}\n",
        "--skip-bad",
    )

    assert reasons(found)[1:4] == [
        (3, "ip_address", "192.0.2.1 stands in line 2 already."),
        (4, "hostname", "“A” stands in line 2 already."),
        (5, "mac_address", f"{A} stands in line 2 already."),
    ]
    assert Server.objects.count() == 1


def test_two_rows_cannot_speak_of_one_server(bring):
    ServerFactory(hostname="web", mac_address=A)

    found = bring("servers", f"hostname;mac;location\nnew;{A};EG\nweb;;OG\n")

    assert reasons(found) == [(3, "", "Line 2 speaks of this server already.")]


def test_two_servers_may_swap_addresses_and_names(bring):
    ServerFactory(hostname="one", ip_address="192.0.2.1", mac_address=A)
    ServerFactory(hostname="two", ip_address="192.0.2.2", mac_address=B)

    found = bring("servers", f"hostname;ip;mac\ntwo;192.0.2.2;{A}\none;192.0.2.1;{B}\n")

    assert states(found) == ["changed", "changed"]
    assert (facts("one")[:2], facts("two")[:2]) == (("192.0.2.1", B), ("192.0.2.2", A))
    assert IPAddress.objects.get(ip_address="192.0.2.1").hostname == "one"


def test_a_whole_network_may_move_up_by_one(bring):
    SubnetFactory(network="192.0.2.0/24", static_ip_pools=["192.0.2.1-192.0.2.20"])
    for number in range(1, 10):
        ServerFactory(
            hostname=f"s{number}",
            ip_address=f"192.0.2.{number}",
            mac_address=f"02:00:00:00:00:0{number}",
        )

    rows = "".join(
        f"s{number};192.0.2.{number + 1};02000000000{number}\n" for number in range(1, 10)
    )
    found = bring("servers", "hostname;ip;mac\n" + rows + f"new;192.0.2.1;{A}\n")

    assert set(states(found)[:9]) == {"changed"}
    assert [row.hostname for row in IPAddress.objects.filter(status="allocated")] == [
        "new",
        *(f"s{number}" for number in range(1, 10)),
    ]


def test_who_waits_for_a_bad_row_to_move_is_bad_too(bring):
    ServerFactory(hostname="one", ip_address="192.0.2.1", mac_address=A)
    ServerFactory(hostname="two", ip_address="192.0.2.2", mac_address=B)
    allocate(SubnetFactory(network="192.0.2.0/24"), wanted="192.0.2.3", vm_id="vm-1")

    found = bring(
        "servers", f"hostname;ip;mac\nnew;192.0.2.1;{C}\none;192.0.2.2;{A}\ntwo;192.0.2.3;{B}\n"
    )

    assert [reason for _line, _field, reason in reasons(found)] == [
        "192.0.2.1 belongs to server “one”.",
        "192.0.2.2 belongs to server “two”.",
        "192.0.2.3 is taken by VM “vm-1”.",
    ]


def test_who_comes_between_the_check_and_the_writing_is_told_of_and_nothing_is_written():
    def meddle(what, done, total):
        if what == "created":
            ServerFactory(hostname="B", mac_address=D)

    with pytest.raises(Conflict, match="The ledger changed during the import; nothing was written"):
        take([("A", "", A, ""), ("B", "", B, "")], "all", meddle)

    assert not Server.objects.exists()


# --- cells ---


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("aktiv", "vielleicht", "“vielleicht” is neither yes nor no"),
        ("aktiv", "'", "this cannot be emptied"),
        ("ip", "192.0.2.1/24", "“192.0.2.1/24” is not an IP address"),
        ("ip", "192.0.2.01", "“192.0.2.01” is not an IP address"),
        ("mac", "ff:ff:ff:ff:ff:ff", "is a zero, group or broadcast MAC address"),
        ("location", "x" * 101, "Ensure this value has at most 100 characters"),
        ("hostname", "-x", "“-x” is not a host name"),
        ("hostname", "x" * 64, "is longer than the 63 characters that DNS allows"),
    ],
)
def test_bad_cells(bring, column, cell, reason):
    cells = {"hostname": "pc", "mac": A} | {column: cell}

    found = bring("servers", ";".join(cells) + "\n" + ";".join(cells.values()) + "\n")

    assert reason in reasons(found)[0][2]


def test_every_fault_of_a_row_is_told(bring):
    found = bring("servers", "hostname;ip;mac\n=x;300;1\n")

    assert [field for _line, field, _reason in reasons(found)] == [
        "hostname",
        "ip_address",
        "mac_address",
    ]


def test_a_new_server_needs_a_name(bring):
    assert reasons(bring("servers", f"ip;mac\n192.0.2.1;{A}\n")) == [
        (2, "hostname", "A new server needs a host name.")
    ]


def test_a_row_with_too_many_cells_is_bad(bring):
    found = bring("servers", f"hostname,mac\nPC-1,{A},\nPC-2,{B},ignore\n")

    assert states(found) == ["new", "bad"]
    assert "3 cells for 2 columns" in reasons(found)[0][2]


@pytest.mark.parametrize("word", ["ja", "Ja", "1", "true", "x", "aktiv"])
def test_yes_in_two_languages(bring, word):
    ServerFactory(mac_address=A, enabled=False)

    bring("servers", f"mac,aktiv\n{A},{word}\n")

    assert Server.objects.get().enabled


def test_ipv6_addresses_are_taken_in_any_spelling(bring):
    bring("servers", f"hostname;ip;mac\nsix;2001:DB8:0::5;{A}\n")

    assert facts("six")[0] == "2001:db8::5"


def test_a_missing_column_is_an_error_before_any_row(bring):
    with pytest.raises(Invalid, match="mac_address is missing"):
        bring("servers", "hostname;ip\nPC-1;192.0.2.1\n")


# --- address spaces ---


def test_a_file_belongs_to_one_address_space(bring):
    vrf = VRFFactory(name="blue")
    ServerFactory(hostname="web", ip_address="192.0.2.1", mac_address=A)

    found = bring("servers", f"hostname;ip;mac\nweb;192.0.2.1;{A}\n", "--vrf", "blue")

    assert states(found) == ["new"]
    assert Server.objects.filter(vrf=vrf).get().hostname == "web"


def test_an_unknown_address_space_is_refused(bring):
    VRFFactory(name="blue")
    with pytest.raises(CommandError, match="no VRF 'red' .*blue"):
        bring("servers", f"hostname;mac\nweb;{A}\n", "--vrf", "red")


# --- subnets ---


def test_a_subnet_with_everything(bring):
    text = (
        "Netz;Name;Gateway;VLAN;Beschreibung;DNS-Server;Domäne;Standort;statische Pools;"
        "DHCP-Pools\n"
        "192.0.2.0/24;Büro;192.0.2.1;12;erster Stock;192.0.2.2, 192.0.2.3;Example.ORG;Nord;"
        '"192.0.2.10-192.0.2.19;192.0.2.30";"[""192.0.2.100 – 192.0.2.109""]"\n'
    )

    assert states(bring("subnets", text)) == ["new"]

    subnet = Subnet.objects.get()
    assert (subnet.name, str(subnet.gateway), subnet.vlan_id, subnet.domain) == (
        "Büro",
        "192.0.2.1",
        12,
        "example.org",
    )
    assert (list(map(str, subnet.dns_servers)), subnet.site) == (["192.0.2.2", "192.0.2.3"], "Nord")
    assert subnet.static_ip_pools == ["192.0.2.10-192.0.2.19", "192.0.2.30"]
    assert subnet.dhcp_pools == ["192.0.2.100-192.0.2.109"]
    assert states(bring("subnets", text)) == ["unchanged"]


def test_a_known_network_is_updated(bring):
    SubnetFactory(
        network="192.0.2.0/24", name="old", site="Nord", static_ip_pools=["192.0.2.10-192.0.2.19"]
    )

    found = bring(
        "subnets", "network,name,site,static_ip_pools\n192.0.2.0/24,new,,192.0.2.10-192.0.2.29\n"
    )

    assert states(found) == ["changed"]
    subnet = Subnet.objects.get()
    assert (subnet.name, subnet.site, subnet.static_ip_pools) == (
        "new",
        "Nord",
        ["192.0.2.10-192.0.2.29"],
    )
    assert IPAddress.objects.count() == 20


def test_an_apostrophe_takes_the_pools_away(bring):
    SubnetFactory(network="192.0.2.0/24", static_ip_pools=["192.0.2.10-192.0.2.19"], vlan_id=5)

    bring("subnets", "network,static_ip_pools,vlan\n192.0.2.0/24,','\n")

    assert (Subnet.objects.get().static_ip_pools, Subnet.objects.get().vlan_id) == ([], None)
    assert not IPAddress.objects.exists()


@pytest.mark.parametrize(
    ("column", "cell", "field", "reason"),
    [
        ("network", "192.0.2.5/24", "network", "the network is 192.0.2.0/24"),
        ("network", "", "network", "A subnet needs its network."),
        ("gateway", "192.0.2.255", "gateway", "not a host address"),
        ("gateway", "x", "gateway", "not an IP address"),
        ("vlan", "5000", "vlan_id", "less than or equal to 4094"),
        ("vlan", "VLAN 7", "vlan_id", "is not a number"),
        ("dns", "x", "dns_servers", "not an IP address"),
        (
            "static_ip_pools",
            "192.0.2.9-192.0.2.1",
            "static_ip_pools",
            "does not run from a lower to a higher",
        ),
        ("static_ip_pools", "[192.0.2.9", "static_ip_pools", "not a JSON list"),
        ("static_ip_pools", "198.51.100.1", "static_ip_pools", "is not in 192.0.2.0/24"),
        ("static_ip_pools", "192.0.2.1-192.0.2.9;192.0.2.5", "static_ip_pools", "overlaps"),
    ],
)
def test_bad_subnets(bring, column, cell, field, reason):
    cells = {"network": "192.0.2.0/24", "name": "x"} | {column: cell}

    found = bring(
        "subnets", "|".join(cells) + "\n" + "|".join(cells.values()) + "\n", "--delimiter", "|"
    )

    assert [(line, told) for line, told, _reason in reasons(found)] == [(2, field)]
    assert reason in reasons(found)[0][2]
    assert not Subnet.objects.exists()


def test_one_bad_subnet_keeps_all_out_unless_skipped(bring):
    text = "network\n192.0.2.0/25\n192.0.2.128/25\n192.0.2.129/25\n192.0.2.0/25\n"

    assert bring("subnets", text)["status"] == 1
    assert not Subnet.objects.exists()
    assert states(bring("subnets", text, "--dry-run")) == ["new", "new", "bad", "bad"]
    assert not Subnet.objects.exists()
    assert bring("subnets", text, "--skip-bad")["status"] == 0
    assert Subnet.objects.count() == 2


def test_skipping_every_row_is_a_failure(bring, capsys, tmp_path):
    found = bring("subnets", "network\nx\n192.0.2.1/24\n", "--skip-bad")
    assert (found["status"], found["written"], found["counts"]["bad"]) == (1, False, 2)

    (tmp_path / "file.csv").write_text("network\nx\n")
    with pytest.raises(SystemExit):
        call_command("import_csv", "subnets", str(tmp_path / "file.csv"), "--skip-bad")
    assert capsys.readouterr().out.endswith("Nothing was written: every row is bad.\n")


def test_the_order_of_subnets_does_not_matter(bring):
    SubnetFactory(network="192.0.2.0/24", dhcp_pools=["192.0.2.100-192.0.2.199"])

    found = bring(
        "subnets",
        "network,dhcp_pools\n192.0.2.128/25,192.0.2.150-192.0.2.160\n"
        "192.0.2.0/24,192.0.2.100-192.0.2.120\n",
    )

    assert states(found) == ["new", "changed"]


def test_a_gateway_inside_a_pool_is_a_warning(bring):
    found = bring(
        "subnets", "network,gateway,static_ip_pools\n192.0.2.0/24,192.0.2.1,192.0.2.1-192.0.2.9\n"
    )

    assert reasons(found)[0][:2] == (2, "gateway")
    assert found["written"]


# --- interfaces ---


def test_interfaces_are_made_and_changed_by_their_servers_name_and_their_own(bring):
    ServerFactory(hostname="Web")
    text = f"Rechnername;Schnittstelle;IP;MAC\nweb;bmc;192.0.2.5;{A}\nweb;eth1;;{B}\n"

    assert states(bring("interfaces", text)) == ["new", "new"]
    assert states(bring("interfaces", text.replace("192.0.2.5", "192.0.2.6"))) == [
        "changed",
        "unchanged",
    ]

    assert IPAddress.objects.get().hostname == "Web"
    assert str(IPAddress.objects.get()) == "192.0.2.6"
    assert {nic.name: nic.mac_address for nic in Server.objects.get().interfaces.all()} == {
        "bmc": A,
        "eth1": B,
    }


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ("nobody;bmc;;", "server", "There is no server “nobody”"),
        (";bmc;;", "server", "needs its server"),
        ("web;;;", "name", "needs its server"),
        ("web;bmc;192.0.2.1;", "ip_address", "192.0.2.1 belongs to server “db”"),
        ("web;bmc;x;", "ip_address", "not an IP address"),
        ("web;eth0;;", "name", "Line 2 speaks of this interface already."),
    ],
)
def test_bad_interfaces(bring, cells, field, reason):
    ServerFactory(hostname="web")
    ServerFactory(hostname="db", ip_address="192.0.2.1")

    found = bring("interfaces", f"server;name;ip;mac\nweb;eth0;;\n{cells}\n")

    assert [(line, told) for line, told, _reason in reasons(found)] == [(3, field)]
    assert reason in reasons(found)[0][2]
    assert not Server.objects.get(hostname="web").interfaces.exists()


# --- any file ---

world = st.fixed_dictionaries(
    {
        "servers": st.lists(
            st.tuples(
                st.integers(0, 4), st.none() | st.integers(0, 6), st.none() | st.integers(0, 4)
            ),
            max_size=4,
            unique_by=(lambda s: s[0], lambda s: s[1] or object(), lambda s: s[2] or object()),
        ),
        "nic": st.none() | st.integers(0, 6),
        "reserved": st.none() | st.integers(1, 6),
        "vm": st.none() | st.integers(1, 6),
    }
)
row = st.tuples(
    st.sampled_from(["", *"ABCDEF", "a"]),
    st.sampled_from(["", "'", *(f"192.0.2.{n}" for n in range(8)), "203.0.113.1"]),
    st.sampled_from(["", *(f"02:00:00:00:00:0{n}" for n in range(6))]),
    st.sampled_from(["", "EG"]),
)
PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"
ANY: dict[str, Any] = {
    "max_examples": 1000 if PROOF else 12,
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


def make(facts):
    """192.0.2.0/29 with a static pool, and as much of the drawn world as the rules allow."""
    subnet = SubnetFactory(network="192.0.2.0/29", gateway="192.0.2.6")
    PoolFactory(subnet=subnet, first="192.0.2.1", last="192.0.2.4")
    PoolFactory(subnet=subnet, first="192.0.2.5", last="192.0.2.5", kind="dhcp")
    steps = [
        lambda name=name, ip=ip, mac=mac: ServerFactory(
            hostname="ABCDE"[name],
            ip_address=None if ip is None else f"192.0.2.{ip}",
            mac_address=None if mac is None else f"02:00:00:00:00:0{mac}",
        )
        for name, ip, mac in facts["servers"]
    ]
    if facts["nic"] is not None:
        steps.append(
            lambda: InterfaceFactory(server__hostname="F", ip_address=f"192.0.2.{facts['nic']}")
        )
    if facts["reserved"]:
        steps.append(lambda: reserve(find(f"192.0.2.{facts['reserved']}"), "x"))
    if facts["vm"]:
        steps.append(lambda: allocate(subnet, wanted=f"192.0.2.{facts['vm']}", vm_id="vm"))
    for step in steps:
        try:
            with transaction.atomic():
                step()
        except (ValidationError, IPManagerError):
            pass  # the world is drawn blindly; what the rules refuse is left out


def take(rows, mode, progress=lambda what, done, total: None):
    text = "hostname;ip;mac;location\n" + "".join(";".join(cells) + "\n" for cells in rows)
    with open_sheet(io.BytesIO(text.encode()), SERVERS) as sheet:
        return import_servers(sheet, mode, None, progress)


def everything():
    return list(
        Server.objects.order_by("pk").values_list(
            "pk", "hostname", "ip_address", "mac_address", "location"
        )
    )


@settings(**ANY)
@given(facts=world, rows=st.lists(row, min_size=1, max_size=5))
def test_any_file_is_judged_the_same_dry_or_real_and_leaves_a_valid_ledger(facts, rows):
    with transaction.atomic():
        make(facts)
        before = everything()
        dry = take(rows, "dry-run")
        assert everything() == before
        real = take(rows, "skip-bad")
        assert real.verdicts == dry.verdicts
        for server in Server.objects.all():
            server.full_clean()
        healthy = populate()
        assert not (
            healthy.refused
            or healthy.static_updated
            or healthy.dhcp_created
            or healthy.freed
            or healthy.deleted
        )
        again = {verdict.line: verdict.state for verdict in take(rows, "dry-run").verdicts}
        assert all(
            again[verdict.line] == "unchanged"
            for verdict in real.verdicts
            if verdict.state != "bad"
        )
        transaction.set_rollback(True)


@settings(**ANY)
@given(facts=world, cells=row)
def test_one_row_is_bad_exactly_when_saving_by_hand_would_be_refused(facts, cells):
    with transaction.atomic():
        make(facts)
        verdict = take([cells], "dry-run").verdicts
        if verdict:
            assert (verdict[0].state == "bad") == (not saves_by_hand(*cells))
        transaction.set_rollback(True)


def saves_by_hand(hostname, ip, mac, location):
    server = (mac and Server.objects.filter(mac_address=mac).first()) or (
        hostname and Server.objects.filter(hostname__iexact=hostname).first()
    )
    if not server or (mac and server.mac_address not in (mac, None)):
        server = Server()
    given = {"hostname": hostname, "ip_address": ip, "mac_address": mac, "location": location}
    for name, value in given.items():
        if value:
            setattr(server, name, None if value == "'" else value)
    try:
        with transaction.atomic():
            server.save()
    except ValidationError:
        return False
    return True


# --- cost ---


def test_a_long_chain_of_rows_behind_a_bad_one_is_judged_quickly():
    Server.objects.bulk_create(
        Server(
            hostname=f"s{n}",
            ip_address=f"10.0.{n // 250}.{n % 250}",
            mac_address=f"02:00:00:00:{n // 250:02x}:{n % 250:02x}",
        )
        for n in range(800)
    )
    rows = [
        ("", f"10.0.{n // 250}.{n % 250}", f"02000000{(n - 1) // 250:02x}{(n - 1) % 250:02x}", "")
        for n in range(1, 800)
    ]
    start = time.process_time()

    verdicts = take([*rows, ("", "10.0.3.250/8", "020000000331", "")], "dry-run").verdicts

    assert {verdict.state for verdict in verdicts} == {"bad"}
    assert time.process_time() - start < 2


def test_the_number_of_queries_does_not_grow_with_the_rows():
    SubnetFactory(network="10.0.0.0/16", static_ip_pools=["10.0.0.1-10.0.1.255"])

    def queries(first, count):
        rows = [
            (f"s{n}", f"10.0.{n // 256}.{n % 256}", f"02000000{n:04x}", "")
            for n in range(first, first + count)
        ]
        with CaptureQueriesContext(connection) as captured:
            take(rows, "all")
        return len(captured)

    # SQLite takes sixty rows in one INSERT.
    assert queries(1, 20) <= queries(100, 20) + 2
    assert queries(200, 80) <= queries(300, 20) + 8
