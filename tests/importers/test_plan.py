"""What becomes of records: one plan for every kind of source."""

from dataclasses import asdict

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from changes.undo.verb import undo
from core.history import origin
from dhcp.models import DhcpOption, DhcpScope
from importers.plan import import_records
from importers.records import Card, Held, Machine, Name, Net, Range, Records, Vrf, ZoneName
from ipam.addresses import parse_address, parse_network
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Sighting, Subnet
from names.models import Record, Zone
from tests.importers.conftest import told
from tests.importers.test_dnsmasq import CONF
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db
LAN = "dhcp-range=10.1.0.100,10.1.0.150,255.255.255.0\n"
PRINTER = "dhcp-host=02:00:00:00:00:0a,10.1.0.10,printer\n"


def state():
    tables = (Subnet, Pool, DhcpScope, DhcpOption, Server, Interface, IPAddress, Zone, Record)
    return [list(table.objects.order_by("pk").values()) for table in (*tables, VRF, Sighting)]


def apply(*records, **options):
    return import_records(Records.of(records), apply=True, **options)


def ip(text):
    return parse_address(text)


def test_a_preview_says_what_the_import_does_and_writes_nothing(take):
    before = state()
    tried = take("dnsmasq", CONF, apply=False)
    assert (state(), tried.written) == (before, False)
    done = take("dnsmasq", CONF)
    assert done.verdicts == tried.verdicts
    assert done.totals["new"] > 10


def test_a_second_import_has_nothing_to_do(take):
    take("dnsmasq", CONF)
    before = state()
    again = take("dnsmasq", CONF)
    assert (again.totals["new"], again.totals["differs"]) == (0, 0)
    assert state() == before


def test_a_second_import_asks_the_same_number_of_questions_for_more_records(take):
    def questions(hosts):
        lines = [f"dhcp-host=02:00:00:00:01:{n:02x},10.1.0.{n},host-{n}" for n in range(2, hosts)]
        lines += [f"host-record=name-{n}.corp.example,10.8.0.{n}" for n in range(2, hosts)]
        text = LAN + "\n".join(lines)
        take("dnsmasq", text)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            take("dnsmasq", text)
        return len(captured)

    assert questions(20) == questions(90)


def test_the_ledger_keeps_what_it_says_otherwise(take):
    ServerFactory(hostname="printer", mac_address="02:00:00:00:00:0f", ip_address="10.1.0.10")
    outcome = take("dnsmasq", LAN + PRINTER)
    ((kind, key, reason),) = told(outcome, "differs")
    assert (kind, key) == ("server", "printer")
    assert "02:00:00:00:00:0f" in reason
    assert Server.objects.get().mac_address == "02:00:00:00:00:0f"


def test_a_field_that_the_rules_refuse_is_left_off_with_its_reason(take):
    ServerFactory(hostname="other", mac_address="02:00:00:00:00:0a")
    outcome = take("dnsmasq", LAN + PRINTER)
    server = Server.objects.get(hostname="printer")
    assert (server.mac_address, str(server.ip_address)) == (None, "10.1.0.10")
    assert "other" in told(outcome, "new")[-1][2]


def test_a_record_that_the_rules_refuse_stops_no_other(take):
    SubnetFactory(network="10.1.0.0/24", dhcp_pools=["10.1.0.100-10.1.0.120"])
    outcome = take("dnsmasq", LAN + PRINTER)
    assert [(kind, key) for kind, key, _reason in told(outcome, "refused")] == [
        ("pool", "10.1.0.100-10.1.0.150")
    ]
    assert Server.objects.filter(hostname="printer").exists()


def test_a_damaged_source_writes_nothing(take):
    before = state()
    with pytest.raises(Exception, match="file:3"):
        take("dnsmasq", LAN + PRINTER + "dhcp-host=!")
    assert state() == before


