"""dnsmasq's configuration, the files that it names, and its leases."""

from ipaddress import ip_address, ip_network

import pytest

from importers.kinds import KINDS
from importers.records import Held, Lease, LeftOut, Machine, Name, Net, Option, Range, Scope
from importers.source import BadInput, Source

CONF = """\
# a comment
port=0   # and another
dhcp-range=set:lan,tag:known,10.1.0.100,10.1.0.150,255.255.255.0,12h
dhcp-range=10.2.0.0,static,255.255.255.0
dhcp-range=fd00::100,fd00::1ff,64,1d
dhcp-range=10.3.0.5,10.3.0.9
domain=corp.example
dhcp-option=option:dns-server,10.1.0.53
dhcp-option=tag:lan,3,10.1.0.1
dhcp-option=tag:lan,26,1400s
dhcp-option=tag:other,42,10.1.0.9
dhcp-option=option6:dns-server,[fd00::53]
dhcp-boot=tag:lan,pxelinux.0,,10.1.0.9
dhcp-host=02:00:00:00:00:0a,10.1.0.10,printer,infinite
dhcp-host=02:00:00:00:00:0b,02:00:00:00:00:0c,10.1.0.11,laptop
dhcp-host=02:00:00:00:00:0d,ignore
dhcp-host=02:00:00:00:00:0e,10.1.0.12
dhcp-host=id:00:01:00:01:2c:aa,[fd00::5],six
host-record=web.corp.example,www.corp.example,10.1.0.20
cname=mail.corp.example,web.corp.example
"""


def test_a_range_makes_its_subnet_and_takes_the_options_of_its_tag(records):
    found = records("dnsmasq", CONF)
    lan = found.all(Net)[0]
    assert (str(lan.network), str(lan.gateway)) == ("10.1.0.0/24", "10.1.0.1")
    assert (lan.domain, lan.dns_servers) == ("corp.example", (ip_address("10.1.0.53"),))
    scope = found.all(Scope)[0]
    assert (scope.lease_time, scope.known_only, scope.boot_file) == (43_200, True, "pxelinux.0")
    assert scope.boot_server == ip_address("10.1.0.9")
    assert [(one.number, one.value) for one in found.all(Option)] == [(26, "1400")]


def test_ranges_of_all_forms(records):
    found = records("dnsmasq", CONF)
    networks = [str(net.network) for net in found.all(Net)]
    assert networks == ["10.1.0.0/24", "10.2.0.0/24", "fd00::/64", "10.3.0.0/24"]
    firsts = [str(one.first) for one in found.all(Range)]
    assert firsts == ["10.1.0.100", "fd00::100", "10.3.0.5"]
    assert [scope.lease_time for scope in found.all(Scope)] == [43_200, 3600, 86_400, 3600]


def test_hosts_of_all_forms(records):
    machines = {one.hostname: one for one in records("dnsmasq", CONF).all(Machine)}
    assert machines["printer"].mac == "02:00:00:00:00:0a"
    assert [card.mac for card in machines["laptop"].cards] == ["02:00:00:00:00:0c"]
    assert machines["six"].cards[0].duid == "00:01:00:01:2c:aa"


def test_a_host_without_a_name_is_an_address_that_dhcp_serves(records):
    held = {str(one.ip): one for one in records("dnsmasq", CONF).all(Held)}
    assert (held["10.1.0.12"].status, held["10.1.0.12"].mac) == ("allocated", "02:00:00:00:00:0e")


def test_names_are_addresses_and_records(records):
    found = records("dnsmasq", CONF)
    assert "web.corp.example" in {one.hostname for one in found.all(Held)}
    assert {(one.name, one.type, one.value) for one in found.all(Name)} == {
        ("www.corp.example", "A", "10.1.0.20"),
        ("mail.corp.example", "CNAME", "web.corp.example"),
    }


def test_what_has_no_place_is_named_with_its_line(records):
    left = {one.at: one.reason for one in records("dnsmasq", CONF).all(LeftOut)}
    assert {"file:2", "file:11", "file:14", "file:6"} <= left.keys()
    assert "/24" in left["file:6"]  # assumed


