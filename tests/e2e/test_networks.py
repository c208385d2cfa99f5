"""The map of a subnet in a browser: by pointer, by keyboard, and what a range becomes."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from ipam.models import IPAddress
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def office(transactional_db):
    return SubnetFactory(
        network="10.0.0.0/24", name="Office", static_ip_pools=["10.0.0.10-10.0.0.30"]
    )


def cell(page: Page, ip: str):
    return page.locator(f'#net-map a[data-ip="{ip}"]')


def test_from_the_tree_to_a_reserved_range_and_back(admin_page, office):
    ServerFactory(hostname="web-1", ip_address="10.0.0.12")
    admin_page.goto(reverse("admin:networks"))
    admin_page.get_by_role("link", name="10.0.0.0/24 Office").click()

    cell(admin_page, "10.0.0.12").hover()
    expect(admin_page.locator("#net-told")).to_have_text("10.0.0.12 · used · web-1")

    cell(admin_page, "10.0.0.11").drag_to(cell(admin_page, "10.0.0.14"))
    expect(admin_page.locator("[name=first]")).to_have_value("10.0.0.11")
    expect(admin_page.locator("[name=last]")).to_have_value("10.0.0.14")
    admin_page.get_by_role("button", name="Reserve").click()
    expect(admin_page.get_by_text("3 addresses will be changed.")).to_be_visible()
    assert not IPAddress.objects.filter(status="reserved").exists()

    admin_page.get_by_label("Note").fill("doors")
    admin_page.get_by_role("button", name="Reserve (3)").click()
    expect(admin_page.get_by_text("3 addresses are reserved.")).to_be_visible()
    assert IPAddress.objects.filter(status="reserved", description="doors").count() == 3

    admin_page.get_by_role("link", name="Undo…").click()
    admin_page.locator("main button, form button").last.click()
    expect(admin_page.get_by_text("The change was undone")).to_be_visible()
    assert not IPAddress.objects.filter(status="reserved").exists()


def test_the_map_is_one_stop_of_the_tab_key_and_arrows_mark_a_range(admin_page, office):
    admin_page.goto(reverse("admin:network", args=[office.pk]))
    assert admin_page.locator('#net-map a[tabindex="0"]').count() == 1
    cell(admin_page, "10.0.0.0").focus()
    for key in ("ArrowDown", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        admin_page.keyboard.press(key)
    expect(admin_page.locator("[name=first]")).to_have_value("10.0.0.17")
    expect(admin_page.locator("[name=last]")).to_have_value("10.0.0.19")
    admin_page.keyboard.press("Enter")
    expect(admin_page.get_by_text("10.0.0.19 is free, in the static pool")).to_be_visible()


def test_no_page_is_wider_than_a_phone(admin_page, office, fits):
    SubnetFactory(network="10.0.0.0/16", name="Campus")
    wide = SubnetFactory(network="10.0.8.0/23")
    pages = [reverse("admin:networks"), reverse("admin:network_address", args=["10.0.0.12"])]
    for name in ("", "_addresses", "_dhcp", "_leases", "_space"):
        pages.append(reverse(f"admin:network{name}", args=[office.pk]))
    for subnet in (office.parent, wide):
        pages.append(reverse("admin:network", args=[subnet.pk]))
    for url in pages:
        fits(admin_page, url)