def test_an_import_can_be_undone(take):
    before = state()
    with origin.acting("import", "test"):
        change = origin.current().change
        take("dnsmasq", LAN + PRINTER + "dhcp-option=26,1400\n")
    undo(change)
    assert state() == before


def test_an_address_keeps_its_note_when_a_machine_takes_it():
    apply(
        Net("a:1", parse_network("10.1.0.0/24")),
        Held("a:2", ip("10.1.0.5"), note="by the door"),
        Machine("a:3", "door", ip=ip("10.1.0.5")),
    )
    row = IPAddress.objects.get()
    assert (row.server.hostname, row.description) == ("door", "by the door")


def test_addresses_have_status_name_mac_and_note():
    apply(
        Net("a:1", parse_network("10.1.0.0/24"), gateway=ip("10.1.0.1")),
        Held("a:2", ip("10.1.0.5"), status="allocated", hostname="x", mac="02:00:00:00:00:0a"),
        Held("a:3", ip("10.1.0.6"), status="quarantine", note="odd"),
        Held("a:4", ip("10.1.0.7"), status="allocated", hostname="y", note="with a note"),
    )
    rows = IPAddress.objects.order_by("ip_address").values_list(
        "status", "hostname", "mac_address", "description"
    )
    assert list(rows) == [
        ("allocated", "x", "02:00:00:00:00:0a", ""),
        ("quarantine", "", None, "odd"),
        ("allocated", "y", None, "with a note"),
    ]


def test_what_no_address_may_be_is_refused_with_its_reason():
    outcome = apply(
        Net("a:1", parse_network("10.1.0.0/24"), gateway=ip("10.1.0.1")),
        Range("a:2", ip("10.1.0.100"), ip("10.1.0.150"), "dhcp"),
        Held("a:3", ip("10.1.0.0")),
        Held("a:4", ip("10.1.0.1")),
        Held("a:5", ip("10.1.0.120")),
        Held("a:6", ip("10.1.0.9"), vrf="gone"),
    )
    reasons = {key: reason for _kind, key, reason in told(outcome, "refused")}
    assert "network or broadcast" in reasons["10.1.0.0"]
    assert "gateway" in reasons["10.1.0.1"]
    assert "DHCP pool" in reasons["10.1.0.120"]
    assert "gone" in reasons["10.1.0.9"]


def test_address_spaces_keep_their_records_apart():
    apply(
        Vrf("a:1", "red", rd="65000:1"),
        Net("a:2", parse_network("10.1.0.0/24")),
        Net("a:3", parse_network("10.1.0.0/24"), vrf="red"),
        Machine("a:4", "one", vrf="red", ip=ip("10.1.0.5")),
        Machine("a:5", "one", ip=ip("10.1.0.5")),
    )
    assert set(Server.objects.values_list("hostname", "vrf__name")) == {
        ("one", None),
        ("one", "red"),
    }
    assert IPAddress.objects.exclude(subnet=None).count() == 2


def test_all_of_it_may_go_into_a_vrf(take):
    VRF.objects.create(name="lab")
    take("hosts", "10.1.0.5 a\n", vrf="lab")
    assert IPAddress.objects.get().vrf.name == "lab"


def test_a_machine_that_cannot_be_a_server_leaves_its_addresses():
    outcome = apply(
        Machine("a:1", "vm", ip=ip("10.1.0.5")),
        Machine("a:2", "vm2", ip=ip("10.1.0.6")),
        Machine("a:3", "???", ip=ip("10.1.0.7"), mac="02:00:00:00:00:0a"),
    )
    assert [key for _kind, key, _reason in told(outcome, "refused")] == [""]
    row = IPAddress.objects.get(ip_address="10.1.0.7")
    assert (row.status, row.mac_address) == ("allocated", "02:00:00:00:00:0a")


def test_a_name_that_no_host_may_have_is_made_to_fit():
    outcome = apply(Machine("a:1", "Büro Drucker#1"))
    assert Server.objects.get().hostname == "Buero-Drucker-1"
    assert "Büro Drucker#1" in told(outcome, "new")[0][2]


