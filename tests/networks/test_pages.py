"""The pages of the networks: what they say, who may see what, and that their queries stay few."""

import ipaddress
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dhcp.models import DhcpScope
from ipam.models import IPAddress, Sighting
from tests.ipam.admin_forms import queries_of
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory, VRFFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db
TREE = reverse("admin:networks")
TABS = ("network", "network_addresses", "network_dhcp", "network_leases", "network_space")


@pytest.fixture
def office():
    return SubnetFactory(
        network="10.0.0.0/24",
        name="Office",
        gateway="10.0.0.1",
        static_ip_pools=["10.0.0.10-10.0.0.19"],
        dhcp_pools=["10.0.0.100-10.0.0.119"],
    )


def page_of(subnet, name="network", **query):
    return reverse(f"admin:{name}", args=[subnet.pk], query=query or None)


def address_page(ip, **query):
    return reverse("admin:network_address", args=[ip], query=query or None)


def lease(ip, **fields):
    until = timezone.now() + timedelta(hours=1)
    mac = "02:00:00:00:00:99"
    Sighting.objects.create(
        ip_address=ip, mac_address=mac, source="lease", leased_until=until, **fields
    )


def kinds(page):
    """What each cell of a map is, by its address."""
    cells = [cell for grid in page.context["grids"] for row in grid.rows for cell in row.cells]
    return {cell.ip: cell.kind for cell in cells}


# --- the tree -------------------------------------------------------------------------------------


def lines(page):
    """Each line with its depth: a network or a gap."""
    found = []
    for line in page.context["lines"]:
        text = line.gap.text if line.gap else str(line.subnet["network"])
        found.append((line.depth, text))
    return found


def test_the_tree_shows_subnets_inside_others_and_the_gaps_between_them(admin_client, office):
    SubnetFactory(network="10.0.0.0/22")
    assert lines(admin_client.get(TREE)) == [
        (0, "10.0.0.0/22"),
        (1, "10.0.0.0/24"),
        (1, "10.0.1.0–10.0.3.255"),
    ]
    assert lines(admin_client.get(f"{TREE}?gaps=0")) == [(0, "10.0.0.0/22"), (1, "10.0.0.0/24")]


def test_a_gap_leads_to_the_form_of_the_largest_network_that_fits(admin_client, office):
    SubnetFactory(network="10.0.0.0/22")
    gap = admin_client.get(TREE).context["lines"][-1].gap
    form = admin_client.get(gap.url)
    assert form.context["adminform"].form["network"].value() == "10.0.2.0/23"


def test_folding_a_network_hides_what_is_in_it_and_opening_shows_it_again(admin_client, office):
    SubnetFactory(network="10.0.0.0/22")
    fold = admin_client.get(TREE).context["lines"][0].fold_url.partition("#")[0]
    folded = admin_client.get(fold)
    assert lines(folded) == [(0, "10.0.0.0/22")]
    opened = admin_client.get(folded.context["lines"][0].fold_url.partition("#")[0])
    assert len(lines(opened)) == 3


def test_all_are_opened_and_folded_by_a_word_whatever_their_number(admin_client, office):
    SubnetFactory(network="10.0.0.0/22")
    page = admin_client.get(TREE)
    folded = admin_client.get(page.context["fold_all_url"])
    assert lines(folded) == [(0, "10.0.0.0/22")]
    assert len(lines(admin_client.get(folded.context["lines"][0].fold_url))) == 3
    opened = admin_client.get(folded.context["open_all_url"])
    assert len(lines(opened)) == 3
    assert lines(admin_client.get(opened.context["lines"][0].fold_url)) == [(0, "10.0.0.0/22")]


def test_sorted_by_what_is_left_the_fullest_comes_first(admin_client, office):
    SubnetFactory(network="10.1.0.0/29")
    SubnetFactory(network="10.2.0.0/20")
    page = admin_client.get(f"{TREE}?sort=left")
    assert [text for _depth, text in lines(page)] == ["10.1.0.0/29", "10.0.0.0/24", "10.2.0.0/20"]


