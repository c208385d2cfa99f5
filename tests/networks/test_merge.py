"""The subnets inside a subnet are merged into it: first shown, then done as it was shown, and
undone."""

import pytest
from django.test import Client
from django.urls import reverse

from changes.undo.verb import undo
from core.errors import IPManagerError
from dhcp.models import DhcpScope
from dhcp.reshape.merge import merge
from dhcp.reshape.split import split
from ipam.models import IPAddress, Subnet
from ipam.placement.populate import populate
from ipam.reshape.split import Choices
from names.models import NamesOff
from tests.changes.undoing import change, ledger
from tests.ipam.admin_forms import messages_of
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def whole():
    """A network with two halves, each with a gateway, pools and a machine."""
    around = SubnetFactory(network="10.0.0.0/24", name="Office")
    for number, start in (("East", 0), ("West", 128)):
        SubnetFactory(
            network=f"10.0.0.{start}/25",
            name=number,
            gateway=f"10.0.0.{start + 1}",
            static_ip_pools=[f"10.0.0.{start + 10}-10.0.0.{start + 19}"],
            dhcp_pools=[f"10.0.0.{start + 50}-10.0.0.{start + 69}"],
        )
        ServerFactory(hostname=number.lower(), ip_address=f"10.0.0.{start + 12}")
    return around


def pools(subnet):
    return [f"{pool} {pool.kind}" for pool in subnet.pools.order_by("first")]


def test_addresses_and_pools_become_those_of_the_network_around(whole):
    merge(whole)
    assert not whole.children
    assert pools(whole) == [
        "10.0.0.10-10.0.0.19 static",
        "10.0.0.50-10.0.0.69 dhcp",
        "10.0.0.138-10.0.0.147 static",
        "10.0.0.178-10.0.0.197 dhcp",
    ]
    assert set(IPAddress.objects.live().values_list("subnet", flat=True)) == {whole.pk}


def test_one_gateway_is_kept_and_the_others_are_reserved(whole):
    merge(whole)
    assert str(Subnet.objects.get(pk=whole.pk).gateway) == "10.0.0.1"
    other = IPAddress.objects.get(ip_address="10.0.0.129")
    assert other.status == "reserved" and "West" in other.description


def test_a_router_that_is_a_server_keeps_its_address(whole):
    west = whole.children[1]
    ServerFactory(hostname="router", ip_address=west.gateway)
    merge(whole)
    assert IPAddress.objects.get(ip_address=west.gateway).server.hostname == "router"


def test_it_is_served_as_the_first_of_them_was(whole):
    for seconds, child in zip((600, 900), whole.children, strict=True):
        DhcpScope(subnet=child, lease_time=seconds).save()
    merge(whole)
    assert DhcpScope.objects.get().subnet == whole
    assert DhcpScope.objects.get().lease_time == 600


def test_a_merge_is_undone_and_leaves_nothing_to_populate(whole):
    DhcpScope(subnet=whole.children[0]).save()
    before = ledger()
    with change() as made:
        merge(whole)
    after = ledger()
    populate()
    assert ledger() == after
    undo(made)
    assert ledger() == before
    assert DhcpScope.objects.get().subnet == whole.children[0]


def test_merging_what_was_split_gives_the_addresses_back(whole):
    half = whole.children[0]
    held = set(IPAddress.objects.live().values_list("ip_address", "subnet"))
    split(half, 26, Choices())
    merge(Subnet.objects.get(pk=half.pk))
    assert set(IPAddress.objects.live().values_list("ip_address", "subnet")) == held


def test_a_subnet_without_others_inside_is_refused(whole):
    with pytest.raises(IPManagerError, match="no subnets inside"):
        merge(whole.children[0])


# --- the page -------------------------------------------------------------------------------------


def url_of(subnet):
    return reverse("admin:network_merge", args=[subnet.pk])


def test_the_preview_shows_the_effect_and_changes_nothing(admin_client, whole, settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    for child in whole.children:
        DhcpScope(subnet=child).save()
    before = ledger()

    page = admin_client.post(url_of(whole))

    assert ledger() == before
    shown = {name: page.context[name] for name in ("gateway", "pools", "held", "reserved")}
    assert shown["held"] == 3 and shown["reserved"] == ["10.0.0.129"]
    assert page.context["warnings"] == [
        "The DHCP scope of 10.0.0.128/25 is dropped: the first one is kept."
    ]
    assert "255.255.255.0" in page.context["diff"]

    data = {"apply": "1", "digest": page.context["plan"].digest}
    done = admin_client.post(url_of(whole), data, follow=True)
    assert messages_of(done) == ["2 networks are merged into 10.0.0.0/24."]
    assert list(map(str, whole.pools.order_by("first"))) == shown["pools"]


def test_the_preview_warns_of_what_the_network_around_does_not_say(admin_client, whole):
    east = whole.children[0]
    east.vlan_id, east.site, east.domain = 20, "Kassel", "east.example"
    east.save()
    whole.site = "Hamburg"
    whole.save()
    page = admin_client.post(url_of(whole))
    assert page.context["warnings"] == [
        "10.0.0.0/25 loses its VLAN 20; 10.0.0.0/24 has none.",
        "10.0.0.0/25 loses its site Kassel; 10.0.0.0/24 has Hamburg.",
        "10.0.0.0/25 loses its domain east.example; 10.0.0.0/24 has none.",
    ]


def test_who_may_not_delete_subnets_is_refused(whole):
    client = Client()
    client.force_login(staff("ipam.view_subnet", "ipam.view_ipaddress", "ipam.change_subnet"))
    for ask in (client.get, client.post):
        assert ask(url_of(whole), {"apply": "1"}).status_code == 403
    assert len(whole.children) == 2


def test_names_that_are_served_elsewhere_do_not_begin_to_be_served(whole):
    east = whole.children[0]
    NamesOff.objects.create(subnet=east)
    with pytest.raises(IPManagerError, match="without names"):
        merge(whole)
    NamesOff.objects.create(subnet=whole)
    NamesOff.objects.create(subnet=whole.children[1])
    merge(whole)
    assert list(NamesOff.objects.values_list("subnet", flat=True)) == [whole.pk]
