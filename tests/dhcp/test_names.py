"""dhcp.files.names: only a word that dnsmasq reads as a name, and as nothing else, is written as
one."""

import pytest

from dhcp.files.names import safe_name


@pytest.mark.parametrize(
    ("hostname", "label"),
    [
        ("web", "web"),
        ("WEB-01", "web-01"),
        ("web.example.org", "web"),
        ("web.", "web"),
        ("under_score", "under_score"),
        ("xn--bcher-kva", "xn--bcher-kva"),
        ("a", "a"),
        ("7", None),
        ("7a", "7a"),
        ("12hours", "12hours"),
        ("h12", "h12"),
        ("ignored", "ignored"),
        ("a" * 63, "a" * 63),
    ],
)
def test_the_first_label_is_the_name(hostname, label):
    assert (safe_name(hostname).text or None) == label


@pytest.mark.parametrize("hostname", ["ignore", "IGNORE", "Infinite", "ignore.example.org"])
def test_commands_are_no_names(hostname):
    assert safe_name(hostname).text == ""
    assert "command" in safe_name(hostname).reason


@pytest.mark.parametrize(
    "hostname", ["1234", "12h", "5d", "3w", "90s", "10m", "9", "0", "12H", "12h.example.org"]
)
def test_lease_times_are_no_names(hostname):
    assert safe_name(hostname).text == ""
    assert "lease time" in safe_name(hostname).reason


@pytest.mark.parametrize(
    "hostname",
    [
        "x,ignore",
        "x\n02:00:00:00:00:09,10.0.0.9",
        "x\r",
        "x\x00y",
        "x\ty",
        "x y",
        " x",
        "x ",
        "x #y",
        "x#y",
        '"x"',
        '"',
        "set:x",
        "tag:x",
        "net:x",
        "id:*",
        "02:00:00:00:00:0c",
        "[::9]",
        "-lead",
        "trail-",
        "*",
        "/",
        "=",
        ";",
        "$",
        "`",
        "%",
        "\\",
        "_x",
        ".a",
        ".",
        "..",
        "a" * 64,
        "a" * 2000,
        "x\n",
        "x\u2028y",
        "12\u0660h",
    ],
)
def test_what_dnsmasq_would_misread_is_no_name_and_says_why(hostname):
    assert safe_name(hostname).text == ""
    assert safe_name(hostname).reason


@pytest.mark.parametrize("hostname", ["bücher", "\u212aelvin", "\uff41bc", "ſet", "а" * 3])
def test_signs_beyond_ascii_are_refused_before_they_can_turn_into_ascii(hostname):
    assert safe_name(hostname).text == ""


def test_no_host_name_is_no_name_and_no_problem():
    assert safe_name("") == safe_name("")
    assert safe_name("").reason == ""
