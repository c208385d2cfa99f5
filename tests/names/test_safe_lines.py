"""Nothing that anybody may save keeps dnsmasq from its files, or takes a machine's name."""

import time

import pytest

from dhcp.files import candidate
from dhcp.files.targets import Target
from ipam.allocate import allocate
from ipam.models import Subnet
from names import ledger, zone_file
from names.models import Record, Zone
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


def test_a_cname_that_leads_back_or_stands_beside_a_machine_is_not_served(
    zone, subnet, settings, tmp_path
):
    settings.DNSMASQ_DIR = tmp_path
    inner = Zone.objects.create(name="a.corp.example")
    for at, name, value in (
        (zone, "l1", "l2.corp.example"),
        (zone, "l2", "l1.corp.example"),
        (zone, "me", "me.corp.example"),
        (zone, "x.a", "good.corp.example"),
        (inner, "x", "good.corp.example"),
        (zone, "web", "good.corp.example"),
        (zone, "fine", "good.corp.example"),
    ):
        Record.objects.create(zone=at, name=name, type="CNAME", value=value)
    ServerFactory(hostname="web", ip_address="10.1.0.50")
    found = [line for line in configuration().splitlines() if line.startswith("cname=")]
    assert sorted(line.split(",")[0] for line in found) == [
        "cname=fine.corp.example",
        "cname=x.a.corp.example",
    ]


def test_a_long_number_in_a_zone_file_is_read_at_once():
    began = time.process_time()
    zone_file.read("a " + "1" * 60 + "x A 10.0.0.1\n", "corp.example")
    assert time.process_time() - began < 1  # it took years
