"""Further options by name or by number: one table, typed values, the same bytes at a real
client."""

import subprocess

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from dhcp import options
from dhcp.files import scopes, snapshot
from dhcp.files.sync import sync
from dhcp.models import DhcpOption, DhcpScope
from ipam.models import Interface, Server, Subnet
from tests.ipam.admin_forms import inline_errors_of, save
from tests.support import require
from tests.support.lab import laboratory

pytestmark = pytest.mark.django_db

A = "02:00:00:00:00:0a"


@pytest.fixture
def scope(target):
    return DhcpScope.objects.create(
        subnet=Subnet.objects.create(network="10.77.0.0/24"), lease_time=600
    )


@pytest.fixture
def six(target):
    return DhcpScope.objects.create(
        subnet=Subnet.objects.create(network="fd00::/64"), lease_time=600
    )


def option(scope, number, value, type=""):
    return DhcpOption.objects.create(scope=scope, number=number, value=value, type=type)


def told(target):
    lines = [line.strip().partition(",")[2] for line in target.opts.read_text().splitlines()]
    return [line for line in lines if line[:1].isdigit() or line.startswith("option6:")]


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", [26, "26", "mtu", "MTU", " mtu ", "option:mtu", "26 mtu"])
def test_a_name_and_its_number_are_the_same(scope, target, typed):
    made = option(scope, typed, "1400")
    made.refresh_from_db()
    assert (made.number, made.type) == (26, "u16")
    sync()
    assert told(target) == ["26,1400s"]


def test_a_name_means_another_number_in_an_ipv6_subnet(scope, six):
    assert option(scope, "nis-server", "10.0.0.1").number == 41
    assert option(six, "nis-server", "fd00::5").number == 27


@pytest.mark.parametrize(
    "typed",
    ["ntp-server", 42, "router", 3, "dhcp-message-type", 53, "0", "255", "x", "26 router", ""],
)
def test_what_has_a_field_of_its_own_or_no_meaning_is_refused_at_the_number(scope, typed):
    with pytest.raises(ValidationError) as refused:
        option(scope, typed, "10.0.0.1")
    assert "number" in refused.value.error_dict


def test_the_refusal_names_the_field(scope):
    with pytest.raises(ValidationError, match="ntp-server.*the scope's own field “NTP servers”"):
        option(scope, "ntp-server", "10.0.0.1")


@pytest.mark.parametrize("version, flag", [(4, "dhcp"), (6, "dhcp6")])
def test_our_names_are_dnsmasq_s_names(version, flag):
    require.part("dnsmasq")
    words = subprocess.run(
        ["dnsmasq", "--help", flag], capture_output=True, text=True
    ).stdout.split("\n")[1:]
    theirs = {int(number): name for number, name in (line.split() for line in words if line)}
    ours = {number: options.name_of(number, version) for number in range(256)}
    named = {number: name for number, name in theirs.items() if ours[number]}
    assert {number: ours[number] for number in named} == named
    assert len(named) > len(theirs) / 2


# --- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, typed, written",
    [
        ("time-offset", "-3600", "2,-3600i"),
        ("ip-forward-enable", "yes", "19,1b"),
        ("static-route", "10.1.0.0, 10.77.0.1", "33,10.1.0.0,10.77.0.1"),
        ("classless-static-route", "10.0.0.0/8, 10.77.0.1", "121,10.0.0.0/8,10.77.0.1"),
        ("domain-search", "A.example, b.example", "119,a.example,b.example"),
        ("vendor-specific", "01:04:0A:00", "43,01:04:0a:00"),
        ("captive-portal", "https://x.example/", "114,https://x.example/"),
    ],
)
def test_the_number_says_what_kind_its_values_are(scope, target, name, typed, written):
    option(scope, name, typed)
    sync()
    assert told(target) == [written]


@pytest.mark.parametrize(
    "name, typed",
    [
        ("mtu", "1400.5"),
        ("mtu", "65536"),
        ("time-offset", "--1"),
        ("time-offset", "2147483648"),
        ("ip-forward-enable", "perhaps"),
        ("static-route", "10.1.0.0"),
        ("classless-static-route", "10.0.0.1/8,10.77.0.1"),
        ("classless-static-route", "10.0.0.0/8"),
        ("classless-static-route", "10.0.0.0,10.77.0.1"),
        ("classless-static-route", "fd00::/64,fd00::1"),
        ("domain-search", "a b"),
        ("domain-search", "10.0"),
        ("domain-search", "a.example,,b.example"),
        ("nis-server", "fd00::1"),
        ("vendor-specific", "x"),
    ],
)
def test_values_of_another_kind_are_refused_at_the_value(scope, name, typed):
    with pytest.raises(ValidationError) as refused:
        option(scope, name, typed)
    assert list(refused.value.error_dict) == ["value"]


def test_another_kind_than_the_number_s_is_refused_but_for_bytes(scope):
    with pytest.raises(ValidationError) as refused:
        option(scope, "mtu", "1400", "text")
    assert list(refused.value.error_dict) == ["type"]
    assert option(scope, "mtu", "05:78", "bytes").type == "bytes"


