"""The page of a machine: what it says, what one may do and see, and that its queries stay few."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dhcp.files.targets import Target
from dhcp.models import DhcpChange, DhcpTransaction, Generation
from ipam.models import IPAddress, Server, Sighting
from pxe.models import BootEvent
from tests.ipam.admin_forms import queries_of
from tests.ipam.factories import IPAddressFactory, ServerFactory, SubnetFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db
MAC = "02:00:00:00:00:0a"


@pytest.fixture
def office():
    return SubnetFactory(
        network="10.0.0.0/24", name="Office", static_ip_pools=["10.0.0.10-10.0.0.29"]
    )


@pytest.fixture
def pc(office):
    return ServerFactory(hostname="pc-17", ip_address="10.0.0.10", mac_address=MAC)


def page_of(row, name="ipam_server_page", **query):
    return reverse(f"admin:{name}", args=[row.pk], query=query or None)


def lease(ip, mac, hours=1):
    until = timezone.now() + timezone.timedelta(hours=hours)
    Sighting.objects.create(ip_address=ip, mac_address=mac, source="lease", leased_until=until)


def labels(page):
    return [action["label"] for action in page.context["machine"].actions()]


# --- what it says ---------------------------------------------------------------------------------


def test_the_first_line_says_what_the_machine_holds_and_whether_it_uses_it(admin_client, pc):
    lease("10.0.0.10", MAC)
    DhcpChange.objects.all().delete()
    Generation.objects.create(result="applied")
    sentence = admin_client.get(page_of(pc)).context["machine"].sentence
    assert sentence.startswith("pc-17 holds 10.0.0.10 in Office. ")
    assert "It uses its address, until" in sentence


def test_a_machine_without_an_address_says_so(admin_client):
    bare = ServerFactory(hostname="bare", ip_address=None)
    sentence = admin_client.get(page_of(bare)).context["machine"].sentence
    assert sentence.startswith("bare holds no address.")


def test_its_life_is_told_in_the_order_of_time(admin_client, pc):
    now = timezone.now()
    for seconds, kind in ((29, "discover"), (30, "offer")):
        at = now + timezone.timedelta(seconds=seconds)
        DhcpTransaction.objects.create(at=at, kind=kind, mac_address=MAC)
    at = now + timezone.timedelta(minutes=1)
    BootEvent.objects.create(server=pc, kind="loader", at=at, detail="snponly.efi")
    found = admin_client.get(page_of(pc)).context["machine"].life
    assert [str(one.name) for one in found] == [
        "made",
        "asked",
        "offered",
        "fetched its boot loader",
        "live",
    ]
    assert found[-1].at is None


def test_a_machine_that_got_another_address_was_moved(admin_client, pc):
    pc.ip_address = "10.0.0.11"
    pc.save()
    moved = admin_client.get(page_of(pc)).context["machine"].life[1]
    assert (moved.name, moved.detail) == ("moved", "from 10.0.0.10")


def test_the_page_of_a_vm_tells_of_its_address(admin_client, office):
    row = IPAddress.objects.filter(ip_address="10.0.0.12")
    row.update(status="allocated", vm_id="vm-1", mac_address=MAC)
    page = admin_client.get(page_of(row.get(), "vm_page"))
    assert page.context["machine"].sentence.startswith("vm-1 holds 10.0.0.12 in Office.")
    assert labels(page) == ["Why?", "Release"]


@pytest.mark.parametrize("name", ["ipam_server_page", "vm_page", "server_move"])
def test_a_machine_that_does_not_exist_has_no_page(admin_client, name):
    assert admin_client.get(reverse(f"admin:{name}", args=[99])).status_code == 404
    assert admin_client.get(reverse(f"admin:{name}", args=[10**30])).status_code == 404


# --- where it is linked ---------------------------------------------------------------------------


def test_lists_and_search_lead_to_the_page(admin_client, pc):
    for url in (
        reverse("admin:ipam_server_changelist"),
        reverse("admin:search", query={"q": "pc-17"}),
        reverse("admin:network_address", args=["10.0.0.10"]),
    ):
        assert f'href="{page_of(pc)}"' in admin_client.get(url).content.decode()


def test_the_form_is_a_tab_beside_the_page(admin_client, pc):
    form = admin_client.get(page_of(pc, "ipam_server_change")).content.decode()
    assert f'href="{page_of(pc)}"' in form


# --- move, release, quarantine --------------------------------------------------------------------


def test_a_move_is_shown_before_it_is_done(admin_client, office, pc):
    SubnetFactory(network="10.0.1.0/24", static_ip_pools=["10.0.1.5-10.0.1.9"])
    url = page_of(pc, "server_move")
    given = {"to": "10.0.1.0/24"}
    shown = admin_client.post(url, given).context
    assert str(shown["moved"].new) == "10.0.1.5"
    assert str(Server.objects.get().ip_address) == "10.0.0.10"
    admin_client.post(url, {**given, "apply": "1", "digest": shown["plan"].digest})
    assert str(Server.objects.get().ip_address) == "10.0.1.5"
    assert IPAddress.objects.get(ip_address="10.0.0.10").status == "available"


def test_a_move_that_would_lead_elsewhere_meanwhile_is_shown_anew(admin_client, office, pc):
    SubnetFactory(network="10.0.1.0/24", static_ip_pools=["10.0.1.5-10.0.1.9"])
    url, given = page_of(pc, "server_move"), {"to": "10.0.1.0/24"}
    digest = admin_client.post(url, given).context["plan"].digest
    ServerFactory(ip_address="10.0.1.5")
    refused = admin_client.post(url, {**given, "apply": "1", "digest": digest})
    assert refused.status_code == 409
    assert str(refused.context["moved"].new) == "10.0.1.6"
    assert str(Server.objects.get(pk=pc.pk).ip_address) == "10.0.0.10"


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("10.0.0.20", "10.0.0.20"),
        ("there", "Type an address, or a network"),
        ("10.9.0.0/24", "There is no subnet 10.9.0.0/24."),
        ("10.0.0.1/24", "host bits"),
    ],
)
def test_a_move_that_is_refused_says_why_and_changes_nothing(admin_client, pc, to, reason):
    ServerFactory(ip_address="10.0.0.20")
    url = page_of(pc, "server_move")
    assert reason in admin_client.post(url, {"to": to}).context["refusal"]
    refused = admin_client.post(url, {"to": to, "apply": "1"})
    assert refused.status_code == 409
    assert reason in refused.context["refusal"]
    assert str(Server.objects.get(pk=pc.pk).ip_address) == "10.0.0.10"


@pytest.mark.parametrize(
    ("verb", "status"), [("release", "available"), ("quarantine", "quarantine")]
)
def test_a_released_address_is_free_and_one_in_quarantine_is_kept(admin_client, pc, verb, status):
    url = page_of(pc, f"server_{verb}")
    shown = admin_client.get(url).context
    assert shown["moved"].new is None
    assert Server.objects.get().ip_address is not None
    done = admin_client.post(url, {"apply": "1", "digest": shown["plan"].digest}, follow=True)
    assert Server.objects.get().ip_address is None
    assert IPAddress.objects.get(ip_address="10.0.0.10").status == status
    assert "/undo/" in done.content.decode()


def test_without_an_address_there_is_nothing_to_release(admin_client):
    bare = ServerFactory(hostname="bare", ip_address=None)
    answer = admin_client.get(page_of(bare, "server_release"), follow=True)
    assert "bare holds no address." in answer.content.decode()


# --- rights and queries ---------------------------------------------------------------------------


def test_who_may_only_look_sees_no_buttons_and_may_not_press_them():
    pc = ServerFactory(hostname="pc-17", ip_address="10.0.0.10", mac_address=MAC)
    viewer = Client()
    viewer.force_login(staff("ipam.view_server", "ipam.view_subnet", "ipam.view_ipaddress"))
    assert labels(viewer.get(page_of(pc))) == []
    for verb in ("move", "release", "quarantine"):
        assert viewer.post(page_of(pc, f"server_{verb}"), {"to": "10.0.0.9"}).status_code == 403


def test_a_reader_without_the_permission_sees_no_leases_boots_or_services(pc):
    lease("10.0.0.10", MAC)
    viewer = Client()
    viewer.force_login(staff("ipam.view_server"))
    page = viewer.get(page_of(pc))
    machine = page.context["machine"]
    assert (machine.sightings, machine.log, machine.events) == ([], [], [])
    assert "Office" not in page.content.decode()


def test_the_number_of_queries_does_not_grow_with_the_machine(admin_client, pc):
    few = queries_of(admin_client, page_of(pc))
    for number in range(6):
        pc.interfaces.create(name=f"eth{number}", ip_address=f"10.0.0.{40 + number}")
        IPAddressFactory(ip_address=f"10.0.0.{60 + number}", status="reserved")
        DhcpTransaction.objects.create(kind="ack", mac_address=MAC)
        Sighting.objects.create(ip_address=f"10.0.0.{40 + number}", source="ping")
    assert queries_of(admin_client, page_of(pc)) <= few + 2


def test_served_names_are_shown_to_those_who_may_see_records(settings, tmp_path):
    settings.DNSMASQ_DIR = tmp_path
    server = ServerFactory(hostname="named-1", ip_address="10.0.0.5")
    Target.from_settings().names.write_text("10.0.0.5 alias.example.org\n")
    for further, is_shown in ((), False), (("names.view_record",), True):
        client = Client()
        client.force_login(staff("ipam.view_server", *further))
        found = client.get(reverse("admin:ipam_server_page", args=[server.pk]))
        assert (b"alias.example.org" in found.content) is is_shown
