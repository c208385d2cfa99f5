"""The address list in a real browser. `page` fails every test in which a script or the content
policy complains."""

import pytest
from playwright.sync_api import expect

from ipam.allocate import find, reserve
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def ledger(transactional_db):
    """60 addresses of an office, 10 of a rack, one of nobody's subnet; names longer than any
    column."""
    SubnetFactory(
        network="10.112.57.0/24", name="Office", static_ip_pools=["10.112.57.10-10.112.57.69"]
    )
    SubnetFactory(
        network="10.112.60.0/24", name="N" * 100, static_ip_pools=["10.112.60.10-10.112.60.19"]
    )
    SubnetFactory(
        network="2001:db8::/64",
        name="Six",
        static_ip_pools=["2001:db8::1234:5678:9abc:de00-2001:db8::1234:5678:9abc:de09"],
    )
    ServerFactory(hostname="web-01.example.org", ip_address="10.112.57.10")
    ServerFactory(hostname=".".join(["w" * 63] * 3), ip_address="2001:db8::1234:5678:9abc:de01")
    ServerFactory(hostname="stray", ip_address="192.168.9.9")
    reserve(find("10.112.60.12"), "D" * 500)


@pytest.fixture
def listed(admin_page, ledger):
    admin_page.goto("/ipam/")
    return admin_page


def rows(page):
    return page.locator("tbody tr")


def test_a_choice_by_mouse_applies_at_once(listed):
    listed.get_by_label("Subnet", exact=True).click()  # opens the list, as a person would
    listed.get_by_label("Subnet", exact=True).select_option(label="10.112.57.0/24  Office")
    listed.wait_for_url("**/ipam/?subnet=*")
    expect(rows(listed)).to_have_count(25)
    listed.get_by_role("link", name="Allocated").click()
    expect(rows(listed)).to_have_count(1)
    expect(rows(listed)).to_contain_text("web-01.example.org")


def test_a_choice_by_keyboard_waits_for_enter_or_the_button(listed):
    status = listed.get_by_label("Status", exact=True)
    status.press("ArrowDown")
    status.select_option("reserved")
    expect(rows(listed)).to_have_count(25)
    listed.get_by_role("button", name="Apply").press("Enter")
    expect(rows(listed)).to_have_count(1)
    assert listed.url.endswith("/ipam/?status=reserved")


def test_a_slash_leads_into_the_search(listed):
    listed.keyboard.press("/")
    listed.keyboard.type("stray")
    listed.keyboard.press("Enter")
    expect(rows(listed)).to_have_count(1)
    expect(rows(listed)).to_contain_text("192.168.9.9")


def test_the_first_tab_offers_to_skip_the_head(listed):
    listed.keyboard.press("Tab")
    expect(listed.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(listed.get_by_role("link", name="Skip to the content")).to_be_in_viewport()


def test_a_reader_pages_through(listed):
    listed.get_by_role("link", name="Next").click()
    expect(listed.get_by_text("Page 2 of 4")).to_be_visible()
    listed.get_by_role("link", name="Last").click()
    expect(rows(listed).last).to_contain_text("2001:db8::1234:5678:9abc:de09")
    listed.get_by_role("link", name="First").click()
    listed.get_by_role("link", name="100", exact=True).click()
    expect(rows(listed)).to_have_count(81)


def test_every_control_has_a_name(listed):
    for control in listed.locator("input:not([type=hidden]), select, button").all():
        assert control.evaluate("c => c.labels?.length || c.textContent.trim() || c.ariaLabel")


@pytest.mark.parametrize(
    "filters",
    [
        "",
        "?q=2001:db8::",
        "?subnet=none",
        "?status=reserved",
        "?q=nothing-like-it",
        "?sort=-holder&page_size=100",
    ],
)
def test_the_page_never_scrolls_sideways(admin_page, ledger, fits, filters):
    fits(admin_page, "/ipam/" + filters)


@pytest.mark.parametrize("language", ["en", "de"])
def test_at_any_width_only_the_table_scrolls(admin_page, ledger, live_server, language):
    admin_page.context.add_cookies(
        [{"name": "django_language", "value": language, "url": live_server.url}]
    )
    admin_page.goto("/ipam/?sort=-holder&page_size=100")
    for width in (1920, 1400, 1392, 1391, 1024, 705, 704, 320):
        admin_page.set_viewport_size({"width": width, "height": 900})
        assert admin_page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_language_changes_where_one_is(listed):
    listed.goto("/ipam/?status=reserved")
    listed.get_by_role("button", name="DE").click()
    expect(listed.get_by_role("heading", name="IP-Adressen")).to_be_visible()
    assert listed.url.endswith("/ipam/?status=reserved")


def test_the_list_works_without_scripts(chromium, live_server, admin_client, ledger):
    context = chromium.new_context(
        base_url=live_server.url, java_script_enabled=False, locale="en-US"
    )
    session = admin_client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto("/ipam/")
    page.get_by_label("Search").fill("web-")
    page.get_by_role("button", name="Apply").click()
    expect(rows(page)).to_have_count(1)
    context.close()
