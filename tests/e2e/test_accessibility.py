"""Pages for everybody: axe-core finds no violation, nothing is cut or scrolls sideways, the HTML is
well-formed, and no English is left on a German page. The long form (IPMANAGER_TEST_PROOF) looks at
every page in all variants; the short one at each in one."""

import os
import re
from dataclasses import dataclass
from typing import Literal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.e2e import accessibility
from tests.ipam.factories import ServerFactory, SubnetFactory

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]
IS_LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))


@dataclass(frozen=True)
class Variant:
    width: int = 1400
    scheme: Literal["dark", "light"] = "light"
    language: str = "en"


VARIANTS = {
    "light": Variant(),
    "dark": Variant(1024, "dark"),
    "phone": Variant(390),
    "german": Variant(1400, "light", "de"),
}
PAGES = (
    "/admin/",
    "/admin/networks/",
    "/admin/networks/map/",
    "/admin/networks/{subnet}/",
    "/admin/networks/{subnet}/addresses/",
    "/admin/networks/address/10.0.0.77/",
    "/admin/ipam/server/",
    "/admin/ipam/server/{server}/page/",
    "/admin/ipam/server/{server}/move/?to=10.0.0.20",
    "/admin/ipam/server/{server}/change/",
    "/admin/ipam/subnet/{subnet}/change/",
    "/admin/ipam/ipaddress/",
    "/admin/search/?q=web",
    "/admin/changes/",
    "/admin/place/",
    "/ipam/",
)
NAMES = list(VARIANTS)
CASES = [
    (url, name)
    for number, url in enumerate(PAGES)
    for name in (NAMES if IS_LONG else [NAMES[number % len(NAMES)]])
]
# What Unfold's templates write, which none of ours can mend: a class without a space before it, and
# what a parser of 2020 takes for the beginning of an entity.
OF_UNFOLD = ("Unexpected character after attribute value.", "Named entity expected. Got none.")


@pytest.fixture
def keys(transactional_db):
    subnet = SubnetFactory(
        network="10.0.0.0/24", name="Office", static_ip_pools=["10.0.0.10-10.0.0.30"]
    )
    server = ServerFactory(hostname="web-1", ip_address="10.0.0.12")
    server.interfaces.create(name="bmc", ip_address="10.0.0.13")
    return {"subnet": subnet.pk, "server": server.pk}


@pytest.fixture
def page_in(chromium, live_server, admin_client):
    """A tab of a variant, logged in."""
    contexts = []

    def tab(variant):
        context = chromium.new_context(
            base_url=live_server.url,
            locale=variant.language,
            color_scheme=variant.scheme,
            reduced_motion="reduce",
            viewport={"width": variant.width, "height": 900},
        )
        contexts.append(context)
        session = admin_client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        return context.new_page()

    yield tab
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("url", "name"), CASES)
def test_a_page_can_be_used_by_everybody(page_in, keys, url, name):
    page = page_in(VARIANTS[name])
    page.goto(url.format(**keys))
    page.wait_for_load_state("networkidle")
    assert [*accessibility.of_axe(page), *accessibility.of_width(page)] == []


@pytest.mark.parametrize("url", PAGES)
def test_the_html_is_well_formed(admin_client, keys, url):
    text = admin_client.get(url.format(**keys)).content.decode()
    faults = [one for one in accessibility.of_html(text) if one.rule not in OF_UNFOLD]
    assert faults == []


# --- German ---------------------------------------------------------------------------------------

TEXT = re.compile(r">([^<>]+)<|(?:title|aria-label|placeholder)=\"([^\"]+)\"")


def translated():
    """English messages whose German differs, long enough to be no other word."""
    catalog = translation.trans_real.translation("de")._catalog
    messages = {}
    for key, german in catalog.items():
        text = key[0] if isinstance(key, tuple) else key
        if len(text) > 12 and "%" not in text and "\x04" not in text and german != text:
            messages[text] = german
    return messages


@pytest.mark.parametrize("url", PAGES)
def test_a_german_page_has_no_english_left(admin_client: Client, keys, url):
    page = admin_client.get(url.format(**keys), headers={"accept-language": "de"})
    shown = {" ".join((a or b).split()) for a, b in TEXT.findall(page.content.decode())}
    assert shown & translated().keys() == set()
    assert "Netze" in page.content.decode() or url == "/ipam/"


def test_the_first_faulty_field_has_the_focus(page_in, keys):
    page = page_in(VARIANTS["light"])
    page.goto(reverse("admin:ipam_server_add"))
    page.locator("[name=hostname]").fill("web-2")
    page.locator("[name=ip_address]").fill("nonsense")
    page.keyboard.press("Control+s")
    page.locator(".fault-link").first.wait_for()
    assert page.evaluate("document.activeElement.name") == "ip_address"


def test_question_mark_shows_the_keys_and_letters_go_to_places(page_in, keys):
    page = page_in(VARIANTS["light"])
    page.goto(reverse("admin:index"))
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.locator("#keys").wait_for(state="hidden")
    page.keyboard.type("gm")
    page.wait_for_url("**/admin/ipam/server/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/page/**")


def test_on_a_phone_the_places_are_below(page_in, keys):
    page = page_in(VARIANTS["phone"])
    page.goto(reverse("admin:index"))
    page.locator(".bottom-bar summary").click()
    page.locator(".bottom-bar li a").nth(3).click()
    assert "/admin/dhcp/" in page.url
