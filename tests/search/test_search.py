"""What the search finds, in which order, for whom, and in how many queries."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from changes.log.rights import Reader
from dhcp.models import DhcpServer
from discovery.inbox.models import UnknownDevice
from ipam.allocate import allocate, find, reserve
from ipam.models import Sighting
from search.asked import Asked
from search.find import find as search
from tests.ipam.factories import ServerFactory, SubnetFactory, VRFFactory
from tests.pxe.factories import ImageFactory
from tests.registry.factories import ServiceFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def ledger():
    SubnetFactory(network="10.1.0.0/16", name="campus", gateway="10.1.0.1")
    office = SubnetFactory(
        network="10.1.2.0/24",
        name="Büro Nord",
        vlan_id=30,
        site="Kassel",
        static_ip_pools=["10.1.2.10-10.1.2.19"],
        dhcp_pools=["10.1.2.100-10.1.2.150"],
    )
    ServerFactory(
        hostname="pc-17",
        ip_address="10.1.2.10",
        mac_address="02:00:5e:10:00:01",
        lan_port="UG-4-17",
        description="printer room",
    )
    ServerFactory(hostname="old-pc-17", ip_address="10.1.2.11")
    reserve(find("10.1.2.12"), "for the scanner")
    allocate(office, wanted="10.1.2.13", vm_id="vm-77", hostname="mail-77.example")
    Sighting.objects.create(
        ip_address="10.1.2.101",
        mac_address="02:00:00:00:aa:01",
        hostname="guest-phone",
        source="lease",
        leased_until=timezone.now() + timezone.timedelta(hours=1),
    )
    UnknownDevice.objects.create(mac_address="02:00:00:00:bb:01", source="arp")
    ServiceFactory(service_id="billing-1", name="billing", ip_address="10.1.2.13", port=8443)
    ImageFactory(name="debian-rescue", description="boots a rescue system")
    VRFFactory(name="tenant-a")
    DhcpServer.objects.create(name="kassel-dns", site="Kassel")


def ask(text, client=None):
    answer = (client or Client()).get("/admin/search/palette/", {"q": text})
    assert answer.status_code == 200, answer
    return answer.json()["groups"]


def titles(text, client):
    """The titles of the hits by the titles of their groups."""
    return {group["title"]: [hit["title"] for hit in group["hits"]] for group in ask(text, client)}


def hit(text, client, number=0):
    return ask(text, client)[number]["hits"][0]


@pytest.mark.parametrize(
    ("ip", "sentence"),
    [
        ("10.1.2.10", "Allocated, server “pc-17”, in the static pool"),
        ("10.1.2.12", "Reserved, a reservation “for the scanner”, in the static pool"),
        ("10.1.2.14", "is free, in the static pool"),
        ("10.1.2.101", "is leased to 02:00:00:00:aa:01 (guest-phone)"),
        ("10.1.2.120", "is free, in the DHCP pool"),
        ("10.1.9.9", "is free, in 10.1.0.0/16"),
        ("10.1.0.1", "is the gateway of 10.1.0.0/16"),
        ("10.9.9.9", "is in no subnet."),
        ("2001:db8::5", "is in no subnet."),
    ],
)
def test_every_address_answers(admin_client, ledger, ip, sentence):
    found = hit(ip, admin_client)
    assert (found["title"], sentence in found["detail"]) == (ip, True), found


@pytest.mark.parametrize(
    ("text", "group", "title"),
    [
        ("pc-17", "Servers", "pc-17"),
        ("PC-1", "Servers", "pc-17"),
        ("UG-4-17", "Servers", "pc-17"),
        ("printer", "Servers", "pc-17"),
        ("02:00:5e:1", "Servers", "pc-17"),
        ("5e10", "Servers", "pc-17"),
        ("02-00-5E-10-00-01", "Servers", "pc-17"),
        ("vm-77", "IP addresses", "10.1.2.13"),
        ("mail-77", "IP addresses", "10.1.2.13"),
        ("scanner", "IP addresses", "10.1.2.12"),
        ("10.1.2.", "IP addresses", "10.1.2.10"),
        ("büro", "Subnets", "10.1.2.0/24"),
        ("10.1.2.0/24", "Subnets", "10.1.2.0/24"),
        ("30", "VLANs", "VLAN 30"),
        ("vlan 30", "VLANs", "VLAN 30"),
        ("guest", "Leases", "10.1.2.101"),
        ("aa:01", "Leases", "10.1.2.101"),
        ("bb:01", "Unknown devices", "02:00:00:00:bb:01"),
        ("bill", "Services", "billing"),
        ("8443", "Services", "billing"),
        ("rescue", "Boot images", "debian-rescue"),
        ("tenant", "VRFs", "tenant-a"),
        ("kassel-dns", "DHCP servers", "kassel-dns"),
        ("hand edits", "Pages", "Hand edits"),
    ],
)
def test_rows_are_found_by_what_names_or_describes_them(admin_client, ledger, text, group, title):
    found = {name.casefold(): hits for name, hits in titles(text, admin_client).items()}
    assert title in found.get(group.casefold(), []), found


def test_the_row_with_just_this_name_comes_first_and_its_kind_too(admin_client, ledger):
    SubnetFactory(network="10.5.0.0/24", name="beside pc-17")
    found = titles("pc-17", admin_client)
    assert list(found)[:2] == ["Do", "Servers"]
    assert found["Servers"] == ["pc-17", "old-pc-17"]


@pytest.mark.parametrize(
    ("text", "title", "url"),
    [
        ("next free in büro", "Next free in 10.1.2.0/24", "/admin/ipam/ipaddress/next-free/?"),
        ("Nächste freie in Büro", "Next free in 10.1.2.0/24", "/admin/ipam/ipaddress/next-free/?"),
        ("boot pc-17 once", "Boot pc-17 once", "/admin/pxe/bootassignment/add/?server="),
        ("why 10.1.2.3", "Why 10.1.2.3?", "/admin/dhcp/lease/why/?q=10.1.2.3"),
        ("warum pc-17?", "Why pc-17?", "/admin/dhcp/lease/why/?q=pc-17"),
        ("release 10.1.2.12", "Release 10.1.2.12", "10.1.2.12"),
        ("add subnet", "Add subnet", "/admin/ipam/subnet/add/"),
        ("new network 10.7.0.0/24", "Add subnet: 10.7.0.0/24", "?network=10.7.0.0%2F24"),
        ("neuer Server pc-18", "Add server: pc-18", "?hostname=pc-18"),
        ("pc-17", "Boot pc-17 once", "/admin/pxe/bootassignment/add/?server="),
        ("10.1.2.15", "Next free in 10.1.2.0/24", "/next-free/?subnet="),
        ("10.9.8.7", "Create the subnet 10.9.8.0/24", "?network=10.9.8.0%2F24"),
        ("10.9.8.0/25", "Create the subnet 10.9.8.0/25", "?network=10.9.8.0%2F25"),
    ],
)
def test_what_one_can_do_leads_to_its_page(admin_client, ledger, text, title, url):
    (done,) = [group for group in ask(text, admin_client) if group["title"] == "Do"]
    urls = {hit["title"].partition("/24 ")[0]: hit["url"] for hit in done["hits"]}
    found = next((urls[name] for name in urls if title.startswith(name)), "")
    assert url in found, urls
    assert admin_client.get(found).status_code == 200


# --- rights ---------------------------------------------------------------------------------------

TEXTS = (
    "10.1.2.10",
    "10.1.2.101",
    "pc-17",
    "10.1.",
    "30",
    "02:00",
    "billing",
    "rescue",
    "boot pc-17",
)


def test_a_person_without_rights_finds_nothing(ledger):
    client = Client()
    client.force_login(staff())
    assert [ask(text, client) for text in TEXTS] == [[]] * len(TEXTS)


@pytest.mark.parametrize(
    ("permission", "groups"),
    [
        ("ipam.view_subnet", {"Subnets", "VLANs"}),
        ("ipam.view_server", {"Servers"}),
        ("ipam.view_ipaddress", {"Address", "Do", "IP addresses"}),
        ("dhcp.view_lease", {"Leases", "Do"}),
        ("pxe.add_bootassignment", set()),
        ("registry.view_service", {"Services"}),
        ("pxe.view_bootimage", {"Boot images"}),
    ],
)
def test_each_right_finds_its_own_rows(ledger, permission, groups):
    client = Client()
    client.force_login(staff(permission))
    found = {group for text in TEXTS for group in titles(text, client)}
    assert found - {"Pages"} == groups


def test_who_may_see_addresses_and_no_sightings_is_not_told_of_leases(ledger):
    client = Client()
    client.force_login(staff("ipam.view_ipaddress"))
    assert "lease" not in hit("10.1.2.101", client)["detail"]


@pytest.mark.parametrize("text", [*TEXTS, "kassel", "office"])
def test_a_reader_who_is_confined_to_networks_finds_nothing_outside(ledger, rf, text):
    """Readers of the API are; the pages' readers are not."""
    SubnetFactory(network="10.6.0.0/24", name="office")
    ServerFactory(hostname="inside", ip_address="10.6.0.5")
    request = rf.get("/", {"q": text})
    request.user = User.objects.create_superuser("root")
    reader = Reader(request.user, (ip_network("10.6.0.0/24"),))
    found = search(replace(Asked.of(request, 20), reader=reader))
    shown = [hit for group in found.groups for hit in group.hits if group.title != "Pages"]
    told = " ".join(f"{hit.title} {hit.detail}" for hit in shown)
    for name in ("pc-17", "Kassel", "Büro", "10.1.0.0", "02:00", "guest", "billing"):
        assert name not in told.replace(f"Why {text}?", ""), told


