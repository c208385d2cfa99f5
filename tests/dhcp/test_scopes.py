"""Scopes: what a subnet's machines are told, live at the next reload; the ranges, as root installs
them."""

import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from dhcp import options
from dhcp.files import check, effective_scope, scopes, snapshot
from dhcp.files.records import ConfGroup, ConfLine, ScopeRecord
from dhcp.files.sync import sync
from dhcp.models import DhcpChange, DhcpOption, DhcpScope, Generation
from ipam.models import VRF, Pool, Server, Subnet
from tests.ipam.admin_forms import errors_of, queries_of, save
from tests.ipam.factories import SubnetFactory
from tests.support import require
from tests.support.lab import laboratory

pytestmark = pytest.mark.django_db

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
URL = "http://ledger"


@pytest.fixture
def subnet(target):
    return Subnet.objects.create(
        network="10.77.0.0/24",
        gateway="10.77.0.254",
        dns_servers=["10.0.0.53"],
        domain="Example.org",
    )


@pytest.fixture
def scope(subnet):
    return DhcpScope.objects.create(subnet=subnet)


def opts(target):
    return [line for line in target.opts.read_text().splitlines() if not line.startswith("#")]


def conf(scope):
    """The configuration's lines about this scope alone."""
    record, _ = effective_scope.record(DhcpScope.objects.served().get(pk=scope.pk))
    return scopes.conf_file([record], "/srv/dnsmasq", URL).decode().splitlines()[5:]


# --- what machines are told -----------------------------------------------------------------------


def test_blank_inherits_the_subnet_s(scope, target):
    sync()
    tag = f"tag:s{scope.subnet_id}"
    assert opts(target) == [
        f"{tag},option:router,10.77.0.254",
        f"{tag},option:dns-server,10.0.0.53",
        f"{tag},option:domain-name,example.org",
    ]


def test_what_the_scope_says_goes_first(scope, target):
    scope.router, scope.dns_servers, scope.ntp_servers = (
        "10.77.0.1",
        ["10.0.0.1", "10.0.0.2"],
        ["10.0.0.3"],
    )
    scope.domain, scope.boot_server, scope.boot_file = "lab.example", "10.0.0.4", "undionly.kpxe"
    scope.save()
    DhcpOption.objects.create(scope=scope, number=26, type="u16", value="1400")
    sync()
    assert [line.partition(",")[2] for line in opts(target)] == [
        "option:router,10.77.0.1",
        "option:dns-server,10.0.0.1,10.0.0.2",
        "option:ntp-server,10.0.0.3",
        "option:domain-name,lab.example",
        "option:server-ip-address,10.0.0.4",
        "option:bootfile-name,undionly.kpxe",
        "26,1400s",
    ]


def test_without_a_router_none_is_told(scope, subnet, target):
    subnet.gateway = None
    subnet.save()
    sync()
    assert opts(target)[0] == f"tag:s{subnet.pk},option:router"


def test_a_subnet_without_a_scope_or_with_a_disabled_one_is_left_to_others(scope, target):
    SubnetFactory(network="10.78.0.0/24", gateway="10.78.0.1")
    scope.enabled = False
    scope.save()
    sync()
    assert opts(target) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["scope", "option", "gateway"])
def test_each_change_is_noted_and_applied_at_once(scope, subnet, target, change):
    before, told = opts(target), Generation.objects.newest().pk
    if change == "scope":
        scope.ntp_servers = ["10.0.0.3"]
        scope.save()
    elif change == "option":
        DhcpOption.objects.create(scope=scope, number=252, value="http://proxy/wpad.dat")
    else:
        subnet.gateway = "10.77.0.253"
        subnet.save()
    assert opts(target) != before and not DhcpChange.objects.exists()
    newest = Generation.objects.newest()
    assert newest.pk == told + 1 and newest.changes and "tag:s" in newest.diff


def test_saving_a_scope_unchanged_notes_nothing(scope):
    DhcpChange.objects.all().delete()
    DhcpScope.objects.get().save()
    assert not DhcpChange.objects.exists()


