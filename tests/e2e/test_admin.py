import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from ipam.management import demo
from ipam.models import IPAddress, Server
from pxe.models import BootEvent
from tests.e2e.conftest import PHONE
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


def press_save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


@pytest.fixture
def office(transactional_db):
    return SubnetFactory(
        network="10.0.0.0/24", name="Office", static_ip_pools=["10.0.0.10-10.0.0.19"]
    )


def test_from_login_to_a_server_in_the_address_list(page, admin_user):
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in").click()

    page.get_by_role("link", name="Add a subnet").click()
    page.locator("[name=network]").fill("10.0.0.0/24")
    page.locator("[name=name]").fill("Office")
    page.locator("[name=pools-0-first]").fill("10.0.0.10")
    page.locator("[name=pools-0-last]").fill("10.0.0.19")
    press_save(page)
    expect(page.get_by_text("was added successfully")).to_be_visible()

    page.goto("/admin/ipam/server/add/")
    page.locator("[name=hostname]").fill("web-1")
    page.locator("[name=ip_address]").fill("10.0.0.10")
    page.locator("[name=mac_address]").fill("04B1.75EF.2DA2")
    press_save(page)
    expect(page.get_by_text("10.0.0.10 is in")).to_be_visible()

    page.locator("#nav-sidebar").get_by_text("Networks").click()
    page.locator(".section-tabs").get_by_text("IP addresses").click()
    line = page.locator("#result_list tr", has_text="10.0.0.10")
    for told in ("Office", "web-1", "Allocated", "04:b1:75:ef:2d:a2"):
        expect(line).to_contain_text(told)


def test_a_conflict_is_shown_at_its_field_with_its_holder(admin_page, office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.10")
    admin_page.goto("/admin/ipam/server/add/")
    admin_page.locator("[name=hostname]").fill("web-2")
    admin_page.locator("[name=ip_address]").fill("10.0.0.10")

    press_save(admin_page)

    line = admin_page.locator(".field-ip_address").first
    expect(line).to_contain_text("10.0.0.10 belongs to server “web-1”.")
    expect(admin_page.locator("[name=hostname]")).to_have_value("web-2")


def test_a_server_takes_the_next_free_address_of_a_subnet_found_by_typing(admin_page, office):
    admin_page.goto("/admin/ipam/server/add/")
    admin_page.locator("[name=hostname]").fill("web-1")
    admin_page.locator(".field-next_free_in .select2-selection").click()
    admin_page.locator(".select2-search__field").fill("10.0.0.77")
    admin_page.get_by_role("option", name="10.0.0.0/24 Office").click()

    press_save(admin_page)

    expect(admin_page.get_by_text("10.0.0.10 is in")).to_be_visible()
    assert str(Server.objects.get().ip_address) == "10.0.0.10"


def test_the_description_opens_with_the_status(admin_page, office):
    row = IPAddress.objects.first()
    admin_page.goto(reverse("admin:ipam_ipaddress_change", args=[row.pk]))
    description = admin_page.locator("[name=description]")
    expect(description).not_to_be_editable()

    admin_page.locator("[name=status]").select_option("reserved")
    description.fill("Reserved for network printer")
    press_save(admin_page)

    expect(admin_page.get_by_text("was changed successfully")).to_be_visible()
    assert IPAddress.objects.get(status="reserved").description == "Reserved for network printer"


def test_chosen_addresses_are_reserved_with_a_note(admin_page, office):
    admin_page.goto("/admin/ipam/ipaddress/")
    for box in admin_page.locator("input.action-select").all()[:2]:
        box.check()
    admin_page.locator("select[name=action]").select_option("reserve")
    admin_page.get_by_role("button", name="Run").click()
    admin_page.locator("[name=note]").fill("for the new rack")

    admin_page.get_by_role("button", name="Reserve addresses").click()

    expect(admin_page.get_by_text("2 addresses are reserved: 10.0.0.10, 10.0.0.11")).to_be_visible()


def test_the_next_free_address_is_reserved_from_the_subnets_page(admin_page, office):
    admin_page.goto(reverse("admin:ipam_subnet_change", args=[office.pk]))
    admin_page.get_by_role("link", name=re.compile("Next free IP")).click()
    expect(admin_page.get_by_text("10.0.0.10", exact=True)).to_be_visible()
    admin_page.locator("[name=description]").fill("printer")

    admin_page.get_by_role("button", name="Reserve").click()

    expect(admin_page.get_by_text("10.0.0.10 is reserved in 10.0.0.0/24 Office.")).to_be_visible()


def test_the_list_is_filtered_by_a_subnet_found_by_typing(admin_page, office):
    SubnetFactory(network="10.1.0.0/24", name="Other", static_ip_pools=["10.1.0.10-10.1.0.19"])
    admin_page.goto("/admin/ipam/ipaddress/")
    admin_page.locator("a", has_text="Filters").click()
    admin_page.locator("#changelist-filter [aria-labelledby*=subnet]").click()
    admin_page.locator(".select2-search__field").fill("Other")
    admin_page.get_by_role("option", name="10.1.0.0/24 Other").click()

    admin_page.get_by_role("button", name="Apply Filters").click()

    expect(admin_page.locator("#result_list")).to_contain_text("10.1.0.10")
    expect(admin_page.locator("#result_list")).not_to_contain_text("10.0.0.10")


def test_a_subnet_in_use_is_deleted_only_by_force(admin_page, office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.10")
    admin_page.goto(reverse("admin:ipam_subnet_change", args=[office.pk]))
    admin_page.get_by_role("link", name="Delete subnet").click()
    expect(admin_page.get_by_text("server “web-1”")).to_be_visible()

    admin_page.get_by_role("button", name="Yes, delete this subnet by force").click()

    expect(admin_page.get_by_text("was deleted successfully")).to_be_visible()
    assert IPAddress.objects.unplaced().get().hostname == "web-1"


def test_no_page_is_wider_than_its_window(admin_page, fits):
    demo.fill()
    reserved = IPAddress.objects.filter(status="reserved").first()
    server = Server.objects.get(hostname="web-01")
    for url in (
        "/admin/",
        "/admin/ipam/subnet/",
        "/admin/ipam/subnet/add/",
        reverse("admin:ipam_subnet_change", args=[reserved.subnet_id]),
        reverse("admin:ipam_subnet_delete", args=[reserved.subnet_id]),
        "/admin/ipam/ipaddress/",
        reverse("admin:ipam_ipaddress_change", args=[reserved.pk]),
        reverse("admin:ipam_ipaddress_next_free") + f"?subnet={reserved.subnet_id}",
        "/admin/ipam/server/",
        reverse("admin:ipam_server_change", args=[server.pk]),
        reverse("admin:ipam_server_history", args=[server.pk]),
        "/admin/ipam/vrf/",
        "/admin/ipam/sighting/",
    ):
        fits(admin_page, url)


def test_on_a_phone_a_machine_s_events_say_what_happened(admin_page, db):
    server = ServerFactory(hostname="lab-01")
    BootEvent.objects.create(server=server, kind="file", detail="vmlinuz")
    admin_page.set_viewport_size({"width": PHONE, "height": 900})
    admin_page.goto("/admin/pxe/bootevent/")
    card = admin_page.locator("#result_list")
    expect(card.get_by_text("fetched a file")).to_be_visible()
    first = card.locator("tbody td").first
    assert first.evaluate("cell => getComputedStyle(cell, '::before').content") == "none"
