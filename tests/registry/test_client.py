"""client: a service that uses it gets its port, lives, comes back when it is forgotten, and
goes."""

import subprocess
import sys
import time

import pytest
from django.contrib.auth.models import User

from api.models import Token
from client import Client, RegistryError
from registry.models import RegistryConfig, Service
from tests.registry.factories import ServiceFactory
from tests.support.site import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(live_server):
    """A client of a registry whose time-out is a second, so that hearts beat fast."""
    RegistryConfig.objects.update(heartbeat_timeout=1)
    user = User.objects.create_superuser("script")
    return Client(live_server.url, Token.objects.create(user, name="t", scopes=["registry"])[1], "")


def wait_until(ready):
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_service_has_its_port_within_the_block_and_is_gone_after_it(client):
    with client.service("billing", type="api", dependencies=["db"]) as service:
        row = Service.objects.get()
        assert (service.ip, service.port, service.url) == (
            "127.0.0.1",
            row.port,
            "http://127.0.0.1:8000",
        )
        assert (row.name, row.type, row.dependencies) == ("billing", "api", ["db"])
        assert client.endpoint("billing") == service.url
    assert not Service.objects.exists()


def test_an_error_within_the_block_still_sends_the_service_away(client):
    with pytest.raises(ZeroDivisionError), client.service("billing"):
        1 / 0  # noqa: B018
    assert not Service.objects.exists()


def test_its_heart_beats(client):
    with client.service("billing"):
        first = Service.objects.get().last_heartbeat
        wait_until(lambda: Service.objects.get().last_heartbeat > first)


def test_a_service_that_was_forgotten_comes_back_at_its_port(client):
    with client.service("billing", type="api") as service:
        Service.objects.all().delete()
        wait_until(Service.objects.exists)
        assert Service.objects.get().port == service.port == 8000


def test_a_service_whose_port_was_given_away_is_told_its_new_one(client):
    moved = []
    with client.service(
        "billing", type="api", on_moved=lambda service: moved.append(service.port)
    ) as service:
        Service.objects.all().delete()
        ServiceFactory(service_id="thief", port=8000)
        wait_until(lambda: moved)
        assert (service.port, moved) == (8001, [8001])


def test_an_endpoint_can_be_waited_for(client):
    with pytest.raises(RegistryError, match="service db is not registered"):
        client.endpoint("db")
    ServiceFactory(service_id="db", status="inactive")
    with pytest.raises(RegistryError, match="service db is inactive"):
        client.endpoint("db", wait=0.2)


def test_services_are_listed_by_type_and_status(client):
    ServiceFactory(service_id="a", type="web"), ServiceFactory(service_id="b")
    assert [row["service_id"] for row in client.services(type="web", status="active")] == ["a"]


def test_a_refusal_has_its_reason_and_its_remedy(client):
    ServiceFactory(service_id="old", port=443)
    with pytest.raises(RegistryError) as refused:
        client.register("nginx", preferred_port=443, pinned=True)
    assert (refused.value.status, "development/old" in refused.value.message) == (409, True)
    assert refused.value.hint


def test_a_wrong_token_is_said_to_be_wrong(live_server):
    with pytest.raises(RegistryError, match="401: Unknown token"):
        Client(live_server.url, "wrong", "").services()


def test_a_redirect_is_not_followed_because_it_would_take_the_token_along(live_server):
    with pytest.raises(RegistryError, match="302"):
        Client(f"{live_server.url}/?", "secret", "").services()


def test_a_registry_that_is_not_there_is_told_in_one_line():
    with pytest.raises(
        RegistryError, match="http://127.0.0.1:1 does not answer: .*refused.*IPMANAGER_URL"
    ):
        Client("http://127.0.0.1:1", "t").endpoint("x")


def test_the_environment_says_where_the_registry_is_and_what_opens_it(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    monkeypatch.setenv("IPMANAGER_URL", "https://ipam.example.org")
    monkeypatch.setenv("IPMANAGER_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("IPMANAGER_ENVIRONMENT", "test")
    assert Client() == Client("https://ipam.example.org", "secret", "test")
    assert "secret" not in repr(Client())


def test_it_needs_nothing_but_python():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import client; print('django' in sys.modules)"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