def test_a_bad_value_from_raw_sql_is_left_out_alone_and_named(scope, target):
    DhcpScope.objects.update(boot_file='x"\ntag:s1,6,6.6.6.6', domain="a,b", router="10.99.0.1")
    DhcpOption.objects.create(scope=scope, number=26, type="u16", value="1400")
    DhcpOption.objects.bulk_create(
        [DhcpOption(scope=scope, number=252, type="text", value="a,b\nc")]
    )
    outcome = sync()
    fields = [problem.field for problem in outcome.problems]
    assert outcome.good and fields == ["router", "domain", "boot_file", "option 252"]
    assert [line.partition(",")[2] for line in opts(target)] == [
        "option:router",
        "option:dns-server,10.0.0.53",
        "26,1400s",
    ]


def test_an_edited_options_file_is_put_right(scope, target):
    sync()
    target.opts.write_text("tag:s999999,option:router,6.6.6.6\n")  # no scope of ours
    target.opts.chmod(0o600)
    assert sync().result == "applied"
    assert "6.6.6.6" not in target.opts.read_text() and target.opts.stat().st_mode & 0o777 == 0o644


def test_an_ipv6_scope_tells_what_dhcpv6_can(target):
    six = DhcpScope.objects.create(
        subnet=Subnet.objects.create(
            network="fd00::/64", dns_servers=["10.0.0.53", "fd00::53"], domain="lab.example"
        )
    )
    sync()
    assert [line.partition(",")[2] for line in opts(target)] == [
        "option6:dns-server,[fd00::53]",
        "option6:domain-search,lab.example",
    ]
    assert conf(six) == [f"dhcp-range=set:s{six.subnet_id},fd00::,static,64,43200"]


# --- what may not be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field, value",
    [
        ("lease_time", 60),
        ("router", "10.99.0.1"),
        ("dns_servers", ["fd00::1"]),
        ("domain", "a b"),
        ("boot_file", "a,b"),
        ("boot_file", 'x"y'),
        ("boot_file", "x\ny"),
        ("boot_file", "x#y"),
        ("boot_server", "fd00::1"),
    ],
)
def test_bad_values_are_refused_at_their_field(scope, field, value):
    setattr(scope, field, value)
    with pytest.raises(ValidationError) as refused:
        scope.save()
    assert list(refused.value.error_dict) == [field]


@pytest.mark.parametrize(
    "network, vrf", [("10.0.0.0/31", False), ("fd00::/48", False), ("10.9.0.0/24", True)]
)
def test_a_subnet_that_dnsmasq_cannot_serve_gets_no_scope(network, vrf, target):
    subnet = Subnet.objects.create(
        network=network, vrf=VRF.objects.create(name="x") if vrf else None
    )
    with pytest.raises(ValidationError) as refused:
        DhcpScope.objects.create(subnet=subnet)
    assert "subnet" in refused.value.error_dict


@pytest.mark.parametrize(
    "kind, typed, written",
    [
        ("addresses", "10.0.0.1, 10.0.0.2", "10.0.0.1,10.0.0.2"),
        ("u8", "050", "50b"),
        ("u16", "1400", "1400s"),
        ("u32", "4294967295", "4294967295i"),
        ("text", "http://proxy/wpad.dat", "http://proxy/wpad.dat"),
        ("bytes", "01:0A:ff", "01:0a:ff"),
    ],
)
def test_each_kind_of_option_is_written_so_that_it_cannot_be_mistaken(kind, typed, written):
    assert options.encode(kind, typed) == written


@pytest.mark.parametrize(
    "kind, typed",
    [
        ("addresses", "10.0.0.300"),
        ("addresses", "fd00::1"),
        ("u8", "256"),
        ("u8", "-1"),
        ("u16", "1 2"),
        ("u32", "²"),
        ("text", "1234"),
        ("text", "10.0.0.1"),
        ("text", "ab:cd"),
        ("text", "a,b"),
        ("text", '"x"'),
        ("text", "x\ny"),
        ("text", ""),
        ("text", "x" * 256),
        ("bytes", "0a"),
        ("bytes", "zz:00"),
    ],
)
def test_what_is_not_of_its_kind_or_would_be_taken_for_another_is_refused(kind, typed):
    with pytest.raises(ValueError):
        options.encode(kind, typed)


