"""A subnet is split into equal parts: first shown, then done as it was shown, and undone."""

import os
import random

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from changes.undo.verb import undo
from core.errors import IPManagerError
from dhcp.models import DhcpScope
from dhcp.reshape.split import split
from ipam.allocate import reserve_next
from ipam.models import IPAddress, Pool, Subnet
from ipam.placement.populate import populate
from ipam.reshape.split import Choices, lengths
from names.models import NamesOff
from tests.changes.undoing import change, ledger
from tests.ipam.admin_forms import messages_of
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db
PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"
SEEDS = range(200 if PROOF else 3)
MOST = 6 if PROOF else 2  # lengths that are tried


@pytest.fixture
def office():
    return SubnetFactory(
        network="10.0.0.0/24",
        name="Office",
        gateway="10.0.0.1",
        vlan_id=20,
        domain="office.example",
        static_ip_pools=["10.0.0.10-10.0.0.79"],
        dhcp_pools=["10.0.0.100-10.0.0.199"],
    )


def parts(subnet):
    return {str(part.network): part for part in subnet.children}


def pools(part):
    return [f"{pool} {pool.kind}" for pool in part.pools.order_by("first")]


# --- the verb -------------------------------------------------------------------------------------


def test_the_parts_take_over_what_the_subnet_tells_its_machines(office):
    split(office, 25, Choices(names=["East", ""]))
    east, west = parts(office).values()
    assert (east.name, west.name) == ("East", "Office 2")
    assert (str(east.gateway), west.gateway) == ("10.0.0.1", None)
    assert (west.vlan_id, west.domain) == (20, "office.example")
    assert Subnet.objects.get(pk=office.pk).gateway is None


def test_pools_are_cut_at_the_borders_without_ends_and_gateways(office):
    split(office, 26, Choices(first_is_gateway=True))
    found = {network: pools(part) for network, part in parts(office).items()}
    assert found == {
        "10.0.0.0/26": ["10.0.0.10-10.0.0.62 static"],
        "10.0.0.64/26": ["10.0.0.66-10.0.0.79 static", "10.0.0.100-10.0.0.126 dhcp"],
        "10.0.0.128/26": ["10.0.0.130-10.0.0.190 dhcp"],
        "10.0.0.192/26": ["10.0.0.194-10.0.0.199 dhcp"],
    }


