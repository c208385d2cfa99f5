"""Chromium, steered by Playwright, in front of the live server (fixtures; conftest.py takes them
in)."""

import os
import shutil
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.support import require


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the whole run: Debian's own, nothing is downloaded."""
    require.part("chromium")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))))
    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """An empty English tab; the test fails if a script failed or the content policy refused
    something."""
    context = chromium.new_context(
        base_url=live_server.url, locale="en-US", viewport={"width": 1400, "height": 900}
    )
    context.set_default_timeout(10_000)
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda line: faults.append(f"{page.url}: {line.text}") if line.type == "error" else None,
    )
    yield page
    context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture
def admin_page(page: Page, admin_client: Client, live_server: LiveServer) -> Page:
    """A tab whose user is logged in as a superuser."""
    session = admin_client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return page
