"""Kea's configuration and leases."""

import json

import pytest

from importers.kinds import KINDS
from importers.records import Held, Lease, LeftOut, Machine, Net, Option, Range, Scope
from importers.source import BadInput, Source
from tests.support import corpora

CONF = """\
// comments of
# all
/* three
   kinds */
{ "Dhcp4": {
  "valid-lifetime": 600, "renew-timer": 100,
  "lease-database": { "type": "mysql", "password": "do-not-show" },
  "option-def": [ { "name": "colour", "code": 250, "type": "string" } ],
  "option-data": [ { "name": "domain-name", "data": "corp.example" } ],
  "shared-networks": [ { "name": "wire", "interface": "eth1", "subnet4": [
    { "id": 1, "subnet": "10.1.0.0/24", "comment": "the first",
      "pools": [ { "pool": "10.1.0.100 - 10.1.0.150" }, { "pool": "10.1.0.192/27" } ],
      "option-data": [
        { "name": "routers", "data": "10.1.0.1" },
        { "name": "domain-name-servers", "data": "10.1.0.53, 10.1.0.54" },
        { "name": "colour", "data": "blue" },
        { "name": "vendor-encapsulated-options", "csv-format": false, "data": "0104FF" } ],
      <?include "hosts.json"?> },
    { "id": 2, "subnet": "10.2.0.0/24", "valid-lifetime": 60 } ] } ] } }
"""
HOSTS = """ "reservations": [
  { "hw-address": "02:00:00:00:00:0a", "ip-address": "10.1.0.10", "hostname": "printer" },
  { "hw-address": "02:00:00:00:00:0b", "ip-address": "10.1.0.11" },
  { "client-id": "01:02", "ip-address": "10.1.0.12", "hostname": "odd" } ]
"""


@pytest.fixture
def found(records):
    return records("kea", **{"kea-dhcp4__conf": CONF, "hosts__json": HOSTS})


def test_a_subnet_has_the_options_of_all_levels(found):
    net, scope = found.all(Net)[0], found.all(Scope)[0]
    assert (str(net.gateway), net.domain, net.description) == (
        "10.1.0.1",
        "corp.example",
        "the first",
    )
    assert [str(ip) for ip in net.dns_servers] == ["10.1.0.53", "10.1.0.54"]
    assert (scope.lease_time, scope.interface) == (600, "eth1")
    assert {(one.number, one.value) for one in found.all(Option)} == {
        (250, "blue"),
        (43, "01:04:ff"),
    }


def test_pools_and_wires(found):
    ends = [(str(one.first), str(one.last)) for one in found.all(Range)]
    assert ends == [("10.1.0.100", "10.1.0.150"), ("10.1.0.192", "10.1.0.223")]
    assert [str(scope.wire) for scope in found.all(Scope)] == ["None", "10.1.0.0/24"]
    assert found.all(Scope)[1].lease_time == 120


def test_reservations_of_an_included_file(found):
    assert {one.hostname: one.mac for one in found.all(Machine)} == {
        "printer": "02:00:00:00:00:0a",
        "odd": None,
    }
    assert [(str(one.ip), one.mac) for one in found.all(Held)] == [
        ("10.1.0.11", "02:00:00:00:00:0b")
    ]
    assert ("hosts.json:4", 'client-id: "01:02"') in [
        (one.at, one.what) for one in found.all(LeftOut)
    ]


def test_a_password_is_not_shown(found):
    assert "do-not-show" not in str(found)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{ "Dhcp4": {\n "subnet4": 5 } }', 2),
        ('{ "Dhcp4": {\n "subnet4": [ { "subnet": "10.1.0.0/240" } ] } }', 2),
        ('{ "Dhcp4": {\n\n "valid-lifetime": 5 5 } }', 3),
        ('{ "Dhcp4": {', 1),
        ('{ "Dhcp4": { "a": tru } }', 1),
        ("[" * 500, 1),
        ('{ "Dhcp4": { "subnet4": [ { "subnet": "10.1.0.0/24",\n'
         ' "pools": [ { "pool": "10.2.0.1 - 10.2.0.9" } ] } ] } }', 2),
        ('{ "Dhcp4": {\n <?include "gone.json"?> } }', 2),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_line(records, text, line):
    with pytest.raises(BadInput) as error:
        records("kea", text)
    assert str(error.value).startswith(f"file:{line}: ")


def test_another_file_is_refused(records):
    with pytest.raises(BadInput):
        records("kea", json.dumps(["nothing"]))


LEASES = """\
address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state
10.1.0.5,02:00:00:00:00:0a,,600,1795000000,1,0,0,a&#x2cb,0
10.1.0.6,02:00:00:00:00:0b,,600,1795000000,1,0,0,gone,0
10.1.0.6,02:00:00:00:00:0b,,0,1795000000,1,0,0,gone,0
"""


def test_leases(records):
    found = records("kea-leases", LEASES)
    assert [(str(one.ip), one.hostname) for one in found.all(Lease)] == [("10.1.0.5", "a,b")]
    assert len(found.all(LeftOut)) == 1
    with pytest.raises(BadInput, match="file:5"):
        records("kea-leases", LEASES + "10.1.0.7,x\n")


def test_the_examples_of_kea_are_read():
    for path in corpora.folder("corpora/kea").glob("*.json"):
        assert KINDS["kea"].records(Source.at_path(path)).all(Net)
    for path in corpora.folder("corpora/kea-leases").glob("*.csv"):
        assert len(KINDS["kea-leases"].records(Source.at_path(path))) >= 3


def test_a_lease_without_a_needed_cell_is_refused(records):
    with pytest.raises(BadInput, match="^file:2: The line has 3 cells only"):
        records("kea-leases", "address,valid_lifetime,expire,state\n10.0.0.1,1,5\n")