def test_a_directory_is_read_by_what_its_files_are(tmp_path):
    for name, text in {
        "dnsmasq.conf": "conf-dir=/etc/dnsmasq.d,*.conf\ndhcp-hostsfile=/etc/dnsmasq.d/hosts\n",
        "dnsmasq.d/a.conf": "dhcp-range=set:a,10.1.0.5,10.1.0.9,255.255.255.0\n"
        "dhcp-optsfile=/x/opts\n",
        "dnsmasq.d/b.bak": "dhcp-range=10.9.0.5,10.9.0.9,255.255.255.0\n",
        "dnsmasq.d/hosts": "02:00:00:00:00:0a,10.1.0.10,printer\n",
        "dnsmasq.d/opts": "tag:a,option:router,10.1.0.1\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "opts").symlink_to(tmp_path / "dnsmasq.d" / "opts")
    found = KINDS["dnsmasq"].records(Source.at_path(tmp_path))
    assert [net.network for net in found.all(Net)] == [ip_network("10.1.0.0/24")]
    assert str(found.all(Net)[0].gateway) == "10.1.0.1"
    assert found.all(Machine)[0].at == "dnsmasq.d/hosts:1"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "link"])
def test_a_file_outside_of_the_source_is_never_read(tmp_path, name):
    (tmp_path / "secret").write_text("dhcp-host=02:00:00:00:00:0a,10.1.0.10,stolen\n")
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "secret")
    (inside / "dnsmasq.conf").write_text(f"conf-file={name}\n")
    found = KINDS["dnsmasq"].records(Source.at_path(inside))
    assert not found.all(Machine)
    assert [one.at for one in found.all(LeftOut)] == ["dnsmasq.conf:1"]


@pytest.mark.parametrize(
    "text",
    [
        "dhcp-range=10.1.0.9,10.1.0.5,255.255.255.0",
        "dhcp-range=10.1.0.5,10.9.0.9,255.255.255.0",
        "dhcp-range=nonsense!",
        "dhcp-host=02:00:00:00:00:0a,10.1.0.300,x",
        "dhcp-host=,!",
        "dhcp-host=ff:ff:ff:ff:ff:ff,10.1.0.3",
        "this is no option",
    ],
)
def test_a_damaged_line_is_refused(records, text):
    with pytest.raises(BadInput) as error:
        records("dnsmasq", f"port=0\n{text}\n")
    assert str(error.value).startswith("file:2: ")


def test_leases(records):
    text = "duid 00:01\n1795000000 02:00:00:00:00:0a 10.1.0.100 box *\n"
    (lease,) = records("dnsmasq-leases", text).all(Lease)
    assert (str(lease.ip), lease.mac, lease.hostname) == (
        "10.1.0.100",
        "02:00:00:00:00:0a",
        "box",
    )
    with pytest.raises(BadInput) as error:
        records("dnsmasq-leases", text + "rubbish\n")
    assert str(error.value).startswith("file:3: ")


def test_a_table_of_hosts(records):
    text = "127.0.0.1 localhost\n10.1.0.5 a.corp.example a # the first\nfe80::1%eth0 x\n"
    found = records("hosts", text)
    assert [(str(one.ip), one.hostname) for one in found.all(Held)] == [
        ("10.1.0.5", "a.corp.example")
    ]
    assert [one.name for one in found.all(Name)] == ["a"]
    assert [one.at for one in found.all(LeftOut)] == ["file:1", "file:3"]
    with pytest.raises(BadInput, match="file:1"):
        records("hosts", "10.1.0 x\n")


@pytest.mark.parametrize(
    "line",
    ["dhcp-range=10.0.0.10,10.0.0.20," + "9" * 5000],
)
def test_a_line_with_a_number_out_of_all_measure_is_refused_with_its_place(records, line):
    with pytest.raises(BadInput, match=r"^dnsmasq.conf:2: "):
        records("dnsmasq", dnsmasq__conf=f"\n{line}\n")