def test_addresses_move_into_the_part_that_they_lie_in(office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.20")
    IPAddressFactory(ip_address="10.0.0.220", status="reserved")
    split(office, 25, Choices())
    rows = IPAddress.objects.live().select_related("subnet")
    assert {str(row): str(row.subnet.network) for row in rows} == {
        "10.0.0.20": "10.0.0.0/25",
        "10.0.0.220": "10.0.0.128/25",
    }


def test_each_part_is_served_as_the_subnet_was(office):
    scope = DhcpScope(subnet=office, lease_time=600, router="10.0.0.1", interface="eth1")
    scope.save()
    scope.options.create(number=119, value="office.example")
    split(office, 25, Choices())
    east, west = (part.dhcp_scope for part in parts(office).values())
    assert (east.lease_time, west.lease_time, west.interface) == (600, 600, "eth1")
    assert (str(east.router), west.router) == ("10.0.0.1", None)
    assert west.options.get().value == "office.example"
    assert not DhcpScope.objects.filter(subnet=office).exists()


def test_a_machine_on_what_becomes_an_end_is_named_and_nothing_is_done(office):
    ServerFactory(hostname="scanner", ip_address="10.0.0.64")
    before = ledger()
    with pytest.raises(ValidationError, match="scanner"):
        split(office, 26, Choices())
    assert ledger() == before


def test_a_subnet_with_others_inside_is_refused(office):
    SubnetFactory(network="10.0.0.224/28", name="Printers")
    with pytest.raises(IPManagerError, match="Printers"):
        split(office, 25, Choices())


@pytest.mark.parametrize("length", [24, 23, 31, 33, 0])
def test_a_length_that_makes_no_parts_is_refused(office, length):
    with pytest.raises(IPManagerError, match="cannot be split"):
        split(office, length, Choices())


@pytest.mark.parametrize("seed", SEEDS)
def test_any_split_is_undone_and_leaves_nothing_to_populate(seed):
    chance = random.Random(seed)
    subnet = SubnetFactory(
        network="10.0.0.0/24",
        gateway=chance.choice([None, "10.0.0.1", "10.0.0.254"]),
        static_ip_pools=[f"10.0.0.{chance.randint(2, 28)}-10.0.0.{chance.randint(41, 120)}"],
        dhcp_pools=[f"10.0.0.{chance.randint(121, 160)}-10.0.0.{chance.randint(161, 250)}"],
    )
    for number in range(chance.randint(0, 12)):
        reserve_next(subnet, f"note {number}")
    DhcpScope(subnet=subnet).save()
    before = ledger()
    choices = Choices(first_is_gateway=chance.random() < 0.5)
    try:
        with change() as made:
            split(subnet, chance.choice(lengths(subnet.network)[:MOST]), choices)
    except (ValidationError, IPManagerError):
        assert ledger() == before
        return

    after = ledger()
    populate()
    assert ledger() == after
    undo(made)
    assert ledger() == before
    assert DhcpScope.objects.get().subnet == subnet


# --- the page -------------------------------------------------------------------------------------


def url_of(subnet):
    return reverse("admin:network_split", args=[subnet.pk])


def test_the_preview_shows_the_effect_and_changes_nothing(admin_client, office, settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    DhcpScope(subnet=office).save()
    ServerFactory(hostname="web-1", ip_address="10.0.0.20")
    before = ledger()

    page = admin_client.post(url_of(office), {"length": "25", "names": "East, West"})

    assert ledger() == before
    shown = [(str(part.network), part.name, part.held) for part in page.context["parts"]]
    assert shown == [("10.0.0.0/25", "East", 1), ("10.0.0.128/25", "West", 0)]
    diff = page.context["diff"]
    assert "10.0.0.100,10.0.0.126" in diff and "10.0.0.100,10.0.0.199" in diff

    digest = page.context["plan"].digest
    data = {"length": "25", "names": "East, West", "apply": "1", "digest": digest}
    done = admin_client.post(url_of(office), data, follow=True)
    assert messages_of(done) == ["10.0.0.0/24 is split into 2 networks."]
    effect = [(network, part.name) for network, part in parts(office).items()]
    assert effect == [(network, name) for network, name, _held in shown]
    assert {part.network: part.pools for part in page.context["parts"]} == {
        part.network: list(map(str, part.pools.all())) for part in parts(office).values()
    }


def test_the_preview_warns_of_lost_routers_and_of_more_to_hand_out(admin_client, office):
    page = admin_client.post(url_of(office), {"length": "25"})
    assert page.context["warnings"] == [
        "10.0.0.128/25 gets no gateway: its machines are told no router.",
        "10.0.0.128/25 has no static pool: each of its free host addresses can be handed out.",
    ]


def test_the_page_names_who_is_in_the_way(admin_client, office):
    ServerFactory(hostname="scanner", ip_address="10.0.0.128")
    for further in ({}, {"apply": "1"}):
        page = admin_client.post(url_of(office), {"length": "25", **further})
        assert page.status_code == 409 and "scanner" in page.context["refusal"]
    assert not parts(office)


@pytest.mark.parametrize("length", ["", "abc", "\0", "9" * 30, "-1", "24"])
def test_what_is_no_length_is_refused_on_the_page(admin_client, office, length):
    assert admin_client.post(url_of(office), {"length": length}).status_code == 409


def test_who_may_not_change_subnets_is_refused(office):
    client = Client()
    client.force_login(staff("ipam.view_subnet", "ipam.view_ipaddress", "ipam.add_subnet"))
    for ask in (client.get, client.post):
        assert ask(url_of(office), {"length": "25", "apply": "1"}).status_code == 403
    assert Pool.objects.count() == 2


def test_the_parts_of_a_subnet_without_names_have_none(office):
    NamesOff.objects.create(subnet=office)
    made = split(office, 25, Choices())
    assert set(NamesOff.objects.values_list("subnet", flat=True)) == {
        office.pk,
        made[0].pk,
        made[1].pk,
    }


def test_what_was_saved_meanwhile_is_not_lost(office):
    former = Subnet.objects.get(pk=office.pk)
    office.domain = "new.example"
    office.save()
    made = split(former, 25, Choices())
    assert {part.domain for part in made} == {"new.example"}
    assert Subnet.objects.get(pk=office.pk).domain == "new.example"
