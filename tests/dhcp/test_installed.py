"""What root has installed: a changed pool makes a new proposal, and everybody is told until it is
installed."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from dhcp.daemon import installed
from dhcp.files.sync import preview, sync
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpScope, Generation
from dhcp.state import machines as state
from ipam.models import Pool, Server, Subnet
from tests.ipam.admin_forms import queries_of
from tests.ipam.factories import SubnetFactory

pytestmark = pytest.mark.django_db

A = "02:00:00:00:00:0a"


@pytest.fixture
def subnet(target):
    return Subnet.objects.create(network="10.77.0.0/24", gateway="10.77.0.254")


@pytest.fixture
def scope(subnet):
    return DhcpScope.objects.create(subnet=subnet)


@pytest.fixture
def conf(settings, tmp_path):
    """The file that root installs, empty at first."""
    settings.DNSMASQ_CONF = tmp_path / "ipmanager.conf"
    settings.DNSMASQ_CONF.touch()
    return settings.DNSMASQ_CONF


@pytest.fixture
def in_step(scope, conf, target):
    """Everything is told and installed."""
    sync()
    conf.write_bytes(target.conf.read_bytes())


def pool(subnet, first=100, last=109, kind="dhcp"):
    return Pool.objects.create(
        subnet=subnet, first=subnet.network[first], last=subnet.network[last], kind=kind
    )


def ranges(path):
    return [
        line.split(",")[1:3]
        for line in path.read_text().splitlines()
        if line.startswith("dhcp-range=")
    ]


def command(*arguments):
    out, errors = StringIO(), StringIO()
    call_command("sync_dnsmasq", *arguments, stdout=out, stderr=errors)
    return out.getvalue() + errors.getvalue()


def fate(server):
    return next(state for _, state in state.states_of_server(server))


# --- a pool is a range ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_new_a_changed_and_a_deleted_pool_renew_the_proposal_at_once(scope, subnet, target):
    made = pool(subnet)
    assert ranges(target.conf) == [["10.77.0.100", "10.77.0.109"]]
    made.last = "10.77.0.119"
    made.save()
    assert ranges(target.conf) == [["10.77.0.100", "10.77.0.119"]]
    made.delete()
    assert ranges(target.conf) == [["10.77.0.0", "static"]]
    assert not DhcpChange.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_pools_written_in_bulk_and_by_their_subnet_renew_it_too(scope, subnet, target):
    pool(subnet)
    Pool.objects.update(last="10.77.0.120")
    assert ranges(target.conf) == [["10.77.0.100", "10.77.0.120"]]
    Pool.objects.bulk_create(
        [Pool(subnet=subnet, first="10.77.0.200", last="10.77.0.201", kind="dhcp")]
    )
    assert len(ranges(target.conf)) == 2
    subnet.dhcp_pools = ["10.77.0.50-10.77.0.59"]
    subnet.save()
    assert ranges(target.conf) == [["10.77.0.50", "10.77.0.59"]]
    Pool.objects.all().delete()
    assert ranges(target.conf) == [["10.77.0.0", "static"]]


@pytest.mark.parametrize("kind, noted", [("dhcp", ["add", "change", "delete"]), ("static", [])])
def test_static_pools_are_none_of_dnsmasq_s_business(subnet, kind, noted):
    DhcpChange.objects.all().delete()
    made = pool(subnet, kind=kind)
    made.last = subnet.network[120]
    made.save()
    made.delete()
    assert list(DhcpChange.objects.filter(kind="pool").values_list("action", flat=True)) == noted


def test_a_pool_that_becomes_static_is_noted(subnet):
    made = pool(subnet)
    DhcpChange.objects.all().delete()
    made.kind = "static"
    made.save()
    assert "kind: dhcp -> static" in DhcpChange.objects.get().detail


def test_the_generation_tells_what_of_the_proposal_changed_and_because_of_whom(scope, subnet):
    sync()
    pool(subnet)
    assert preview().result == "changed"
    outcome = sync()
    newest = Generation.objects.newest()
    assert (outcome.result, newest.changes[0]["kind"]) == ("unchanged", "pool")
    assert "+dhcp-range=set:s" in newest.diff
    assert sync().diff == "" and Generation.objects.newest() == newest


# --- it waits for root ----------------------------------------------------------------------------


def test_nothing_is_said_where_nobody_knows_what_is_installed(scope, subnet):
    sync()
    conf = installed.compare(Target.from_settings())
    assert (conf.is_known, conf.differs, conf.warning) == (False, False, "")
    with pytest.raises(CommandError, match="IPMANAGER_DNSMASQ_CONF"):
        command("--diff", "--conf")


def test_the_command_warns_until_the_new_ranges_are_installed(in_step, subnet, target, conf):
    assert "is up to date" in command("--conf", "--diff")
    assert "root" not in command()
    pool(subnet)
    assert f"older ranges; have root install {target.conf} as {conf}" in command()
    assert "+dhcp-range=set:s" in command("--conf", "--diff")
    assert json.loads(command("--json").splitlines()[0])["conf"]["installed"] is False
    conf.write_bytes(target.conf.read_bytes())
    assert "older ranges" not in command()


def test_a_file_that_is_not_there_and_one_that_cannot_be_read_are_told_apart(scope, conf, target):
    sync()
    conf.unlink()
    assert "none of our ranges yet" in installed.compare(target.from_settings()).warning
    conf.mkdir()
    assert "cannot be read" in installed.compare(target.from_settings()).warning


def test_a_server_whose_range_is_not_installed_is_not_served_and_told_why(
    scope, subnet, conf, target
):
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync()
    assert (fate(web).kind, fate(web).reason) == (
        "unserved",
        "The range of its subnet is not installed yet.",
    )
    conf.write_bytes(target.conf.read_bytes())
    assert fate(web).is_written


def test_a_resized_subnet_s_new_part_is_not_served_before_the_installation(
    in_step, subnet, target, conf
):
    subnet.network = "10.77.0.0/23"
    subnet.save()
    inner = Server.objects.create(hostname="inner", mac_address=A, ip_address="10.77.0.9")
    outer = Server.objects.create(
        hostname="outer", mac_address="02:00:00:00:00:0b", ip_address="10.77.1.9"
    )
    sync()
    assert [fate(inner).is_written, fate(outer).kind] == [True, "unserved"]


def test_a_subnet_without_a_scope_is_not_served(subnet, conf):
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="10.77.0.9")
    sync()
    assert (fate(web).kind, fate(web).remedy) == (
        "unserved",
        "Create a DHCP scope for 10.77.0.0/24.",
    )


def test_ipv6_ranges_are_recognised_as_installed(conf, target):
    six = Subnet.objects.create(network="fd00::/64")
    DhcpScope.objects.create(subnet=six)
    web = Server.objects.create(hostname="web", mac_address=A, ip_address="fd00::9")
    sync()
    assert fate(web).kind == "unserved"
    conf.write_bytes(target.conf.read_bytes())
    assert fate(web).is_written


# --- the screens ----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["admin:index", "admin:dhcp_sync"])
def test_the_first_page_and_the_sync_page_say_what_is_not_installed(
    admin_client, in_step, subnet, page
):
    assert "older ranges" not in admin_client.get(reverse(page)).content.decode()
    pool(subnet)
    sync()
    assert "older ranges" in admin_client.get(reverse(page)).content.decode()


def test_the_sync_page_shows_the_difference(admin_client, in_step, subnet):
    pool(subnet)
    sync()
    assert "+dhcp-range=set:s" in admin_client.get(reverse("admin:dhcp_sync")).content.decode()


def test_twenty_servers_cost_as_many_queries_as_one(admin_client, in_step, subnet):
    def servers(start, stop):
        for n in range(start, stop):
            Server.objects.create(
                hostname=f"h{n}",
                mac_address=f"02:00:00:00:00:{n:02x}",
                ip_address=subnet.network[n],
            )

    page = reverse("admin:ipam_server_changelist")
    servers(1, 2)
    few = queries_of(admin_client, page)
    servers(2, 20)
    for other in SubnetFactory.create_batch(3):
        DhcpScope.objects.create(subnet=other)
    assert queries_of(admin_client, page) == few
