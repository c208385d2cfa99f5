"""/ipam/: what staff see, filter, sort and page through."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ipam.allocate import allocate, find, quarantine, reserve
from ipam.models import IPAddress, Server, Sighting
from tests.ipam.factories import ServerFactory, SubnetFactory, VRFFactory

pytestmark = pytest.mark.django_db

COLUMNS = [
    "IP Address",
    "Subnet",
    "Status",
    "Active",
    "Hostname",
    "MAC Address",
    "Type",
    "VM/Server",
    "Actions",
]


@pytest.fixture
def office():
    """Ten addresses: one of a server, one of a VM, one reserved, one in quarantine, six free."""
    office = SubnetFactory(
        network="10.112.57.0/24", name="Büro", static_ip_pools=["10.112.57.10-10.112.57.19"]
    )
    ServerFactory(hostname="web-01", ip_address="10.112.57.10", mac_address="04:b1:75:ef:2d:a2")
    allocate(office, wanted="10.112.57.11", vm_id="vm-7", hostname="ci-runner")
    reserve(find("10.112.57.12"), "Printer of the reception")
    quarantine(find("10.112.57.13"), "Answers, but nobody knows it")
    return office


@pytest.fixture
def rack():
    return SubnetFactory(
        network="10.112.60.0/24", name="Rack", static_ip_pools=["10.112.60.10-10.112.60.14"]
    )


@pytest.fixture
def show(admin_client):
    """Open the list with these filters."""

    def open_page(**filters):
        return admin_client.get("/ipam/", filters)

    return open_page


def addresses(page):
    return [str(row) for row in page.context["listing"].rows]


def counts(page):
    return {count.status: count.number for count in page.context["listing"].counts}


def operator(client, *permissions):
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)


# --- who may --------------------------------------------------------------------------------------


def test_strangers_are_sent_to_the_login(client):
    answer = client.get("/ipam/?q=10.")
    assert answer.status_code == 302
    assert answer["Location"] == "/admin/login/?next=/ipam/%3Fq%3D10."


def test_users_who_are_not_staff_are_refused(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("guest"))
    assert client.get("/ipam/").status_code == 403


def test_who_may_change_addresses_gets_a_link_to_edit_each(show, office):
    row = IPAddress.objects.get(ip_address="10.112.57.10")
    assert f'href="/admin/ipam/ipaddress/{row.pk}/change/">Edit<' in show().text


def test_who_may_only_look_gets_a_link_to_view(client, office):
    operator(client, "view_ipaddress")
    page = client.get("/ipam/").text
    assert ">View<" in page and ">Edit<" not in page


def test_staff_without_the_permission_see_no_address(client, office):
    operator(client)
    answer = client.get(f"/ipam/?subnet={office.pk}")
    assert answer.status_code == 403
    assert "10.112.57." not in answer.text


def test_links_lead_only_where_the_reader_may_go(client, office):
    operator(client, "view_ipaddress")
    page = client.get("/ipam/?q=10.112.57.10").text
    assert "10.112.57.10" in page
    assert not re.search(r'href="/admin/ipam/(subnet|server|vrf)/', page)


# --- what is shown --------------------------------------------------------------------------------


def test_the_columns_are_those_of_the_original(show, office):
    heads = re.findall(r"<th role=\"columnheader\".*?</th>", show().text)
    assert [re.sub(r"<.*?>", "", head) for head in heads] == COLUMNS


def test_a_row_names_its_subnet_and_its_cidr(show, office):
    page = show(q="10.112.57.10").text
    assert '<span class="name">Büro</span> <span class="cidr">10.112.57.0/24</span>' in page


def test_a_status_is_told_by_word_and_shape_too(show, office):
    page = show(status="quarantine").text
    assert '<span class="shape quarantine" aria-hidden="true"></span>Quarantine</span>' in page


def test_active_is_only_what_a_ping_has_shown(show, office):
    Sighting.objects.create(ip_address="10.112.57.10", source="ping")
    Sighting.objects.create(
        ip_address="10.112.57.12", source="lease", mac_address="02:00:00:00:00:01"
    )
    IPAddress.objects.filter(ip_address="10.112.57.11").update(active=False)
    assert addresses(show(active="yes")) == ["10.112.57.10"]
    assert addresses(show(active="no")) == ["10.112.57.11"]
    assert len(addresses(show(active="unknown"))) == 8
    marks = re.findall(r'<td role="cell" class="active"><span class="(\w+)"', show().text)
    assert marks[:3] == ["yes", "no", "unknown"]


def test_a_ping_in_one_vrf_says_nothing_about_another(show, office):
    vrf = VRFFactory()
    SubnetFactory(vrf=vrf, network="10.112.57.0/24", static_ip_pools=["10.112.57.10"])
    Sighting.objects.create(vrf=vrf, ip_address="10.112.57.10", source="ping")
    probed = show(active="yes").context["listing"].rows
    assert [row.vrf for row in probed] == [vrf]


def test_names_and_descriptions_are_text_never_markup(show, office):
    payload = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    reserve(find("10.112.57.12"), payload)
    allocate(office, vm_id=payload, hostname=payload)
    page = show(q=payload[:20]).text + show().text
    assert "<script>alert" not in page and "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_nothing_on_the_page_needs_inline_scripts_or_styles(show, office):
    answer = show(subnet=office.pk)
    assert "'unsafe" not in answer["Content-Security-Policy"]
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! src=)", answer.text)


# --- filters --------------------------------------------------------------------------------------


def test_filters_combine(show, office, rack):
    assert addresses(show(subnet=office.pk, status="allocated", q="web", ip_type="static")) == [
        "10.112.57.10"
    ]
    assert addresses(show(subnet=rack.pk, status="allocated")) == []


def test_addresses_in_no_subnet_are_shown_and_can_be_asked_for(show, office):
    ServerFactory(hostname="stray", ip_address="192.168.9.9")
    assert "192.168.9.9" in addresses(show())
    page = show(subnet="none")
    assert addresses(page) == ["192.168.9.9"]
    assert "in no subnet</span>" in page.text


def test_type_tells_static_from_dhcp(show, office):
    ServerFactory(hostname="outside", ip_address="10.112.57.200")
    assert addresses(show(ip_type="dhcp")) == ["10.112.57.200"]


def test_the_vrf_filter_appears_with_the_first_vrf(show, office):
    assert 'name="vrf"' not in show().text
    vrf = VRFFactory(name="blue")
    SubnetFactory(vrf=vrf, network="10.112.57.0/24", static_ip_pools=["10.112.57.10"])
    assert [row.vrf for row in show(vrf=vrf.pk).context["listing"].rows] == [vrf]
    assert len(addresses(show(vrf="none"))) == 10
    assert '<optgroup label="blue">' in show().text


@pytest.mark.parametrize(
    ("name", "value", "label"),
    [
        ("subnet", "999999", "Subnet"),
        ("subnet", "x", "Subnet"),
        ("status", "free", "Status"),
        ("ip_type", "both", "Type"),
        ("active", "maybe", "Active"),
        ("vrf", "7", "VRF"),
        ("sort", "password", "Sort by"),
        ("sort", "--ip_address", "Sort by"),
        ("page_size", "many", "Rows per page"),
        ("q", "a\0b", "Search"),
        ("q", "x" * 201, "Search"),
    ],
)
def test_a_wrong_value_names_its_field_and_shows_no_rows(show, office, name, value, label):
    page = show(**{name: value})
    assert page.status_code == 400
    assert f"<strong>{label}:</strong>" in page.text
    assert "10.112.57.10" not in page.text


def test_the_drop_down_shows_how_subnets_nest(show, office):
    around = SubnetFactory(network="10.112.0.0/16", name="House")
    vrf = VRFFactory(name="blue")
    SubnetFactory(vrf=vrf, network="10.112.57.0/25")
    page = show().text
    indent = "\N{NO-BREAK SPACE}" * 3
    assert f'<option value="{around.pk}">10.112.0.0/16  House</option>' in page
    assert f'<option value="{office.pk}">{indent}10.112.57.0/24  Büro</option>' in page
    assert ">10.112.57.0/25</option>" in page  # in another VRF: inside nothing


def test_a_chosen_subnet_stays_chosen(show, office):
    assert f'<option value="{office.pk}" selected>' in show(subnet=office.pk).text


# --- the four numbers -----------------------------------------------------------------------------


def test_the_counts_follow_every_filter_but_the_status(show, office, rack):
    of_office = {"available": 6, "allocated": 2, "reserved": 1, "quarantine": 1}
    assert counts(show()) == of_office | {"available": 11}
    assert counts(show(subnet=office.pk)) == of_office
    assert counts(show(subnet=office.pk, status="reserved")) == of_office
    assert counts(show(q="web")) == {"available": 0, "allocated": 1, "reserved": 0, "quarantine": 0}


def test_a_count_leads_to_its_rows_and_back(show, office):
    assert (
        f'href="?subnet={office.pk}&amp;status=reserved"' in show(subnet=office.pk, page="2").text
    )
    assert (
        f'aria-current="true" href="?subnet={office.pk}"'
        in show(subnet=office.pk, status="reserved").text
    )


def test_free_addresses_without_a_row_are_counted_with_their_subnet(show):
    large = SubnetFactory(network="10.0.0.0/8", static_ip_pools=["10.0.0.0-10.255.255.255"])
    allocate(large)
    page = show(subnet=large.pk)
    assert counts(page)["available"] == 2**24 - 3
    assert "16,777,213" in page.text
    listed = IPAddress.objects.filter(status="available").count()
    assert f"{2**24 - 3 - listed:,} available addresses are not listed" in page.text


def test_with_another_filter_only_rows_are_counted(show):
    large = SubnetFactory(network="10.0.0.0/8", static_ip_pools=["10.0.0.0-10.255.255.255"])
    allocate(large)
    assert counts(show(subnet=large.pk, q="10.0.0.0/28"))["available"] == 14


def test_a_subnet_says_how_full_it_is_and_what_lies_inside(show, office):
    around = SubnetFactory(network="10.112.0.0/16", name="House")
    assert "4 of 10 static addresses in use" in show(subnet=office.pk).text
    page = show(subnet=around.pk).text
    assert (
        'href="?q=10.112.0.0%2F16&amp;vrf=none">Show everything in 10.112.0.0/16, its subnet '
        "included" in page
    )


# --- pages and order ------------------------------------------------------------------------------


@pytest.fixture
def many():
    SubnetFactory(network="10.9.0.0/16", static_ip_pools=["10.9.0.1-10.9.1.44"])  # 300 addresses


def test_a_page_has_25_rows_until_the_reader_asks_for_more(show, many):
    assert len(addresses(show())) == 25
    assert len(addresses(show(page_size="100"))) == 100


@pytest.mark.parametrize(
    ("wanted", "given"), [("100000", 250), ("1e9", 250), ("60", 50), ("0", 25), ("-5", 25)]
)
def test_the_page_size_is_the_nearest_on_offer_250_at_most(show, many, wanted, given):
    assert len(addresses(show(page_size=wanted))) == given


@pytest.mark.parametrize(
    ("wanted", "given"), [("999", 12), ("-3", 1), ("0", 1), ("x", 1), ("9" * 5000, 1), ("12", 12)]
)
def test_a_page_that_does_not_exist_is_the_nearest_one(show, many, wanted, given):
    assert show(page=wanted).context["listing"].page.number == given


@pytest.mark.parametrize("sort", ["ip_address", "-ip_address", "hostname", "-holder"])
def test_all_pages_together_show_every_row_once(show, many, sort):
    seen = [
        address
        for number in range(1, 7)
        for address in addresses(show(page=number, page_size=50, sort=sort))
    ]
    assert sorted(seen) == sorted(map(str, IPAddress.objects.all()))


def test_the_pages_keep_filter_order_and_size(show, many):
    page = show(q="10.9.", sort="-ip_address", page_size="50", page="2").text
    assert 'rel="next" href="?q=10.9.&amp;sort=-ip_address&amp;page_size=50&amp;page=3"' in page


def test_another_page_size_keeps_the_first_row_in_sight(show, many):
    assert 'href="?page=2&amp;page_size=50"' in show(page="3").text


@pytest.mark.parametrize(
    "key", ["ip_address", "subnet", "status", "hostname", "mac_address", "ip_type", "holder"]
)
def test_every_column_sorts_both_ways_with_empty_cells_last(show, office, rack, key):
    def cells(sort):
        return [cell(row, key) for row in show(sort=sort).context["listing"].rows]

    up, down = cells(key), cells("-" + key)
    filled = [value for value in up if value]
    assert filled == sorted(filled)
    assert [value for value in down if value] == filled[::-1]
    assert all(up[: len(filled)]) and all(down[: len(filled)])


def cell(row, key):
    if key == "subnet":
        return row.subnet and row.subnet.network
    if key == "holder":
        return row.server.hostname if row.server else row.vm_id
    return getattr(row, key)


def test_the_head_says_how_the_rows_are_sorted(show, office):
    page = show(sort="hostname").text
    assert 'aria-sort="ascending"><a href="?sort=-hostname">Hostname' in page
    assert page.count("aria-sort") == 1


# --- emptiness ------------------------------------------------------------------------------------


def test_an_empty_ledger_says_how_to_begin(show):
    page = show().text
    assert "No subnet yet" in page
    assert 'href="/admin/ipam/subnet/add/"' in page
    assert "manage.py import_csv subnets" in page


def test_no_match_offers_to_clear_the_filters(show, office):
    page = show(q="nosuchname").text
    assert "Nothing matches" in page
    assert '<a class="primary" href="/ipam/">Clear filters</a>' in page


# --- languages ------------------------------------------------------------------------------------


def test_the_reader_may_switch_to_german_and_stay_on_the_page(admin_client, office):
    answer = admin_client.post(
        "/i18n/setlang/", {"language": "de", "next": f"/ipam/?subnet={office.pk}"}
    )
    page = admin_client.get(answer["Location"]).text
    assert '<html lang="de">' in page
    for word in (
        "IP-Adressen",
        "Verfügbar",
        "Reserviert",
        "In Quarantäne",
        "Zurücksetzen",
        "Bearbeiten",
    ):
        assert word in page


def test_a_german_browser_gets_german_messages(admin_client, office):
    page = admin_client.get("/ipam/?subnet=x", headers={"accept-language": "de"}).text
    assert "<strong>Subnetz:</strong> Es gibt kein Subnetz „x“" in page


# --- speed ----------------------------------------------------------------------------------------


VIEWS = [
    "",
    "subnet={}",
    "q=host",
    "q=02:00:0a",
    "q=10.7.",
    "status=available&sort=subnet",
    "active=yes",
    "sort=holder",
]


def test_the_number_of_queries_does_not_depend_on_the_rows(admin_client):
    first = grow(range(1, 3), rows=2)
    few = {view: queries(admin_client, view.format(first.pk)) for view in VIEWS}
    grow(range(3, 9), rows=6)
    assert {view: queries(admin_client, view.format(first.pk)) for view in VIEWS} == few
    assert max(few.values()) <= 10


def queries(client, view):
    with CaptureQueriesContext(connection) as context:
        assert client.get(f"/ipam/?page_size=250&{view}").context["listing"].rows
    return len(context)


def grow(numbers, rows):
    """Subnets with free addresses, and servers on as many others; the first subnet."""
    subnets = [
        SubnetFactory(
            network=f"10.7.{number}.0/24",
            static_ip_pools=[f"10.7.{number}.10-10.7.{number}.{9 + 2 * rows}"],
        )
        for number in numbers
    ]
    places = [subnet.network[place] for subnet in subnets for place in range(10, 10 + rows)]
    Server.objects.bulk_create(
        Server(
            hostname=f"host-{n}",
            ip_address=n,
            mac_address=f"02:00:{':'.join(f'{b:02x}' for b in n.packed)}",
        )
        for n in places
    )
    Sighting.objects.bulk_create(Sighting(ip_address=place, source="ping") for place in places)
    return subnets[0]
