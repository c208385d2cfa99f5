"""Services in the browser: the picture on a desk and on a phone, by keyboard, under the content
policy."""

import pytest

from tests.registry.factories import ServiceFactory

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]
PAGE = "/admin/registry/service/picture/"


@pytest.fixture
def services(transactional_db):
    ServiceFactory(service_id="db", status="inactive")
    ServiceFactory(service_id="billing", dependencies=["db"])
    return ServiceFactory(service_id="shop", dependencies=["billing", "ghost"])


@pytest.mark.parametrize("width", [1400, 390])
def test_the_picture_scrolls_by_itself_and_never_the_page(admin_page, services, width):
    admin_page.set_viewport_size({"width": width, "height": 900})
    admin_page.goto(PAGE)
    admin_page.get_by_role("link", name="db: inactive").wait_for()
    assert admin_page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_box_of_the_picture_leads_to_its_service(admin_page, services):
    admin_page.goto(PAGE)
    admin_page.get_by_role("link", name="shop: active").focus()
    admin_page.keyboard.press("Enter")
    admin_page.wait_for_url(f"**/admin/registry/service/{services.pk}/change/")


def test_the_page_is_asked_for_what_is_around_a_service(admin_page, services):
    admin_page.goto("/admin/registry/service/")
    admin_page.get_by_role("link", name="Who needs whom").click()
    admin_page.get_by_label("Around the service").fill("db")
    admin_page.get_by_role("button", name="Show").click()
    admin_page.get_by_role("link", name="billing: active").wait_for()
    assert "service=db" in admin_page.url