def test_interfaces_that_others_have_are_kept_without():
    ServerFactory(hostname="holder", ip_address="10.1.0.9", mac_address="02:00:00:00:00:09")
    cards = (
        Card("a:2", "eth1", "02:00:00:00:00:09", ip("10.1.0.9")),
        Card("a:3", "eth2", "02:00:00:00:00:0b", ip("10.1.0.8")),
    )
    outcome = apply(Machine("a:1", "box", cards=cards))
    rows = Interface.objects.order_by("name").values_list("name", "mac_address", "ip_address")
    assert list(rows) == [("eth1", None, None), ("eth2", "02:00:00:00:00:0b", ip("10.1.0.8"))]
    assert "holder" in told(outcome, "new")[1][2]
    assert IPAddress.objects.get(ip_address="10.1.0.8").server.hostname == "box"


def test_a_text_that_is_too_long_is_cut_and_told():
    outcome = apply(Net("a:1", parse_network("10.1.0.0/24"), description="x" * 300))
    assert len(Subnet.objects.get().description) == 255
    assert "x" * 300 in told(outcome, "new")[0][2]


def test_zones_and_records():
    records = [
        ZoneName("a:1", "corp.example"),
        Name("a:2", "www.corp.example", "CNAME", "web.corp.example"),
        Name("a:3", "www.elsewhere.example", "A", "10.1.0.5"),
    ]
    outcome = apply(*records)
    assert str(Record.objects.get()) == "www.corp.example CNAME web.corp.example"
    assert [key.split()[0] for _kind, key, _reason in told(outcome, "refused")] == [
        "www.elsewhere.example"
    ]
    assert apply(*records).totals["new"] == 0


def test_leases_are_sightings_and_end_no_lease_of_a_server(take):
    Sighting.objects.create(ip_address="10.1.0.9", source="lease", leased_until="2050-01-01T00:00Z")
    text = "2500000000 02:00:00:00:00:0a 10.1.0.100 box *\n"
    assert take("dnsmasq-leases", text).totals["new"] == 1
    assert take("dnsmasq-leases", text).totals["same"] == 1
    leases = Sighting.objects.order_by("ip_address").values_list("ip_address", "origin")
    assert list(leases) == [(ip("10.1.0.9"), ""), (ip("10.1.0.100"), "import")]
    assert Sighting.objects.get(origin="").leased_until.year == 2050


def test_a_verdict_has_its_place(take):
    outcome = take("dnsmasq", LAN + PRINTER)
    assert {"at": "file:2", "kind": "server", "key": "printer", "state": "new", "reasons": ()} in (
        list(map(asdict, outcome.verdicts))
    )


def test_the_command_prints_what_it_does(tmp_path, capsys):
    file = tmp_path / "dnsmasq.conf"
    file.write_text(LAN + PRINTER)
    call_command("import_from", "dnsmasq", str(file), "--dry-run")
    assert "this was a dry run" in capsys.readouterr().out
    call_command("import_from", "dnsmasq", str(file))
    assert "What is new was written." in capsys.readouterr().out
    call_command("import_from", "dnsmasq", str(file), "--json")
    assert '"new": 0' in capsys.readouterr().out


def test_names_are_judged_against_what_was_read_once(db):
    Zone.objects.create(name="corp.example")

    def questions(first, last):
        names = [Name("f:1", f"n{n}.corp.example", "A", f"192.0.2.{n}") for n in range(first, last)]
        with CaptureQueriesContext(connection) as queries:
            assert apply(*names).totals["new"] == last - first
        return len(queries)

    assert questions(1, 3) == questions(10, 60)


def test_a_name_in_another_spelling_is_there_already(take, db):
    Zone.objects.create(name="corp.example")
    text = "cname=www.corp.example,Web.Corp.Example\n"
    assert take("dnsmasq", text).totals["new"] == 1
    assert take("dnsmasq", text).totals["same"] == 1
