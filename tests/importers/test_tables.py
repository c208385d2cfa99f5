"""Zone files and tables of MAC addresses."""

import pytest

from importers.kinds import KINDS
from importers.records import Held, LeftOut, Machine, Name, ZoneName
from importers.source import BadInput, Source
from tests.support import corpora

ZONE = """\
$TTL 3600
@ IN SOA ns1.corp.example. root.corp.example. 1 2 3 4 5
www IN CNAME web
web 300 IN A 10.1.0.5
web IN SSHFP 1 1 00
"""


def test_a_zone_is_named_by_its_file_or_by_itself(records):
    found = records("zone", **{"db.corp.example": ZONE})
    assert [one.name for one in found.all(ZoneName)] == ["corp.example"]
    assert {(one.name, one.type, one.value) for one in found.all(Name)} == {
        ("www.corp.example", "CNAME", "web.corp.example"),
        ("web.corp.example", "A", "10.1.0.5"),
    }
    assert [one.at for one in found.all(LeftOut)] == ["db.corp.example:2", "db.corp.example:5"]
    named = records("zone", f"$ORIGIN other.example.\n{ZONE}")
    assert named.all(ZoneName)[0].name == "other.example"


def test_a_zone_without_a_name_is_refused(records):
    with pytest.raises(BadInput, match="file:1"):
        records("zone", ZONE)


def test_the_zones_of_another_project_are_read():
    for path in corpora.folder("corpora/bind").iterdir():
        assert len(KINDS["zone"].records(Source.at_path(path))) > 1


def test_a_table_of_mac_addresses(records):
    found = records("ethers", "2:0:0:0:0:a printer # first\n\n02:00:00:00:00:0b 10.1.0.9\n")
    assert [(one.hostname, one.mac) for one in found.all(Machine)] == [
        ("printer", "02:00:00:00:00:0a")
    ]
    assert [(str(one.ip), one.mac) for one in found.all(Held)] == [
        ("10.1.0.9", "02:00:00:00:00:0b")
    ]
    with pytest.raises(BadInput, match="file:2"):
        records("ethers", "02:00:00:00:00:0b x\n02:00:00 y\n")
