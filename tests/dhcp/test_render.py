"""dhcp.files.render: records to bytes. A test is a file."""

import random
from ipaddress import ip_address, ip_network

import pytest

from dhcp.files import render
from dhcp.files.records import HostLine

URL = "http://ipm.example/admin/"
ONE = HostLine(("02:00:00:00:00:01",), ip_address("10.77.0.9"), "web")
BARE = HostLine(("02:00:00:00:00:02",), ip_address("10.77.0.10"))
TWO_CARDS = HostLine(
    ("02:00:00:00:00:03", "02:00:00:00:00:04"), ip_address("10.77.0.100"), "laptop"
)
SIX = HostLine(("02:00:00:00:00:05",), ip_address("fd00::5"), "six")

FILE = b"""\
# Written by IPManager; change it at http://ipm.example/admin/
# Reservations: 4
02:00:00:00:00:01,10.77.0.9,web
02:00:00:00:00:02,10.77.0.10
02:00:00:00:00:03,02:00:00:00:00:04,10.77.0.100,laptop
02:00:00:00:00:05,[fd00::5],six
"""


def test_the_hosts_file():
    assert render.hosts_file([SIX, BARE, TWO_CARDS, ONE], URL) == FILE


def test_the_order_of_the_records_changes_no_byte():
    lines = [
        HostLine((f"02:00:00:00:00:{n:02x}",), ip)
        for n, ip in enumerate(ip_network("10.0.0.0/25").hosts())
    ]
    expected = render.hosts_file(lines, URL)
    for seed in range(20):
        random.Random(seed).shuffle(lines)
        assert render.hosts_file(lines, URL) == expected


def test_no_reservation_is_a_file_of_comments():
    assert render.hosts_file([], URL).endswith(b"# Reservations: 0\n")


@pytest.mark.parametrize(
    "url", ["http://x/\n02:00:00:00:00:09,10.0.0.9", "\r\x00\u2028", "u" * 5000]
)
def test_whatever_the_url_the_header_is_one_short_line(url):
    text = render.header(url)
    assert text.startswith("# Written by IPManager; change it at ")
    assert text.count("\n") == 1 and text.isascii() and len(text) < 300


def test_the_generation_file_names_an_address_of_the_content():
    first, second = render.generation_file(FILE, URL), render.generation_file(FILE + b"#\n", URL)
    assert first == render.generation_file(FILE, URL) != second
    assert first.decode().splitlines()[1].endswith(" gen.ipmanager.internal")


def test_the_generation_address_is_loopback_but_never_localhost():
    addresses = [render.generation_address(str(n).encode()) for n in range(2000)]
    assert len(set(addresses)) > 1990
    assert all(address in ip_network("127.128.0.0/9") for address in addresses)