def test_a_number_without_a_name_takes_any_kind_and_a_text_by_default(scope):
    assert option(scope, 224, "hello").type == "text"
    assert option(scope, 225, "5", "u8").type == "u8"


def test_a_row_of_raw_sql_without_a_kind_is_read_by_its_number(scope, target):
    DhcpOption.objects.bulk_create([DhcpOption(scope=scope, number=26, value="1400")])
    sync()
    assert told(target) == ["26,1400s"]


def test_an_ipv6_subnet_s_machines_are_told_by_dhcpv6(six, target):
    option(six, "sip-server", "fd00::5, fd00:0::6")
    option(six, "information-refresh-time", "86400")
    six.boot_file = "http://[fd00::1]/ipxe.efi"
    six.save()
    sync()
    assert told(target) == [
        "option6:bootfile-url,http://[fd00::1]/ipxe.efi",
        "option6:22,[fd00::5],[fd00::6]",
        "option6:32,86400i",
    ]


@pytest.mark.parametrize(
    "field, value", [("boot_file", "undionly.kpxe"), ("boot_server", "10.0.0.1")]
)
def test_an_ipv6_boot_file_is_a_url(six, field, value):
    setattr(six, field, value)
    with pytest.raises(ValidationError) as refused:
        six.save()
    assert list(refused.value.error_dict) == [field]


# --- with a real dnsmasq --------------------------------------------------------------------------

AT_THE_CLIENT = [
    ("time-offset", "-3600", "fffff1f0"),
    ("ip-forward-enable", "no", "00"),
    ("default-ttl", "64", "40"),
    ("mtu", "1400", "0578"),
    ("arp-timeout", "60", "0000003c"),
    ("root-path", "/srv/nfs root", b"/srv/nfs root".hex()),
    ("netbios-ns", "10.0.0.1,10.0.0.2", "0a0000010a000002"),
    ("vendor-specific", "01:04:0a:00", "01040a00"),
    ("domain-search", "a.example,b.example", "0161076578616d706c65000162c002"),
    (
        "classless-static-route",
        "10.0.0.0/8,10.77.0.1,0.0.0.0/0,10.77.0.254",
        "080a0a4d0001000a4d00fe",
    ),
    ("tftp-server-address", "10.0.0.9", "0a000009"),
    ("wpad", "http://w/x", b"http://w/x".hex()),
    ("posix-timezone", "CET-1CEST,M3.5.0,M10.5.0/3", b"CET-1CEST,M3.5.0,M10.5.0/3".hex()),
]


@pytest.mark.django_db(transaction=True)
def test_every_kind_arrives_at_the_client_as_it_was_meant(scope, six, settings):
    for name, typed, _bytes in AT_THE_CLIENT:
        option(scope, name, typed)
    option(six, "sip-server-domain", "sip.example")
    option(six, "tzdb-timezone", "Europe/Berlin")
    option(six, "posix-timezone", "<+03>-3,M3.5.0,M10.5.0/3")
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    Interface.objects.create(server=web, name="v6", mac_address=A, ip_address="fd00::9")
    lines = (
        scopes.conf_file(snapshot.take().scopes, settings.DNSMASQ_DIR, "").decode().splitlines()[5:]
    )
    with laboratory([], lines, further=["fd00::1/64"]) as lab:
        settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = lab.files, lab.reload_setting
        sync()
        for (
            name,
            _typed,
            raw,
        ) in AT_THE_CLIENT:  # one by one: together they would not fit into a packet
            number = options.number_of(name)
            asked = lab.client.discover(A, options={"55": f"{number:02x}"})
            assert asked.options[str(number)] == raw, name
        known = lab.client6.acquire(A).options
        assert (bytes.fromhex(known["21"]), bytes.fromhex(known["42"])) == (
            b"\3sip\7example\0",
            b"Europe/Berlin",
        )
        assert bytes.fromhex(known["41"]) == b"<+03>-3,M3.5.0,M10.5.0/3"
        assert (lab.complaints(), lab.alive()) == ([], True)


# --- the screen -----------------------------------------------------------------------------------


def row(number, value, type=""):
    return {
        "options-TOTAL_FORMS": "1",
        "options-0-number": number,
        "options-0-type": type,
        "options-0-value": value,
    }


def test_a_name_may_be_typed_in_the_form_and_names_are_proposed(admin_client, scope):
    page = reverse("admin:dhcp_dhcpscope_change", args=[scope.pk])
    assert '<option value="mtu">' in admin_client.get(page).content.decode()
    save(admin_client, page, **row("mtu", "1400"))
    assert (scope.options.get().number, scope.options.get().type) == (26, "u16")
    save(admin_client, page, **{"options-0-value": "1500"})
    assert scope.options.get().value == "1500"


@pytest.mark.parametrize(
    "number, value, field",
    [("nonsense", "1", "number"), ("mtu", "x", "value"), ("42", "1", "number")],
)
def test_what_is_refused_stands_at_its_box(admin_client, scope, number, value, field):
    page = save(
        admin_client, reverse("admin:dhcp_dhcpscope_change", args=[scope.pk]), **row(number, value)
    )
    assert field in inline_errors_of(page)[0] and not scope.options.exists()
