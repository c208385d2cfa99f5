"""The map of all networks, on its page and on the first one; and the small lines of the tree."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localdate

from ipam.models import UsageDay
from tests.ipam.admin_forms import queries_of
from tests.ipam.factories import ServerFactory, SubnetFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db
MAP, HOME, TREE = map(reverse, ("admin:networks_map", "admin:index", "admin:networks"))


def blocks(page):
    return [[block.text or block.figure for block in strip.blocks] for strip in strips(page)]


def strips(page):
    return page.context["strips"]


@pytest.fixture
def campus():
    SubnetFactory(network="10.0.0.0/22", name="Campus")
    return SubnetFactory(
        network="10.0.1.0/24", name="Office", static_ip_pools=["10.0.1.10-10.0.1.11"]
    )


def test_a_strip_has_the_networks_inside_and_the_gaps_in_the_order_of_addresses(
    admin_client, campus
):
    SubnetFactory(network="10.9.0.0/24", name="Lab")
    page = admin_client.get(MAP)
    assert blocks(page) == [["256 free", "Office", "512 free"], ["Lab"]]
    assert blocks(admin_client.get(HOME)) == blocks(page)


def test_a_block_shows_by_figure_and_colour_how_much_is_given_out(admin_client, campus):
    ServerFactory(ip_address="10.0.1.10")
    office = strips(admin_client.get(MAP))[0].blocks[1]
    assert (office.figure, office.classes) == ("50 %", "w6 h3")
    ServerFactory(ip_address="10.0.1.11")
    assert strips(admin_client.get(MAP))[0].blocks[1].classes == "w6 h5"


def test_of_ipv6_it_is_a_number(admin_client):
    SubnetFactory(network="2001:db8::/64", name="Six")
    ServerFactory(ip_address="2001:db8::5")
    assert strips(admin_client.get(MAP))[0].blocks[0].figure == "1"


def test_a_gap_leads_to_the_form_only_for_those_who_may_add_a_network(admin_client, campus):
    form = strips(admin_client.get(MAP))[0].blocks[0].url
    assert form.startswith(reverse("admin:ipam_subnet_add"))
    reader = Client()
    reader.force_login(staff("ipam.view_subnet"))
    assert strips(reader.get(MAP))[0].blocks[0].url == ""


def test_the_number_of_queries_does_not_grow_with_the_networks(admin_client, campus):
    few = {url: queries_of(admin_client, url) for url in (MAP, TREE)}
    for number in range(8):
        SubnetFactory(network=f"10.0.2.{32 * number}/27")
    assert {url: queries_of(admin_client, url) for url in few} == few


def test_the_tree_shows_the_last_90_days_as_a_line(admin_client, campus):
    for ago, used in ((0, 2), (6, 1), (7, 1), (200, 1)):
        UsageDay.objects.create(
            day=localdate() - timedelta(days=ago),
            subnet_id=campus.pk,
            static_total=2,
            static_used=used,
        )
    lines = {
        line.subnet["pk"]: line for line in admin_client.get(TREE).context["lines"] if line.subnet
    }
    assert 'points="0.0,12.0 100.0,2.0"' in lines[campus.pk].trend


# --- what needs somebody --------------------------------------------------------------------------


def test_a_network_that_is_nearly_full_is_told_with_one_button(admin_client, campus):
    for last in (10, 11):
        ServerFactory(ip_address=f"10.0.1.{last}")
    needs = [need for need in admin_client.get(HOME).context["needs"] if "Office" in need.text]
    assert [(need.level, str(need.button)) for need in needs] == [("error", "Add a pool")]
    assert needs[0].url == reverse("admin:network", args=[campus.pk])


def test_the_worst_comes_first(admin_client, campus):
    for last in (10, 11):
        ServerFactory(ip_address=f"10.0.1.{last}")
    levels = [need.level for need in admin_client.get(HOME).context["needs"]]
    assert levels == sorted(levels)