def test_nobody_searches_without_login():
    answer = Client().get("/admin/search/palette/", {"q": "pc"})
    assert (answer.status_code, "/admin/login/" in answer.url) == (302, True)


# --- what is odd ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  ", "\0", "%", "_", "'", "x" * 500, "[", "99999", "²", "/"])
def test_any_text_is_answered(admin_client, ledger, text):
    for page in ("/admin/search/", "/admin/search/palette/"):
        assert admin_client.get(page, {"q": text}).status_code == 200


def test_the_page_shows_hits_as_links_and_escapes_what_was_asked(admin_client, ledger):
    text = admin_client.get("/admin/search/", {"q": "pc-17"}).content.decode()
    assert "old-pc-17" in text
    text = admin_client.get("/admin/search/", {"q": "<b>nobody"}).content.decode()
    assert "&lt;b&gt;nobody" in text
    assert "<b>nobody" not in text


def test_it_takes_as_many_queries_for_many_rows_as_for_one(admin_client, ledger):
    def queries(text):
        with CaptureQueriesContext(connection) as captured:
            ask(text, admin_client)
        return len(captured)

    texts = ("10.1.2.10", "host-", "10.1.", "next free in büro")
    few = [queries(text) for text in texts]
    for number in range(20, 60):
        ServerFactory(hostname=f"host-{number}", ip_address=f"10.1.3.{number}")
    many = [queries(text) for text in texts]
    assert many == few
    assert max(many) <= 20


@pytest.mark.parametrize("text", ["10.1.2.10", "10.1.2."])
def test_who_may_view_addresses_only_is_told_no_server_and_no_subnet(ledger, client, text):
    client.force_login(staff("ipam.view_ipaddress"))
    answer = client.get("/admin/search/palette/", {"q": text}).content.decode()
    assert "10.1.2.1" in answer
    assert "pc-17" not in answer and "Nord" not in answer and "campus" not in answer


def test_who_may_view_no_servers_is_told_the_place_of_an_address(ledger, client):
    client.force_login(staff("ipam.view_ipaddress", "ipam.view_subnet"))
    answer = client.get("/admin/search/palette/", {"q": "10.1.2.10"}).content.decode()
    assert "pc-17" not in answer and "Nord" in answer
