"""Every name of the ledger leads to its address and back, at a real dnsmasq, without a lease."""

import pytest

from dhcp.files import snapshot
from dhcp.files.sync import sync
from dhcp.generations import rollback
from dhcp.models import DhcpChange, HandEdit
from ipam.allocate import allocate, release
from ipam.models import Server
from names.models import NamesOff, Record, Zone
from tests.ipam.factories import (
    InterfaceFactory,
    IPAddressFactory,
    PoolFactory,
    ServerFactory,
    SubnetFactory,
    VRFFactory,
)
from tests.support import dns
from tests.support.by_hand import by_hand
from tests.support.dns import NXDOMAIN

pytestmark = pytest.mark.django_db


def synced():
    outcome = sync()
    assert outcome.good, outcome.reason
    return outcome


def test_a_server_resolves_both_ways_until_it_is_deleted(ask):
    assert ask("web.corp.example") == [NXDOMAIN]
    server = ServerFactory(hostname="WEB", ip_address="10.1.0.5", mac_address=None)
    assert synced().confirmed
    assert (ask("web.corp.example"), ask.ptr("10.1.0.5")) == (["10.1.0.5"], ["web.corp.example"])
    server.hostname, server.ip_address = "www", "10.1.0.6"
    server.save()
    synced()
    assert (ask("www.corp.example"), ask.ptr("10.1.0.6")) == (["10.1.0.6"], ["www.corp.example"])
    assert (ask("web.corp.example"), ask.ptr("10.1.0.5")) == ([NXDOMAIN], [NXDOMAIN])
    server.delete()
    synced()
    assert (ask("www.corp.example"), ask.ptr("10.1.0.6")) == ([NXDOMAIN], [NXDOMAIN])


def test_interfaces_gateways_and_reserved_addresses_have_names(ask, subnet):
    server = ServerFactory(hostname="db", ip_address="10.1.0.7")
    InterfaceFactory(server=server, name="bmc.0", ip_address="10.1.0.8")
    IPAddressFactory(ip_address="10.1.0.9", status="reserved", hostname="printer")
    subnet.gateway = "10.1.0.1"
    subnet.save()
    synced()
    assert ask("db-bmc-0.corp.example") == ["10.1.0.8"]
    assert ask.ptr("10.1.0.9") == ["printer.corp.example"]
    assert ask("gw-10-1-0-1.corp.example") == ["10.1.0.1"]
    assert ask.ptr("10.1.0.1") == ["gw-10-1-0-1.corp.example"]


def test_the_name_of_a_virtual_machine_comes_with_its_claim_and_goes_with_its_release(ask, subnet):
    PoolFactory(subnet=subnet, first="10.1.0.20", last="10.1.0.29")
    row = allocate(subnet, vm_id="vm-1", hostname="vm-1").row
    assert [change.label for change in synced().changes][-1].endswith("vm-1")
    assert ask("vm-1.corp.example") == [str(row.ip_address)]
    release(row)
    synced()
    assert ask("vm-1.corp.example") == [NXDOMAIN]


def test_ipv6_addresses_resolve_both_ways(ask):
    SubnetFactory(network="fd00:1::/64", gateway="fd00:1::1", domain="corp.example")
    ServerFactory(hostname="six", ip_address="fd00:1::5")
    synced()
    assert ask("six.corp.example", "AAAA") == ["fd00:1::5"]
    assert ask.ptr("fd00:1::5") == ["six.corp.example"]
    assert ask("gw-fd00-1--1.corp.example", "AAAA") == ["fd00:1::1"]


def test_a_name_with_a_domain_stands_as_it_is_and_one_outside_our_zones_is_not_served(ask):
    ServerFactory(hostname="a.lab.corp.example", ip_address="10.1.0.5")
    ServerFactory(hostname="b.other.example", ip_address="10.1.0.6")
    synced()
    assert ask("a.lab.corp.example") == ["10.1.0.5"]
    assert (ask("b.other.example"), ask.ptr("10.1.0.6")) == ([], [NXDOMAIN])


def test_no_name_answers_without_its_domain(ask):
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    synced()
    assert ask("web") == []  # REFUSED


def test_the_reverse_name_is_the_servers_then_the_interfaces_then_the_gateways(ask, subnet):
    subnet.gateway = "10.1.0.1"
    subnet.save()
    router = ServerFactory(hostname="router", ip_address="10.1.0.5")
    InterfaceFactory(server=router, name="lan", ip_address="10.1.0.1")
    synced()
    assert ask.ptr("10.1.0.1") == ["router-lan.corp.example"]
    assert ask("gw-10-1-0-1.corp.example") == ["10.1.0.1"]


