"""The search box and the palette in a real browser, by keyboard alone. `page` fails every test in
which a script or the content policy complains."""

import pytest
from playwright.sync_api import expect

from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def ledger(transactional_db):
    SubnetFactory(network="10.1.2.0/24", name="Office", static_ip_pools=["10.1.2.10-10.1.2.19"])
    ServerFactory(hostname="pc-17", ip_address="10.1.2.10")
    ServerFactory(hostname="pc-171", ip_address="10.1.2.11")


def selected(page):
    return page.locator("[role=option][aria-selected=true]")


def test_keys_open_the_palette_choose_and_open_what_was_found(admin_page, ledger):
    admin_page.goto("/admin/ipam/subnet/")
    text = admin_page.get_by_role("combobox", name="Find anything")
    admin_page.keyboard.press("/")
    expect(text).to_be_focused()
    admin_page.keyboard.type("10.1.2.12")
    expect(selected(admin_page)).to_contain_text("is free, in the static pool")
    assert text.get_attribute("aria-activedescendant") == selected(admin_page).get_attribute("id")
    admin_page.keyboard.press("ArrowDown")
    expect(selected(admin_page)).to_contain_text("Why 10.1.2.12?")
    admin_page.keyboard.press("ArrowUp")
    admin_page.keyboard.press("ArrowUp")
    expect(selected(admin_page)).to_contain_text("All results: 10.1.2.12")
    admin_page.keyboard.press("Escape")
    expect(admin_page.locator("#find")).to_be_hidden()
    admin_page.keyboard.press("Control+k")
    admin_page.keyboard.type("next free in office")
    expect(selected(admin_page)).to_contain_text("Next free in 10.1.2.0/24")
    admin_page.keyboard.press("Enter")
    admin_page.wait_for_url("**/next-free/?subnet=*")
    admin_page.keyboard.press("Control+k")
    expect(selected(admin_page)).to_contain_text("Next free in 10.1.2.0/24")  # recent
    admin_page.keyboard.type("nobody-at-all")
    expect(admin_page.get_by_role("status").filter(has_text="Nothing found.")).to_be_visible()


def test_the_box_of_each_page_leads_to_the_palette_or_to_the_page_of_results(admin_page, ledger):
    admin_page.goto("/ipam/")
    box = admin_page.locator("[data-find-box] input")
    box.click()
    expect(admin_page.get_by_role("combobox", name="Find anything")).to_be_focused()
    admin_page.keyboard.press("Escape")
    box.focus()
    box.press_sequentially("pc-17")
    expect(admin_page.locator("[role=option]", has_text="pc-171")).to_be_visible()
    admin_page.locator("[role=option]", has_text="Boot pc-17 once").click()
    admin_page.wait_for_url("**/admin/pxe/bootassignment/add/?server=*&mode=once")


def test_without_scripts_the_box_is_a_form(chromium, live_server, admin_page, ledger):
    cookies = admin_page.context.storage_state()
    context = chromium.new_context(
        base_url=live_server.url, java_script_enabled=False, storage_state=cookies
    )
    page = context.new_page()
    page.goto("/ipam/")
    page.locator("[data-find-box] input").fill("pc-17")
    page.locator("[data-find-box] input").press("Enter")
    expect(page.get_by_role("link", name="pc-171")).to_be_visible()
    context.close()


def test_the_palette_and_the_page_fit_on_a_phone(admin_page, ledger, fits):
    fits(admin_page, "/admin/search/?q=10.1.2.10")
    fits(admin_page, "/ipam/")
    admin_page.locator("[data-find-box] input").click()
    admin_page.keyboard.type("pc")
    expect(admin_page.locator("[role=option]").first).to_be_visible()
    assert admin_page.locator("#find").bounding_box()["width"] <= 390