def test_the_tree_is_narrowed_to_a_vrf(admin_client, office):
    blue = VRFFactory(name="blue")
    SubnetFactory(network="10.0.0.0/24", vrf=blue, name="Blue")
    assert len(lines(admin_client.get(TREE))) == 2
    assert [line.subnet["name"] for line in _of(admin_client, vrf=blue.pk)] == ["Blue"]
    assert [line.subnet["name"] for line in _of(admin_client, vrf="none")] == ["Office"]


def _of(client, **query):
    return client.get(TREE, query).context["lines"]


# --- the map --------------------------------------------------------------------------------------


def test_each_address_of_a_small_network_is_a_cell_that_says_what_it_is(admin_client, office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.10")
    IPAddressFactory(ip_address="10.0.0.40", status="reserved", description="door")
    IPAddress.objects.filter(ip_address="10.0.0.11").update(status="quarantine")
    lease("10.0.0.100")

    page = admin_client.get(page_of(office))
    found = kinds(page)

    assert len(found) == 256
    expected = {
        "10.0.0.0": "special",
        "10.0.0.1": "gateway",
        "10.0.0.2": "outside",
        "10.0.0.10": "allocated",
        "10.0.0.11": "quarantine",
        "10.0.0.12": "free",
        "10.0.0.40": "reserved",
        "10.0.0.100": "leased",
        "10.0.0.101": "dhcp",
        "10.0.0.255": "special",
    }
    assert {ip: found[ip] for ip in expected} == expected
    assert 'title="10.0.0.10 · used · web-1"' in page.content.decode()


def test_a_large_network_is_blocks_with_how_full_they_are(admin_client):
    whole = SubnetFactory(network="10.8.0.0/16")
    part = SubnetFactory(network="10.8.4.0/24", static_ip_pools=["10.8.4.0-10.8.4.19"])
    wide = SubnetFactory(network="10.8.8.0/22")
    for last in range(1, 11):
        IPAddress.objects.filter(ip_address=f"10.8.4.{last}").update(status="reserved")

    page = admin_client.get(page_of(whole))
    blocks = [block for _head, line in page.context["blocks"] for block in line]

    assert len(blocks) == 256
    assert blocks[4].url == page_of(part) and blocks[4].text == "53"  # 10 of 19
    assert "10 of 19 in use" in blocks[4].title
    assert blocks[9].url == page_of(wide, at="10.8.9.0/24")
    assert blocks[7].url == page_of(whole, at="10.8.7.0/24")
    assert len(kinds(admin_client.get(blocks[7].url))) == 256


@pytest.mark.parametrize("at", ["10.9.0.0/24", "10.8.0.1/24", "abc", "2001:db8::/64"])
def test_a_part_that_is_not_in_the_network_is_not_found(admin_client, at):
    whole = SubnetFactory(network="10.8.0.0/16")
    assert admin_client.get(page_of(whole, at=at)).status_code == 404


def test_of_an_ipv6_network_the_blocks_in_use_are_shown(admin_client):
    wire = SubnetFactory(network="2001:db8:0:1::/64")
    for ip in ("2001:db8:0:1::5", "2001:db8:0:1::6", "2001:db8:0:1:8000::9"):
        ServerFactory(ip_address=ip)

    blocks = admin_client.get(page_of(wire)).context["occupied"]

    assert [(str(one["block"]), one["counts"][0][2]) for one in blocks] == [
        ("2001:db8:0:1::/120", 2),
        ("2001:db8:0:1:8000::/120", 1),
    ]
    assert kinds(admin_client.get(blocks[0]["url"]))["2001:db8:0:1::5"] == "allocated"


def test_the_same_address_in_another_vrf_is_another_one(admin_client, office):
    blue = SubnetFactory(network="10.0.0.0/24", vrf=VRFFactory())
    ServerFactory(ip_address="10.0.0.30", vrf=blue.vrf)
    assert kinds(admin_client.get(page_of(office)))["10.0.0.30"] == "outside"
    assert kinds(admin_client.get(page_of(blue)))["10.0.0.30"] == "allocated"


# --- the other tabs -------------------------------------------------------------------------------


def test_the_addresses_come_first_and_free_ranges_as_one_row_each(admin_client, office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.12")
    page = admin_client.get(page_of(office, "network_addresses"))
    assert [str(row.ip_address) for row in page.context["rows"]] == ["10.0.0.12"]
    free = [(str(one.first), str(one.last), one.kind) for one in page.context["free"]]
    assert free == [
        ("10.0.0.10", "10.0.0.11", "static"),
        ("10.0.0.13", "10.0.0.19", "static"),
        ("10.0.0.100", "10.0.0.119", "dhcp"),
    ]


def test_the_dhcp_tab_says_how_it_is_served_or_that_it_is_not(admin_client, office):
    url = page_of(office, "network_dhcp")
    assert "it has no scope" in admin_client.get(url).content.decode()
    DhcpScope(subnet=office, lease_time=600).save()
    assert ("Lease time", "600 s") in admin_client.get(url).context["facts"]


def test_the_leases_tab_lists_who_has_one(admin_client, office):
    lease("10.0.0.100", hostname="visitor")
    page = admin_client.get(page_of(office, "network_leases"))
    assert [lease.hostname for lease in page.context["leases"]] == ["visitor"]


def test_the_space_tab_shows_the_subnets_and_the_gaps(admin_client, office):
    whole = SubnetFactory(network="10.0.0.0/23")
    page = admin_client.get(page_of(whole, "network_space"))
    assert [bool(entry.get("gap")) for entry in page.context["entries"]] == [False, True]
    assert str(page.context["largest"][0].network) == "10.0.1.0/24"


# --- an address -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ip", "sentence"),
    [
        ("10.0.0.12", "10.0.0.12: Allocated, server “web-1”, in the static pool"),
        ("10.0.0.13", "10.0.0.13 is free, in the static pool"),
        ("10.0.0.1", "10.0.0.1 is the gateway of"),
        ("10.0.0.100", "10.0.0.100 is leased to 02:00:00:00:00:99 (visitor)"),
        ("192.0.2.1", "192.0.2.1 is in no subnet."),
    ],
)
def test_every_address_has_a_page_with_one_sentence(admin_client, office, ip, sentence):
    ServerFactory(hostname="web-1", ip_address="10.0.0.12")
    lease("10.0.0.100", hostname="visitor")
    assert sentence in admin_client.get(address_page(ip)).content.decode()


def actions(client, ip):
    return [str(action.label) for action in client.get(address_page(ip)).context["actions"]]


def test_an_address_offers_what_its_state_allows(admin_client, office):
    ServerFactory(ip_address="10.0.0.12")
    IPAddress.objects.filter(ip_address="10.0.0.13").update(status="reserved")
    assert actions(admin_client, "10.0.0.12") == ["Why?"]
    assert actions(admin_client, "10.0.0.13") == ["Assign to a server", "Release", "Why?"]
    assert actions(admin_client, "10.0.0.14") == [
        *("Assign to a server", "Reserve", "Quarantine"),
        "Why?",
    ]
    assert actions(admin_client, "10.0.0.1") == ["Why?"]


@pytest.mark.parametrize("ip", ["1", "abc", "10.0.0.999", "fe80::1%eth0"])
def test_what_is_no_address_has_no_page(admin_client, ip):
    assert admin_client.get(address_page(ip)).status_code == 404


def test_the_page_of_an_address_in_a_vrf_speaks_of_that_vrf(admin_client, office):
    blue = SubnetFactory(network="10.0.0.0/24", vrf=VRFFactory(), name="Blue")
    page = admin_client.get(address_page("10.0.0.12", vrf=blue.vrf_id))
    assert page.context["found"].subnet == blue
    assert admin_client.get(address_page("10.0.0.12", vrf="9" * 30)).status_code == 404


# --- rights ---------------------------------------------------------------------------------------


def client_of(*permissions):
    client = Client()
    client.force_login(staff(*permissions))
    return client


def all_pages(subnet):
    pages = [page_of(subnet, name) for name in TABS]
    ends = {"first": "10.0.0.12", "last": "10.0.0.14", "verb": "reserve"}
    return [TREE, *pages, page_of(subnet, "network_range", **ends), address_page("10.0.0.12")]


def test_without_the_right_to_view_subnets_no_page_opens(office):
    client = client_of("ipam.view_ipaddress", "ipam.change_ipaddress", "ipam.view_server")
    assert {client.get(url).status_code for url in all_pages(office)} == {403}


def test_who_may_view_subnets_only_sees_no_address_server_or_vrf(office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.12")
    blue = SubnetFactory(network="10.0.0.0/24", vrf=VRFFactory(name="blue-vrf"))
    client = client_of("ipam.view_subnet")
    for url in (TREE, page_of(office), page_of(blue), page_of(office, "network_space")):
        text = client.get(url).content.decode()
        assert not re.search("web-1|10[.]0[.]0[.]12|blue-vrf", text), url
    for name in ("network_addresses", "network_dhcp", "network_leases", "network_range"):
        assert client.get(page_of(office, name)).status_code == 403


def test_leases_and_servers_are_shown_to_those_who_may_view_them(office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.12")
    lease("10.0.0.100", hostname="visitor")
    client = client_of("ipam.view_subnet", "ipam.view_ipaddress")
    assert kinds(client.get(page_of(office)))["10.0.0.100"] == "dhcp"
    assert "visitor" not in client.get(address_page("10.0.0.100")).content.decode()
    assert (
        reverse("admin:ipam_server_changelist")
        not in client.get(address_page("10.0.0.12")).content.decode()
    )


def test_a_server_is_not_named_to_those_who_may_not_view_servers(office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.12")
    IPAddress.objects.filter(ip_address="10.0.0.12").update(hostname="")
    client = client_of("ipam.view_subnet", "ipam.view_ipaddress", "ipam.change_ipaddress")
    ends = {"first": "10.0.0.12", "last": "10.0.0.12"}
    for url in (
        address_page("10.0.0.12"),
        page_of(office),
        page_of(office, "network_addresses"),
        *(page_of(office, "network_range", verb=verb, **ends) for verb in ("reserve", "release")),
    ):
        assert "web-1" not in client.get(url).content.decode(), url
    assert actions(client, "10.0.0.12") == []


BAD = ["\0", "9" * 30, "-1", "abc", "1,2", "10.0.0.0/99", "é²", "9" * 5000]


@pytest.mark.parametrize("bad", BAD)
def test_no_crafted_value_breaks_a_page(admin_client, office, bad):
    for name in ("sort", "gaps", "vrf", "folded", "open"):
        assert admin_client.get(TREE, {name: bad}).status_code == 200
    assert admin_client.get(page_of(office), {"at": bad}).status_code == 404
    assert admin_client.get(page_of(office, "network_addresses"), {"from": bad}).status_code == 200
    assert admin_client.get(address_page("10.0.0.12"), {"vrf": bad}).status_code == 404
    assert admin_client.get(f"{TREE}{'9' * 30}/").status_code == 404


# --- queries --------------------------------------------------------------------------------------


def fill():
    """Twenty more subnets, two hundred more addresses."""
    for number in range(1, 21):
        subnet = SubnetFactory(network=f"10.0.{number}.0/24")
        rows = [
            IPAddress(ip_address=subnet.network[last], subnet=subnet, status="reserved")
            for last in range(1, 11)
        ]
        IPAddress.objects.bulk_create(rows)


def test_the_queries_of_no_page_grow_with_the_ledger(admin_client, office):
    whole = SubnetFactory(network="10.0.0.0/16")
    DhcpScope(subnet=office).save()
    ServerFactory(ip_address="10.0.0.12")
    SubnetFactory(network="10.0.200.0/24")
    pages = [*all_pages(office), page_of(whole), page_of(whole, "network_space")]
    before = {url: queries_of(admin_client, url) for url in pages}

    fill()
    for last in range(40, 60):
        ServerFactory(ip_address=ipaddress.ip_address(f"10.0.0.{last}"))

    assert {url: queries_of(admin_client, url) for url in pages} == before
    assert max(before.values()) < 45


def test_the_page_leads_to_what_can_be_planned_and_to_files(admin_client, office):
    labels = [
        str(plan["label"]) for plan in admin_client.get(page_of(office)).context["head"].plans()
    ]
    assert labels == ["Split", "Resize", "Move machines", "Import", "Export"]
    client = Client()
    client.force_login(staff("ipam.view_subnet"))
    assert client.get(page_of(office)).context["head"].plans() == []