@pytest.mark.parametrize("number", [1, 3, 6, 51, 53, 67])
def test_options_with_a_place_of_their_own_are_refused(scope, number):
    with pytest.raises(ValidationError) as refused:
        DhcpOption.objects.create(scope=scope, number=number, value="http://x")
    assert "number" in refused.value.error_dict


@given(st.sampled_from(options.KINDS), st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_typed_every_line_is_one_that_the_check_knows(kind, value, boot_file):
    try:
        further = ((252, options.encode(kind, value)),)
    except ValueError:
        further = ()
    record = ScopeRecord(
        1,
        ip_network("10.0.0.0/24"),
        3600,
        further=further,
        boot_file=boot_file if options.is_boot_file(boot_file) else "",
    )
    data = scopes.opts_file(scopes.option_lines([record]), URL)
    assert check.opts_file(data) == []
    assert data.count(b"\n") == 3 + len(record.further) + bool(record.boot_file)


@pytest.mark.parametrize(
    "line",
    [
        "garbage",
        "tag:s1,set:x,3",
        "option:router,10.0.0.1",
        'tag:s1,3,a"b',
        "tag:s1,option:x,1",
        "tag:s1,6,#",
    ],
)
def test_the_check_refuses_every_other_line(line):
    assert check.opts_file(f"{line}\n".encode()) and check.opts_file(b"tag:s1,option:router")


# --- the configuration ----------------------------------------------------------------------------


def test_a_scope_without_a_dhcp_pool_serves_reservations_only(scope, subnet):
    assert conf(scope) == [f"dhcp-range=set:s{subnet.pk},10.77.0.0,static,255.255.255.0,43200"]


def test_each_dhcp_pool_is_a_range_that_may_be_for_known_machines_only(scope, subnet):
    Pool.objects.create(subnet=subnet, first="10.77.0.100", last="10.77.0.109", kind="dhcp")
    Pool.objects.create(subnet=subnet, first="10.77.0.200", last="10.77.0.209", kind="dhcp")
    Pool.objects.create(subnet=subnet, first="10.77.0.50", last="10.77.0.59", kind="static")
    scope.lease_time, scope.known_only = 600, True
    scope.save()
    tag = f"s{subnet.pk}"
    assert conf(scope) == [
        f"dhcp-range=tag:known,set:{tag},10.77.0.100,10.77.0.109,255.255.255.0,600",
        f"dhcp-range=tag:known,set:{tag},10.77.0.200,10.77.0.209,255.255.255.0,600",
    ]


def test_a_directory_that_dnsmasq_cannot_be_told_is_refused():
    with pytest.raises(Invalid, match="cannot hold"):
        scopes.conf_file([], "/srv/a,b\nuser=root", URL)


def test_further_lines_stand_behind_the_ranges_under_their_title():
    group = ConfGroup(
        "Network boot\nuser=root",
        (ConfLine("enable-tftp"), ConfLine("dhcp-match", ("set:ipxe", "175"))),
    )
    lines = scopes.conf_file([], Path("/srv/dnsmasq"), URL, [group]).decode().splitlines()
    assert lines[-3:] == ["# Network boot?user=root", "enable-tftp", "dhcp-match=set:ipxe,175"]


@pytest.mark.parametrize(
    "line", [("x y",), ("x", ("a,b",)), ("x", ('"',)), ("x", ("a#",)), ("x\n",), ("x", ("a\nb",))]
)
def test_a_further_line_that_would_be_two_or_another_is_refused(line):
    with pytest.raises(Invalid):
        scopes.conf_file([], Path("/srv/dnsmasq"), URL, [ConfGroup("x", (ConfLine(*line),))])


def test_the_command_prints_what_the_sync_lays_out(scope, target, capsys):
    sync()
    call_command("sync_dnsmasq", "--conf")
    assert capsys.readouterr().out == target.conf.read_text()
    assert f"dhcp-optsfile={target.opts}\n" in target.conf.read_text()


def test_dnsmasq_itself_accepts_it(scope, subnet, target):
    require.part("dnsmasq")
    Pool.objects.create(subnet=subnet, first="10.77.0.100", last="10.77.0.109", kind="dhcp")
    DhcpScope.objects.create(subnet=Subnet.objects.create(network="fd00::/64"), known_only=True)
    sync()
    done = subprocess.run(
        ["dnsmasq", "--test", f"--conf-file={target.conf}"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "dnsmasq: syntax check OK.\n")


def test_the_number_of_queries_does_not_grow(scope, django_assert_num_queries):
    for subnet in SubnetFactory.create_batch(20):
        DhcpOption.objects.create(
            scope=DhcpScope.objects.create(subnet=subnet), number=26, type="u16", value="1400"
        )
    with django_assert_num_queries(8):
        assert len(snapshot.take().scopes) == 21


# --- with a real dnsmasq --------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_ranges_options_and_known_only_are_served_and_options_change_live(settings, target):
    subnet = Subnet.objects.create(network="10.77.0.0/24", gateway="10.77.0.254")
    Pool.objects.create(subnet=subnet, first="10.77.0.100", last="10.77.0.109", kind="dhcp")
    scope = DhcpScope.objects.create(
        subnet=subnet, lease_time=600, known_only=True, domain="lab.example"
    )
    with laboratory([line.removeprefix("dhcp-range=") for line in conf(scope)]) as lab:
        settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = lab.files, lab.reload_setting
        Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
        told = lab.client.acquire(A)
        assert (told.ip, told.options["lease_time"]) == ("10.77.0.9", 600)
        assert (told.options["router"], told.options["domain"]) == ("10.77.0.254", "lab.example")
        assert lab.client.discover(B, wait=0.3) is None
        Server.objects.create(hostname="laptop", mac_address=B, ip_address="10.77.0.105")
        assert lab.client.acquire(B).ip == "10.77.0.105"

        scope.router = "10.77.0.253"
        scope.save()
        DhcpOption.objects.create(scope=scope, number=26, type="u16", value="1400")
        DhcpOption.objects.create(scope=scope, number=252, value="http://proxy/wpad.dat")
        lab.wait(
            lambda: lab.client.acquire(A).options["router"] == "10.77.0.253", "the router stays"
        )
        asked = lab.client.discover(A, options={"55": "031afc"}).options
        assert (asked["26"], bytes.fromhex(asked["252"])) == ("0578", b"http://proxy/wpad.dat")
        assert lab.complaints() == [] and lab.alive()


# --- the screen -----------------------------------------------------------------------------------

LIST = reverse("admin:dhcp_dhcpscope_changelist")


def test_the_list_tells_what_machines_are_told_in_the_end(admin_client, scope):
    page = admin_client.get(LIST).content.decode()
    assert (
        "10.77.0.254" in page
        and "10.0.0.53" in page
        and "example.org" in page
        and "reservations only" in page
    )


def test_a_scope_is_made_with_its_options(admin_client, subnet):
    add = reverse("admin:dhcp_dhcpscope_add")
    more = {
        "options-TOTAL_FORMS": "1",
        "options-0-number": "26",
        "options-0-type": "u16",
        "options-0-value": "1400",
    }
    save(admin_client, add, subnet=str(subnet.pk), lease_time="600", **more)
    made = DhcpScope.objects.get()
    assert (made.lease_time, str(made.options.get())) == (600, "26: 1400")


def test_what_is_refused_stands_at_its_field(admin_client, subnet):
    answer = save(
        admin_client, reverse("admin:dhcp_dhcpscope_add"), subnet=str(subnet.pk), boot_file="a,b"
    )
    assert "boot_file" in errors_of(answer) and not DhcpScope.objects.exists()


def test_twenty_scopes_cost_as_many_queries_as_two(admin_client, scope):
    DhcpScope.objects.create(subnet=SubnetFactory())
    few = queries_of(admin_client, LIST)
    for subnet in SubnetFactory.create_batch(18):
        DhcpScope.objects.create(subnet=subnet)
    assert queries_of(admin_client, LIST) == few


def test_addresses_of_a_record_are_spelt_one_way():
    record = ScopeRecord(7, ip_network("fd00::/64"), 600, dns=(ip_address("fd00:0::0053"),))
    assert [line.text for line in scopes.option_lines([record])] == [
        "tag:s7,option6:dns-server,[fd00::53]"
    ]
