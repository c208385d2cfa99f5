"""dhcp.files.validate: a bad record is left out alone, or loses just its name; the others never
notice."""

from dataclasses import replace
from ipaddress import IPv6Address, ip_network

import pytest

from dhcp.files.validate import MOST_MACS, validate
from tests.dhcp.records import MAC, host


def only_problem(*records):
    validated = validate(records)
    assert len(validated.problems) == 1
    return validated.problems[0], validated.lines


def test_good_records_become_lines_in_order_of_address():
    validated = validate([host(30), host(4), host(200)])
    assert [str(line.ip) for line in validated.lines] == ["10.77.0.4", "10.77.0.30", "10.77.0.200"]
    assert validated.problems == ()


@pytest.mark.parametrize(
    "mac",
    [
        "",
        "*",
        "02:00:00:*:*:*",
        "02-00-00-00-00-01",
        "0200.0000.0001",
        "02:00:00:00:00",
        "02:00:00:00:00:01:02",
        "02:00:00:00:00:0G",
        "02:00:00:00:00:0A",
        "02:00:00:00:00:01\n",
        "id:*",
        "02:00:00:00:00:01,set:x",
        "ignore",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "01:00:5e:00:00:01",
        "33:33:00:00:00:01",
        "1-02:00:00:00:00:01",
        "٠2:00:00:00:00:01",
    ],
)
def test_what_is_no_card_s_address_leaves_the_record_out(mac):
    problem, lines = only_problem(replace(host(10), macs=(mac,)), host(11))
    assert (problem.field, problem.left_out) == ("mac", True)
    assert [line.name for line in lines] == ["host11"]


def test_no_mac_at_all_leaves_the_record_out():
    problem, lines = only_problem(replace(host(10), macs=()))
    assert problem.field == "mac" and lines == ()


def test_too_many_macs_would_break_the_line():
    macs = tuple(f"02:00:00:00:01:{n:02x}" for n in range(MOST_MACS + 1))
    assert only_problem(replace(host(10), macs=macs))[0].field == "mac"
    assert validate([replace(host(10), macs=macs[1:])]).problems == ()


@pytest.mark.parametrize("number", [0, 255])
def test_network_and_broadcast_addresses_are_left_out(number):
    assert only_problem(host(number))[0].field == "ip"


@pytest.mark.parametrize("network", ["10.0.0.0/31", "10.0.0.0/32", "fd00::/127", "fd00::/128"])
def test_the_smallest_subnets_have_neither(network):
    assert validate([host(0, net=ip_network(network))]).problems == ()


def test_ipv6_keeps_the_router_anycast_address_out_but_knows_no_broadcast():
    assert only_problem(host(0, net=ip_network("fd00::/64")))[0].field == "ip"
    assert validate([host(0, net=ip_network("fd00::/120"), ip="fd00::ff")]).problems == ()


def test_an_address_in_no_subnet_is_left_out():
    assert "no subnet" in only_problem(replace(host(10), subnet=None))[0].reason
    assert "no subnet" in only_problem(host(10, ip="10.78.0.10"))[0].reason


@pytest.mark.parametrize("ip", ["10.77.0.9", "10.77.5.300", "x,ignore", "", None, 5])
def test_what_is_no_address_object_is_left_out(ip):
    problem, lines = only_problem(replace(host(10), ip=ip), host(11))
    assert problem.field == "ip" and len(lines) == 1


@pytest.mark.parametrize("ip", ["fe80::1%x,ignore", "fe80::1%x\n", "::ffff:10.77.0.9"])
def test_zones_and_mapped_addresses_are_left_out(ip):
    assert (
        only_problem(replace(host(10), ip=IPv6Address(ip), subnet=ip_network("::/0")))[0].field
        == "ip"
    )


@pytest.mark.parametrize("ip", ["255.255.255.255", "0.0.0.0", "127.0.0.1", "224.0.0.5"])
def test_addresses_of_no_host_are_left_out_even_in_a_subnet_that_holds_them(ip):
    assert only_problem(host(10, ip=ip, net=ip_network("0.0.0.0/0")))[0].field == "ip"


def test_of_two_records_with_one_address_the_older_keeps_it():
    problem, lines = only_problem(host(10, id=9, ip="10.77.0.50"), host(11, id=3, ip="10.77.0.50"))
    assert problem.record.id == 9 and "server 3" in problem.reason
    assert [line.name for line in lines] == ["host11"]


