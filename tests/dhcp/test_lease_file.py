"""dhcp.leases.lease_file: dnsmasq's lease file as it is, v4 and v6, whatever a client has put into
it."""

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcp.leases.lease_file import FOREVER, LeaseRecord, parse_leases

WHEN = datetime.fromtimestamp(1763696000, UTC)
A = "02:00:00:00:00:0a"
FILE = f"""1763696000 {A} 10.77.0.9 web 01:{A}
0 02:00:00:00:00:0b 10.77.0.10 * *
duid 00:01:00:01:2b:00:00:00:02:00:00:00:00:01
1763696000 1234 fd00::50 web 00:03:00:01:{A}
1763696000 T99 fd00::51 * 00:02:00:00:ab:11:01
"""


def test_both_versions_are_read():
    assert parse_leases(FILE.encode()) == [
        LeaseRecord(ip_address("10.77.0.9"), A, WHEN, "web", client_id=f"01:{A}"),
        LeaseRecord(ip_address("10.77.0.10"), "02:00:00:00:00:0b", FOREVER),
        LeaseRecord(ip_address("fd00::50"), A, WHEN, "web", f"00:03:00:01:{A}"),
        LeaseRecord(ip_address("fd00::51"), None, WHEN, "", "00:02:00:00:ab:11:01"),
    ]


def test_a_duid_with_a_time_names_its_card_too():
    line = f"1763696000 1 fd00::50 * 00:01:00:01:2b:11:22:33:{A}\n"
    assert parse_leases(line.encode())[0].mac == A


def test_a_lease_of_something_that_is_no_ethernet_card_has_no_mac():
    assert parse_leases(b"1763696000 06-01:02:03 10.77.0.9 * *\n")[0].mac is None


def test_of_two_lines_about_one_machine_and_address_the_last_counts():
    lines = f"1763690000 {A} 10.77.0.9 old *\n1763696000 {A} 10.77.0.9 new *\n"
    assert [(lease.hostname, lease.until) for lease in parse_leases(lines.encode())] == [
        ("new", WHEN)
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "duid 00:01",
        "soon 02:00:00:00:00:0a 10.77.0.9 web *",
        "1763696000 x 10.77.0.999 web *",
        "1763696000 x",
        "²",
    ],
)
def test_what_is_no_lease_is_passed_over(line):
    assert parse_leases(f"{line}\n{FILE}".encode()) == parse_leases(FILE.encode())


@given(st.binary(max_size=200))
def test_nothing_makes_it_stumble(data):
    for lease in parse_leases(FILE.encode() + data):
        assert lease.until <= FOREVER and "\0" not in lease.hostname + lease.duid


def test_a_moment_beyond_all_calendars_is_forever():
    assert parse_leases(f"{'9' * 40} {A} 10.77.0.9 web *\n".encode())[0].until == FOREVER
