"""Whatever text stands in the fields, the file holds the good records' rows and nothing else.

IPMANAGER_TEST_PROOF=1 (`make proof`) tries a million records instead of two thousand.
"""

import os
import re
from ipaddress import IPv6Address, ip_address, ip_network

from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcp.files import check, render
from dhcp.files.records import HostRecord
from dhcp.files.validate import validate
from tests.support.by_hand import only

RECORDS = 10
EXAMPLES = (1_000_000 if os.environ.get("IPMANAGER_TEST_PROOF") else 2_000) // RECORDS
NETWORKS = [ip_network("10.77.0.0/24"), ip_network("10.78.0.0/30"), ip_network("fd00::/64")]

magic = st.sampled_from(
    [
        "x,ignore",
        "ignore",
        "Infinite",
        "12h",
        "0",
        "set:x",
        "net:x",
        "tag:x",
        "id:*",
        "10.1.2.3",
        "[::9]",
        "*",
        "#",
        '"',
        "a.b",
        "x\n02:00:00:00:00:99,10.77.0.99,evil",
        "x\r\n",
        "x\x00",
        "x" * 1200,
        "\n",
        "web",
        "\u212aelvin",
        "02:00:00:00:00:*",
    ]
)
text = magic | st.text(max_size=80) | st.text('aAzZ09.-_,:#"\n\r\t hsmdw*[]\\', max_size=12)
any_bytes = st.binary(max_size=60) | text.map(lambda line: line.encode("utf-8", "replace"))
hostname = text | st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
good_mac = st.integers(0, 40).map(lambda n: f"02:00:00:00:00:{n:02x}")
mac = good_mac | good_mac | text
good_duid = st.integers(0, 62).map(lambda n: bytes([n] * (3 + 2 * n)).hex(":"))
duid = st.just("") | st.just("") | good_duid | text
address = (
    st.integers(0, 255).map(lambda n: NETWORKS[0][n])
    | st.integers(0, 3).map(lambda n: NETWORKS[1][n])
    | st.integers(0, 99).map(lambda n: NETWORKS[2][n])
    | st.ip_addresses()
    | text
    | st.text(min_size=1, max_size=20).map(
        lambda zone: IPv6Address("fd00::1%" + re.sub("[%/]", ",", zone))
    )
)


@st.composite
def host_records(draw):
    ip = draw(address)
    subnet = next((net for net in NETWORKS if not isinstance(ip, str) and ip in net), None)
    macs = tuple(draw(st.lists(mac, max_size=3)))
    return HostRecord(
        draw(st.sampled_from(["server", "interface"])),
        draw(st.integers(0, 99)),
        macs,
        ip,
        draw(hostname),
        subnet,
        draw(duid),
        draw(st.booleans()),
    )


quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@only(connection.vendor == "sqlite")  # it needs no database, and once is long enough
@quick
@given(st.lists(host_records(), min_size=RECORDS, max_size=RECORDS), st.text(max_size=300))
def test_the_file_holds_the_good_records_and_nothing_else(records, url):
    validated = validate(records)
    data = render.hosts_file(validated.lines, url)
    reading = check.hosts_file(data, NETWORKS, by_end=True)

    assert reading.complaints == []
    assert list(map(said, reading.rows)) == list(map(said, validated.lines))
    assert data.count(b"\n") == 2 + len(validated.lines)
    assert b"set:" not in data.split(b"\n", 1)[1]
    assert_every_record_is_served_or_named(records, validated)


def said(row):
    return (row.macs, row.duid, row.ip, row.name)


def assert_every_record_is_served_or_named(records, validated):
    served = {(line.macs, line.duid, line.ip): line.name for line in validated.lines}
    left_out = [problem.record for problem in validated.problems if problem.left_out]
    nameless = [problem.record for problem in validated.problems if not problem.left_out]
    assert len(served) + len(left_out) == len(records)
    for record in set(records) - set(left_out):
        name = served[record.macs, record.duid, record.written_ip]
        assert name == ("" if record in nameless else record.name.lower().partition(".")[0])


@settings(quick, max_examples=EXAMPLES // 10)
@given(
    st.permutations(range(RECORDS)), st.lists(host_records(), min_size=RECORDS, max_size=RECORDS)
)
def test_the_order_of_any_records_changes_no_byte(order, records):
    first, second = validate(records), validate([records[place] for place in order])
    assert render.hosts_file(first.lines, "") == render.hosts_file(second.lines, "")


@quick
@given(st.lists(any_bytes, max_size=RECORDS).map(b"\n".join))
def test_the_check_reads_any_bytes_without_an_error_of_its_own(data):
    reading = check.hosts_file(data, NETWORKS)
    assert reading.complaints or all(ip_address(str(row.ip)) == row.ip for row in reading.rows)