def test_one_mac_twice_in_a_subnet_keeps_the_older_only():
    problem, lines = only_problem(host(10, mac=MAC), host(11, mac=MAC))
    assert (problem.record.id, problem.field) == (11, "mac")
    assert [line.name for line in lines] == ["host10"]


def test_one_mac_in_two_subnets_has_a_line_in_each():
    other = ip_network("10.78.0.0/24")
    assert validate([host(10, mac=MAC), host(11, mac=MAC, net=other)]).problems == ()


def test_servers_come_before_interfaces():
    problem, _ = only_problem(host(11, id=1, mac=MAC, kind="interface"), host(10, id=2, mac=MAC))
    assert problem.record.kind == "interface"


def test_a_second_record_of_one_name_loses_only_its_name():
    problem, lines = only_problem(host(10, name="web.a.example"), host(11, name="WEB.b.example"))
    assert (problem.field, problem.left_out) == ("name", False)
    assert [line.name for line in lines] == ["web", ""]


def test_one_name_may_have_an_ipv4_and_an_ipv6_address():
    assert (
        validate([host(10, name="web"), host(11, name="web", net=ip_network("fd00::/64"))]).problems
        == ()
    )


def test_a_bad_name_is_left_off_and_reported():
    problem, lines = only_problem(host(10, name="x,ignore"))
    assert (problem.field, lines[0].name) == ("name", "")


def test_a_record_that_is_left_out_blocks_nobody():
    bad, good = (host(number, ip="10.77.0.50", name="web") for number in (10, 11))
    validated = validate([replace(bad, macs=("ff:ff:ff:ff:ff:ff",)), good])
    assert [(str(line.ip), line.name) for line in validated.lines] == [("10.77.0.50", "web")]


# --- IPv6 -----------------------------------------------------------------------------------------

SIX = ip_network("fd00::/64")
DUID = "00:01:00:01:aa:bb:cc:dd:02:00:00:00:00:0e"


def six(number=10, *, net=SIX, **more):
    return host(number, net=net, **more)


def test_a_duid_will_do_for_ipv6_alone_or_beside_a_mac():
    validated = validate([six(1, mac=(), duid=DUID), six(2, mac=MAC, duid="00:04:ff")])
    assert [(line.macs, line.duid) for line in validated.lines] == [
        ((), DUID),
        ((MAC,), "00:04:ff"),
    ]


@pytest.mark.parametrize(
    "duid",
    [
        "00:01",
        "00:01:00:0G",
        "00:01:0A",
        "*",
        "00:01:02,set:x",
        "00:01:02\n02:00:00:00:00:01,[fd00::1]",
        "0001:02",
        "00:01:02 ",
        "00:" * 128 + "00",
        "id:00:01:02",
        "٠0:01:02",
    ],
)
def test_what_is_no_duid_leaves_the_record_out(duid):
    problem, lines = only_problem(six(1, duid=duid), six(2))
    assert (problem.field, problem.left_out, len(lines)) == ("duid", True, 1)


def test_the_same_duid_has_one_address_in_a_subnet():
    elsewhere = ip_network("fd01::/64")
    problem, lines = only_problem(
        six(1, duid=DUID), six(2, duid=DUID), six(3, duid=DUID, net=elsewhere)
    )
    assert (problem.field, str(problem.record.ip), len(lines)) == ("duid", "fd00::2", 2)
    assert "already has fd00::1 in fd00::/64 (server 1)" in problem.reason


def test_a_duid_is_nothing_for_ipv4():
    assert only_problem(host(1, duid=DUID))[0].field == "duid"


def test_by_its_end_an_address_loses_its_prefix():
    assert [str(line.ip) for line in validate([six(0x52, by_end=True)]).lines] == ["::52"]


def test_equal_ends_are_one_reservation_whatever_the_subnets():
    other = ip_network("fd01::/64")
    problem, lines = only_problem(
        six(5, by_end=True), six(5, net=other, id=9, mac=MAC, by_end=True)
    )
    assert (
        "the end ::5 is already reserved for server 5 (fd00::5)" in problem.reason
        and len(lines) == 1
    )
    problem, lines = only_problem(
        six(5, mac=MAC, by_end=True), six(6, mac=MAC, net=other, by_end=True)
    )
    assert problem.field == "mac" and len(lines) == 1


@pytest.mark.parametrize("net, number", [("fd00::/112", 9), ("fd00::/64", 0)])
def test_only_a_64_has_ends_and_zero_is_none(net, number):
    assert only_problem(six(number, net=ip_network(net), by_end=True))[0].field == "ip"
