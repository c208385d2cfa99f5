"""What a test in front of a real browser may ask for, besides tests/support/browser.py (`page`,
`admin_page`)."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

DESK, PHONE = 1400, 390


@pytest.fixture
def fits() -> Callable[[Page, str], None]:
    """Open an address on a phone, and give it a desk's width in between: the page as a whole never
    scrolls sideways."""

    def check(page: Page, url: str) -> None:
        page.set_viewport_size({"width": PHONE, "height": 900})
        page.goto(url)
        page.wait_for_load_state("networkidle")
        for width in (DESK, PHONE):
            page.set_viewport_size({"width": width, "height": 900})
            assert overflow(page) <= 0, f"{url} is {overflow(page)} px wider than {width} px"

    return check


def overflow(page: Page) -> int:
    """By how many pixels the document is wider than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
