"""dhcp.files.check: what our renderer must never write is refused although it never should be
written."""

from ipaddress import ip_network

import pytest

from dhcp.files.check import hosts_file

NETWORKS = [
    ip_network("10.0.0.0/8"),
    ip_network("10.77.0.0/24"),
    ip_network("10.88.0.0/31"),
    ip_network("fd00::/64"),
]
GOOD = "02:00:00:00:00:01,10.77.0.9,web\n"


def complaints(text):
    return hosts_file(text.encode() if isinstance(text, str) else text, NETWORKS).complaints


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a comment\n",
        GOOD,
        "02:00:00:00:00:01,10.77.0.9\n",
        "02:00:00:00:00:01,02:00:00:00:00:02,10.77.0.9,web\n",
        "02:00:00:00:00:01,[fd00::9],web\n",
        GOOD + "02:00:00:00:00:01,10.1.0.0,web2\n",
        "02:00:00:00:00:01,10.88.0.0\n",
        GOOD + "02:00:00:00:00:01,[fd00::9],web\n",
    ],
)
def test_good_files(text):
    assert complaints(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        " # comment",
        "garbage",
        ",,,",
        "02:00:00:00:00:01",
        "02:00:00:00:00:01,web",
        "02:00:00:00:00:01,10.77.0.9,",
        "02:00:00:00:00:01,10.77.0.9,web,ignore",
        "02:00:00:00:00:01,10.77.0.9,ignore",
        "02:00:00:00:00:01,10.77.0.9,12h",
        "02:00:00:00:00:01,10.77.0.9,0",
        "02:00:00:00:00:01,10.77.0.9,infinite",
        "02:00:00:00:00:01,set:x,10.77.0.9",
        "02:00:00:00:00:01,10.77.0.9,set:x",
        "set:x,02:00:00:00:00:01,10.77.0.9",
        "id:*,10.77.0.9",
        "02:00:00:00:00:*,10.77.0.9",
        "02:00:00:00:00:01,10.77.0.300",
        "02:00:00:00:00:01,10.77.0.09",
        "02:00:00:00:00:01,10.77.9",
        "02:00:00:00:00:01,fd00::9",
        "02:00:00:00:00:01,[fd00::0009]",
        "02:00:00:00:00:01,[::9]",
        "02:00:00:00:00:01,[FD00::9]",
        "02:00:00:00:00:01,[10.77.0.9]",
        "02:00:00:00:00:0A,10.77.0.9",
        "02-00-00-00-00-01,10.77.0.9",
        "01:00:00:00:00:01,10.77.0.9",
        "00:00:00:00:00:00,10.77.0.9",
        "ff:ff:ff:ff:ff:ff,10.77.0.9",
        "02:00:00:00:00:01,10.77.0.9,Web",
        "02:00:00:00:00:01,10.77.0.9,a.b",
        "02:00:00:00:00:01,10.77.0.9,-a",
        "02:00:00:00:00:01,10.77.0.9,web #",
        "02:00:00:00:00:01,10.77.0.9,web\r",
        "02:00:00:00:00:01,10.77.0.9,w\x00b",
        "02:00:00:00:00:01,10.77.0.9,b\u00fccher",
        "\ufeff02:00:00:00:00:01,10.77.0.9",
        "#" + "x" * 1024,
        "02:00:00:00:00:01,10.77.0.9," + "a" * 64,
        ",".join(["02:00:00:00:00:01"] * 60) + ",10.77.0.9",
        "02:00:00:00:00:01,02:00:00:00:00:01,10.77.0.9",
        "02:00:00:00:00:01,192.0.2.1",
        "02:00:00:00:00:01,10.77.0.0",
        "02:00:00:00:00:01,10.77.0.255",
        "02:00:00:00:00:01,[fd00::]",
        "02:00:00:00:00:01,10.0.0.0",
    ],
)
def test_lines_that_dnsmasq_would_misread(line):
    assert len(complaints(line + "\n")) == 1


@pytest.mark.parametrize(
    ("second", "word"),
    [
        ("02:00:00:00:00:02,10.77.0.9", "10.77.0.9 stands twice"),
        ("02:00:00:00:00:02,10.77.0.10,web", "the name web stands twice"),
        ("02:00:00:00:00:01,10.77.0.10", "two lines in 10.77.0.0/24"),
    ],
)
def test_doubles_are_found_and_named(second, word):
    assert any(word in complaint for complaint in complaints(GOOD + second + "\n"))


def test_a_last_line_that_does_not_end_is_refused():
    assert complaints(GOOD.rstrip("\n")) == ["the last line does not end"]


def test_a_complaint_names_its_line():
    assert complaints(GOOD + "garbage\n")[0].startswith("line 2: ")


def test_a_file_of_rubbish_has_a_bounded_answer():
    assert len(complaints("garbage\n" * 10_000)) == 20


# --- IPv6 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "id:00:03:00:01:02:00:00:00:00:01,[fd00::9],web",
        "id:00:01:02,02:00:00:00:00:01,[fd00::9]",
        "id:"
        + ":".join(["ab"] * 128)
        + ","
        + ",".join(f"02:00:00:00:00:{n:02x}" for n in range(16))
        + ",[fd00::9]",
    ],
)
def test_duids_stand_before_the_macs(line):
    assert complaints(line + "\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "[fd00::9],web",
        "id:,[fd00::9]",
        "id:00:01,[fd00::9]",
        "id:" + ":".join(["ab"] * 129) + ",[fd00::9]",
        "id:00:01:0G,[fd00::9]",
        "id:00:01:0A,[fd00::9]",
        "id:00:01:02:,[fd00::9]",
        "id:*,[fd00::9]",
        "id:x,[fd00::9]",
        "id:00:01:02,id:00:01:03,[fd00::9]",
        "02:00:00:00:00:01,id:00:01:02,[fd00::9]",
        "id:00:01:02,10.77.0.9",
        "id:00:01:02,10.77.0.9,[fd00::9]",
        "id:00:01:02,set:x,[fd00::9]",
        "00:01:02,[fd00::9]",
        "id:00:01:02",
    ],
)
def test_duids_that_dnsmasq_would_misread(line):
    assert len(complaints(line + "\n")) == 1


def test_ends_of_addresses_are_read_only_where_a_scope_reserves_by_them():
    line = b"02:00:00:00:00:01,[::52],web\n"
    assert hosts_file(line, NETWORKS).complaints == ["no subnet holds ::52"]
    assert hosts_file(line, NETWORKS, by_end=True).complaints == []


@pytest.mark.parametrize("second", ["02:00:00:00:00:02,[::52]", "02:00:00:00:00:01,[::53]"])
def test_an_end_and_a_card_count_once_whatever_the_prefix(second):
    both = b"02:00:00:00:00:01,[::52],web\n" + second.encode() + b"\n"
    assert len(hosts_file(both, NETWORKS, by_end=True).complaints) == 1


def test_an_end_of_zeros_is_no_machine_s():
    assert hosts_file(b"02:00:00:00:00:01,[::]\n", NETWORKS, by_end=True).complaints == [
        ":: is not a host address of ::/64"
    ]