def test_of_two_owners_of_a_name_the_older_keeps_it_and_the_other_is_told_who_has_it(ask):
    ServerFactory(hostname="web", ip_address="10.1.0.5", mac_address=None)
    other = ServerFactory(hostname="web.corp.example", ip_address="10.1.0.6")
    (problem,) = synced().problems
    assert problem.record.key == f"server {other.pk}"
    assert problem.reason == "web.corp.example belongs to server web (10.1.0.5)"
    assert (ask("web.corp.example"), ask.ptr("10.1.0.6")) == (["10.1.0.5"], [NXDOMAIN])


UNFIT = ["a..b.corp.example", "*", "kelvin\u212a", "-x", "x" * 64, "a b", "_x"]


@pytest.mark.parametrize("hostname", UNFIT)
def test_a_name_that_dns_cannot_serve_is_left_out_and_told(ask, hostname):
    IPAddressFactory(ip_address="10.1.0.9", status="reserved", hostname=hostname)
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    (problem,) = synced().problems
    assert "is not a name that DNS can serve" in problem.reason and problem.field == "name"
    assert (ask("web.corp.example"), ask.ptr("10.1.0.9")) == (["10.1.0.5"], [NXDOMAIN])


def test_without_a_zone_nothing_changes(settings, tmp_path, db):
    settings.DNSMASQ_DIR, settings.DNSMASQ_DNS = tmp_path / "dnsmasq", None
    subnet = SubnetFactory(network="10.1.0.0/24", domain="corp.example", gateway="10.1.0.1")
    PoolFactory(subnet=subnet, first="10.1.0.20", last="10.1.0.29")
    synced()
    allocate(subnet, vm_id="vm-1", hostname="vm-1")
    assert synced().changes == ()
    assert not (settings.DNSMASQ_DIR / "names").exists()
    assert "domain" not in (settings.DNSMASQ_DIR / "conf").read_text()


def test_a_disabled_zone_and_a_subnet_without_names_take_the_names_away(ask, subnet, zone):
    for number in range(5, 25):
        ServerFactory(hostname=f"web-{number}", ip_address=f"10.1.0.{number}")
    synced()
    off = NamesOff.objects.create(subnet=subnet)
    synced()
    assert (ask("web-5.corp.example"), ask.ptr("10.1.0.5")) == ([NXDOMAIN], [NXDOMAIN])
    off.delete()
    synced()
    assert ask("web-5.corp.example") == ["10.1.0.5"]
    subnet.domain = ""
    subnet.save()
    synced()
    assert ask("web-5.corp.example") == [NXDOMAIN]
    subnet.domain = "corp.example"
    subnet.save()
    synced()
    zone.enabled = False
    zone.save()
    synced()
    assert ask("web-5.corp.example") == [NXDOMAIN]


def test_names_do_not_vanish_all_at_once(ask):
    for number in range(5, 25):
        ServerFactory(hostname=f"web-{number}", ip_address=f"10.1.0.{number}", mac_address=None)
    synced()
    Server.objects.all().delete()
    outcome = sync()
    assert outcome.reason.startswith("20 of 20 names would vanish at once")
    assert ask("web-5.corp.example") == ["10.1.0.5"]
    assert sync(force=True).good


def test_an_address_record_adds_an_address_and_a_machine_keeps_its_name(ask, zone):
    Record.objects.create(zone=zone, name="api", type="A", value="192.0.2.1")
    Record.objects.create(zone=zone, name="api", type="A", value="192.0.2.2")
    Record.objects.create(zone=zone, name="api", type="AAAA", value="2001:DB8::1")
    synced()
    assert ask.both("api.corp.example") == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]


def test_zones_do_not_reach_into_each_other(ask, zone):
    Zone.objects.create(name="p.example")
    ServerFactory(hostname="web.xp.example", ip_address="10.1.0.5")
    synced()
    assert ask.ptr("10.1.0.5") == [NXDOMAIN]


def test_a_resolver_in_front_is_connected_with_two_lines(ask, tmp_path):
    """As docs/names.md says, with another dnsmasq as the resolver."""
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    synced()
    place = f"127.0.0.1#{ask.port}"
    lines = [f"server=/corp.example/{place}", f"rev-server=10.1.0.0/16,{place}", ""]
    (tmp_path / "resolver").mkdir()
    with dns.name_server(tmp_path / "resolver", conf="\n".join(lines).encode()) as resolve:
        assert resolve("web.corp.example") == ["10.1.0.5"]
        assert resolve("5.0.1.10.in-addr.arpa", "PTR") == ["web.corp.example"]
        assert resolve("db.corp.example") == [NXDOMAIN]
        ServerFactory(hostname="db", ip_address="10.1.0.6")
        synced()
        assert resolve("db.corp.example") == ["10.1.0.6"]


