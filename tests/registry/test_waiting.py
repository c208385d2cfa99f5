"""Those who wait for changes before the real web server: they hold up neither others nor its
end."""

import threading
import time

import pytest

from client import Client, RegistryError
from registry.discovery import wait as watch
from tests.support.site import site

TOKEN = "a-token-for-those-who-wait"
MANY = 12  # more than threads of both web processes


@pytest.fixture(scope="module")
def running(site_database, tmp_path_factory):
    """One site for all of them; the last one ends it."""
    environment = site_database | {"IPMANAGER_BOOTSTRAP_TOKEN": TOKEN}
    with site(environment, tmp_path_factory.mktemp("site") / "output") as started:
        yield started


@pytest.mark.whole
def test_a_program_follows_the_others(running):
    registry = Client(running.url, TOKEN, "")
    seen = registry.watch(wait=5)
    assert next(seen) == []
    with registry.service("billing", type="api"):
        assert [found["service_id"] for found in next(seen)] == ["billing"]
    assert next(seen) == []


@pytest.mark.whole
def test_following_ends_with_a_refusal(running):
    with pytest.raises(RegistryError, match="401"):
        next(Client(running.url, "wrong", "").watch())


@pytest.mark.whole
def test_waiters_hold_up_neither_others_nor_the_servers_end(running):
    registry = Client(running.url, TOKEN, "", timeout=30)
    since, answers = registry.get("changes")["cursor"], []

    def wait():
        try:
            answers.append(registry.get("changes", since=since, wait=60)["changed"])
        except RegistryError as error:
            answers.append(error.status)

    threads = [threading.Thread(target=wait) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while len(answers) < MANY - 4 and time.monotonic() < deadline:
        time.sleep(0.02)

    started = time.monotonic()
    assert registry.services() == []
    running.process.terminate()
    running.process.wait(30)
    assert time.monotonic() - started < watch.LONGEST_WAIT - 5
    for thread in threads:
        thread.join(30)
    assert set(answers) == {503, False}
