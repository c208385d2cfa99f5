"""Nothing that anybody may save keeps dnsmasq from its files, or takes a machine's name."""

import time

import pytest

from dhcp.files import candidate
from dhcp.files.targets import Target
from ipam.allocate import allocate
from ipam.models import Subnet
from names import ledger
from names.models import Record, Zone
from names.zones import file as zone_file
from names.zones.served import of_zone
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


def names():
    return {(str(line.ip), line.fqdn) for line in ledger.take(list(Subnet.objects.all())).lines}


def configuration():
    return candidate.build(Target.of(None)).new.conf.decode()


@pytest.mark.parametrize("value", ['0 issue ";"', "0 issue ca.example;policy=ev", "0 issue a'b"])
def test_a_value_that_dnsmasqs_configuration_cannot_hold_is_left_out(
    zone, settings, tmp_path, value
):
    settings.DNSMASQ_DIR = tmp_path
    Record.objects.create(zone=zone, name="@", type="CAA", value=value)
    Record.objects.create(zone=zone, name="b", type="CAA", value="0 issue ca.example")
    conf = configuration()
    assert conf.count("caa-record=") == 1 and "caa-record=b.corp.example,0,issue" in conf


def test_a_virtual_machine_takes_no_name_of_a_server_though_its_row_is_older(zone):
    place = {"network": "10.1.0.0/24", "domain": "corp.example"}
    subnet = SubnetFactory(**place, static_ip_pools=["10.1.0.10-10.1.0.12"])
    ServerFactory(hostname="web", ip_address="10.1.0.50")
    allocate(subnet, vm_id="vm-1", hostname="web")
    assert {ip for ip, name in names() if name == "web.corp.example"} == {"10.1.0.50"}


def by_hand(*rows):
    """Records as raw SQL could write them: nobody has checked them."""
    return Record.objects.bulk_create(
        Record(zone=zone, name=name, type=kind, value=value) for zone, name, kind, value in rows
    )


def test_a_cname_that_leads_back_or_stands_beside_others_is_not_served_and_told(
    zone, subnet, settings, tmp_path
):
    settings.DNSMASQ_DIR = tmp_path
    inner = Zone.objects.create(name="a.corp.example")
    ServerFactory(hostname="web", ip_address="10.1.0.50")
    by_hand(
        (zone, "l1", "CNAME", "l2.corp.example"),
        (zone, "l2", "CNAME", "l1.corp.example"),
        (zone, "me", "CNAME", "me.corp.example"),
        (zone, "x.a", "CNAME", "good.corp.example"),
        (inner, "x", "CNAME", "good.corp.example"),
        (zone, "web", "CNAME", "good.corp.example"),
        (zone, "two", "CNAME", "good.corp.example"),
        (zone, "two", "TXT", "beside"),
        (zone, "fine", "CNAME", "good.corp.example"),
    )
    found = [line for line in configuration().splitlines() if line.startswith("cname=")]
    assert sorted(line.split(",")[0] for line in found) == [
        "cname=fine.corp.example",
        "cname=x.a.corp.example",
    ]
    problems = candidate.build(Target.of(None)).problems
    reasons = {problem.record.name: problem.reason for problem in problems}
    assert reasons == {
        "l1.corp.example": "it leads back to itself: l1.corp.example -> l2.corp.example"
        " -> l1.corp.example",
        "l2.corp.example": "it leads back to itself: l2.corp.example -> l1.corp.example"
        " -> l2.corp.example",
        "me.corp.example": "it leads back to itself: me.corp.example -> me.corp.example",
        "x.a.corp.example": "x.a.corp.example has another record: CNAME good.corp.example",
        "web.corp.example": "web.corp.example belongs to server web (10.1.0.50)",
        "two.corp.example": "two.corp.example has another record: TXT beside",
    }
    served = {(one.name, one.type) for one in of_zone(zone, "ns1.corp.example", 1)}
    assert served >= {("two.corp.example", "TXT"), ("web.corp.example", "A")}
    aliases = {name for name, kind in served if kind == "CNAME"}
    assert aliases == {"fine.corp.example"}


def test_records_that_no_rule_has_seen_do_not_stop_the_others(zone, settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    by_hand(
        (zone, "a", "A", "10.0.0.999"),
        (zone, "b", "MX", "mail.corp.example"),
        (zone, "C", "CNAME", "good.corp.example"),
        (zone, "d", "A", "10.0.0.5"),
    )
    problems = candidate.build(Target.of(None)).problems
    assert {problem.record.name for problem in problems} == {
        f"{label}.corp.example" for label in "abC"
    }
    assert names() == {("10.0.0.5", "d.corp.example")}


def test_a_long_number_in_a_zone_file_is_read_at_once():
    began = time.process_time()
    zone_file.read("a " + "1" * 60 + "x A 10.0.0.1\n", "corp.example")
    assert time.process_time() - began < 1  # it took years