@pytest.mark.django_db(transaction=True)
def test_a_commit_is_live_when_the_request_ends(ask):
    server = ServerFactory(hostname="web", ip_address="10.1.0.5")
    assert ask("web.corp.example") == ["10.1.0.5"]
    IPAddressFactory(ip_address="10.1.0.9", status="reserved", hostname="printer")
    assert ask.ptr("10.1.0.9") == ["printer.corp.example"]
    server.delete()
    assert ask("web.corp.example") == [NXDOMAIN]


def test_raw_sql_that_names_an_address_leaves_a_change_row(ask, db):
    IPAddressFactory(ip_address="10.1.0.9", status="reserved")
    synced()
    by_hand("UPDATE ip_addresses SET hostname = 'printer' WHERE status = 'reserved'")
    assert [(row.kind, row.action) for row in DhcpChange.objects.all()] == [("ipaddress", "change")]
    synced()
    assert ask("printer.corp.example") == ["10.1.0.9"]


def test_a_hand_edit_of_the_names_is_kept_and_not_served(ask, settings):
    ServerFactory(hostname="web", ip_address="10.1.0.5")
    synced()
    path = settings.DNSMASQ_DIR / "names"
    path.write_text(path.read_text() + "10.1.0.66 bank.corp.example\n")
    synced()
    (edit,) = HandEdit.objects.undecided()
    assert (edit.file, edit.action, edit.raw) == ("names", "kept", "10.1.0.66 bank.corp.example")
    assert ask("bank.corp.example") == [NXDOMAIN] and "bank" not in path.read_text()


def test_a_rollback_brings_the_names_of_its_generation_back(ask):
    server = ServerFactory(hostname="web", ip_address="10.1.0.5")
    first = synced().generation
    server.hostname = "www"
    server.save()
    synced()
    assert rollback.rollback(first).good
    assert (ask("web.corp.example"), ask("www.corp.example")) == (["10.1.0.5"], [NXDOMAIN])
    assert rollback.release().good
    assert ask("www.corp.example") == ["10.1.0.5"]


def test_the_number_of_queries_does_not_grow(subnet, zone, django_assert_num_queries):
    for number in range(5, 25):
        server = ServerFactory(hostname=f"web-{number}", ip_address=f"10.1.0.{number}")
        InterfaceFactory(server=server, name="bmc", ip_address=f"10.1.0.{number + 100}")
        IPAddressFactory(
            ip_address=f"10.1.0.{number + 50}", status="reserved", hostname=f"{number}"
        )
        SubnetFactory(network=f"10.2.{number}.0/24", gateway=f"10.2.{number}.1")
        Record.objects.create(zone=zone, name=f"r{number}", type="A", value="192.0.2.1")
    with django_assert_num_queries(12):  # six without a zone
        names = snapshot.take().names
    assert len(names.lines) == 80


def test_a_disabled_server_keeps_its_name_with_its_address(ask):
    ServerFactory(hostname="web", ip_address="10.1.0.5", enabled=False)
    synced()
    assert ask("web.corp.example") == ["10.1.0.5"]


def test_an_address_in_a_vrf_has_no_name(ask):
    vrf = VRFFactory()
    SubnetFactory(vrf=vrf, network="10.1.0.0/24", domain="corp.example")
    ServerFactory(vrf=vrf, hostname="web", ip_address="10.1.0.5")
    synced()
    assert (ask("web.corp.example"), ask.ptr("10.1.0.5")) == ([NXDOMAIN], [NXDOMAIN])


def test_an_ipv4_and_an_ipv6_allocation_share_a_name_and_two_of_one_version_do_not(ask):
    SubnetFactory(network="fd00:1::/64", domain="corp.example")
    for number, ip in enumerate(("10.1.0.5", "fd00:1::5", "10.1.0.6")):
        IPAddressFactory(ip_address=ip, status="allocated", hostname="vm", vm_id=f"vm-{number}")
    (problem,) = synced().problems
    assert str(problem.record.ip) == "10.1.0.6"
    assert ask.both("vm.corp.example") == ["10.1.0.5", "fd00:1::5"]
