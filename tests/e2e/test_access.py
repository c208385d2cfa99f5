"""Login with a second factor in a real browser, under the admin's content policy."""

from base64 import b32decode

import pytest
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.accounts.people import person, requiring_group

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]
PAGES = ["/admin/account/", "/admin/accounts/session/", "/admin/ipmanager/token/add/"]


def log_in(page):
    page.goto("/admin/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("right")
    page.get_by_role("button", name="Log in").click()


def type_code(page, button):
    TOTPDevice.objects.update(last_t=-1)  # a code counts once in half a minute
    key = page.context.key
    page.get_by_label("Code").fill(f"{totp(b32decode(key)):06d}")
    page.get_by_role("button", name=button, exact=True).click()


def test_a_person_sets_a_second_factor_up_and_logs_in_with_it(page, fits):
    ada = person(is_superuser=True)
    requiring_group(ada)
    log_in(page)
    page.wait_for_url("**/second-factor/setup/")
    picture = page.get_by_alt_text("QR code")
    assert picture.evaluate("picture => picture.complete && picture.naturalWidth > 100")
    page.context.key = page.locator(".ipm-key").inner_text().replace(" ", "")
    type_code(page, "Set up")
    page.get_by_role("heading", name="Keep these recovery codes").wait_for()
    assert page.locator(".ipm-codes li").count() == 10
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/admin/")
    for url in PAGES:
        fits(page, url)
    page.context.clear_cookies()
    log_in(page)
    page.wait_for_url("**/second-factor/")
    type_code(page, "Log in")
    page.wait_for_url("**/admin/")
