"""A subnet grows or shrinks: first shown, then done as it was shown, and undone."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from changes.undo.verb import undo
from core.errors import IPManagerError
from dhcp.models import DhcpScope
from dhcp.reshape.resize import resize
from ipam.addresses import parse_address, parse_network
from ipam.models import IPAddress, Subnet
from ipam.reshape.resize import Choices
from tests.changes.undoing import change, ledger
from tests.ipam.admin_forms import messages_of
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def office():
    return SubnetFactory(
        network="10.0.0.0/25",
        gateway="10.0.0.1",
        static_ip_pools=["10.0.0.10-10.0.0.19"],
        dhcp_pools=["10.0.0.90-10.0.0.110"],
    )


def to(subnet, network, gateway="10.0.0.1", new_space=""):
    router = gateway and parse_address(gateway)
    resize(subnet, parse_network(network), Choices(router, new_space))
    return Subnet.objects.get(pk=subnet.pk)


def pools(subnet):
    return [f"{pool} {pool.kind}" for pool in subnet.pools.order_by("first")]


def test_a_subnet_that_grows_takes_in_what_lies_there(office):
    IPAddressFactory(ip_address="10.0.0.200", status="reserved")
    grown = to(office, "10.0.0.0/24")
    assert IPAddress.objects.get(ip_address="10.0.0.200").subnet == grown
    assert pools(grown) == ["10.0.0.10-10.0.0.19 static", "10.0.0.90-10.0.0.110 dhcp"]


@pytest.mark.parametrize("kind", ["static", "dhcp"])
def test_the_new_addresses_become_a_pool_without_ends_and_other_subnets(office, kind):
    SubnetFactory(network="10.0.0.192/26")
    grown = to(office, "10.0.0.0/24", new_space=kind)
    assert pools(grown)[-1] == f"10.0.0.128-10.0.0.191 {kind}"


def test_a_subnet_that_shrinks_keeps_the_pieces_of_its_pools(office):
    assert pools(to(office, "10.0.0.64/26", gateway=None)) == ["10.0.0.90-10.0.0.110 dhcp"]
    assert pools(to(office, "10.0.0.96/27", gateway=None)) == ["10.0.0.97-10.0.0.110 dhcp"]


def test_who_would_be_left_outside_is_named_and_nothing_is_done(office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.70")
    before = ledger()
    with pytest.raises(ValidationError, match="web-1"):
        to(office, "10.0.0.0/26")
    assert ledger() == before


def test_a_gateway_outside_is_refused(office):
    with pytest.raises(ValidationError, match=r"10\.0\.0\.1 is not a host address"):
        to(office, "10.0.0.64/26")


@pytest.mark.parametrize("network", ["10.0.0.0/25", "10.0.1.0/24", "2001:db8::/64"])
def test_a_network_that_is_no_other_size_of_it_is_refused(office, network):
    with pytest.raises(IPManagerError):
        to(office, network)


def test_the_router_of_the_scope_goes_when_it_lies_outside(office):
    DhcpScope(subnet=office, router="10.0.0.2").save()
    to(office, "10.0.0.64/26", gateway=None)
    assert DhcpScope.objects.get().router is None


def test_it_is_undone(office):
    DhcpScope(subnet=office).save()
    before = ledger()
    with change() as made:
        to(office, "10.0.0.0/24", new_space="static")
    undo(made)
    assert ledger() == before


# --- the page -------------------------------------------------------------------------------------


def url_of(subnet):
    return reverse("admin:network_resize", args=[subnet.pk])


def test_the_preview_shows_the_effect_and_applying_does_it(
    admin_client, office, settings, tmp_path
):
    settings.DNSMASQ_DIR = tmp_path
    DhcpScope(subnet=office).save()
    SubnetFactory(network="10.0.0.192/26", name="Guests")
    data = {"network": "10.0.0.0/24", "gateway": "10.0.0.1", "new_space": "static"}

    page = admin_client.post(url_of(office), data)

    assert Subnet.objects.get(pk=office.pk).network == office.network
    assert page.context["resized"].pools[-1] == "10.0.0.128-10.0.0.191"
    assert page.context["warnings"] == ["10.0.0.192/26 Guests comes to lie inside."]
    assert "255.255.255.0" in page.context["diff"]
    data |= {"apply": "1", "digest": page.context["plan"].digest}
    done = admin_client.post(url_of(office), data, follow=True)
    assert messages_of(done)[0].startswith("10.0.0.0/25 is 10.0.0.0/24 now.")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"network": "x"}, "New network"),
        ({"network": "10.0.0.0/24", "gateway": "no"}, "no"),
        ({"network": "10.0.0.0/24", "new_space": "x"}, "Choose where"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_field(admin_client, office, data, reason):
    page = admin_client.post(url_of(office), data)
    assert page.status_code == 409 and reason in page.context["refusal"]


def test_the_page_begins_with_the_present_gateway(admin_client, office):
    page = admin_client.get(url_of(office))
    assert page.context["gateway"] == office.gateway
    assert str(page.context["suggested"][0]) == "10.0.0.0/24"
