"""Development helps, test environments are apart and may suffer, production surprises nobody."""

from contextlib import ExitStack

import pytest
from django.core.exceptions import ValidationError

from core import web_process
from core.errors import Conflict
from registry.models import Call, RegistryConfig, Simulation
from registry.services.callers import Caller
from registry.services.register import register
from registry.services.registration import Registration
from tests.registry.conftest import Registry
from tests.registry.factories import ServiceFactory
from tests.support.api import staff, with_session, with_token

pytestmark = pytest.mark.django_db
SERVICE = Caller()


def test_development_says_why_a_service_did_not_get_its_port_and_what_it_got(registry):
    ServiceFactory(service_id="old", port=8500)
    message = registry.register("billing", service_type="api", preferred_port=8500)[1]["message"]
    assert "Port 8500 is taken by development/old." in message
    assert "127.0.0.1, port 8000" in message


# --- test -----------------------------------------------------------------------------------------


@pytest.fixture
def two_environments(db):
    admin = Registry(with_token("admin"))
    for name in ("test-a", "test-b"):
        admin.client.put("/api/v1/ipmanager/config", {"environment": name, "mode": "test"})
    return admin


def test_two_test_environments_do_not_see_each_other(registry, two_environments):
    places = {
        name: registry.register("billing", environment=name)[1] for name in ("test-a", "test-b")
    }
    assert places["test-a"]["port"] == places["test-b"]["port"] == 8000
    assert places["test-a"]["ip"] != places["test-b"]["ip"]
    registry.register("only-a", environment="test-a")
    assert [row["service_id"] for row in registry.get("services", environment="test-b")[1]] == [
        "billing"
    ]
    assert registry.get("endpoint/only-a", environment="test-b")[1]["exists"] is False
    registry.post("deregister", service_id="billing", environment="test-a")
    assert registry.get("endpoint/billing", environment="test-b")[1]["exists"] is True


def test_a_simulated_latency_is_waited_for_by_callers_of_that_service_only(
    registry, two_environments
):
    config = RegistryConfig.objects.get(environment="test-a")
    Simulation.objects.create(config=config, service_id="slow", latency_ms=150)
    for path in ("endpoint/slow", "endpoint/fast"):
        registry.get(path, environment="test-a")
    took = dict(Call.objects.values_list("service_id", "duration_ms"))
    assert took["slow"] >= 150 > took["fast"]


def test_simulated_errors_answer_503_and_say_that_they_are_simulated(registry, two_environments):
    put = two_environments.client.put
    put(
        "/api/v1/ipmanager/config",
        {"environment": "test-a", "simulations": {"*": {"error_percent": 100}, "good": {}}},
    )
    status, problem = registry.get("endpoint/billing", environment="test-a")
    assert (status, problem["code"]) == (503, "simulated")
    assert registry.get("endpoint/good", environment="test-a")[0] == 200
    assert registry.get("endpoint/billing", environment="test-b")[0] == 200


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_simulation_outside_test_environments_is_refused(registry, two_environments, environment):
    put = two_environments.client.put
    body = {"environment": environment, "simulations": {"*": {"error_percent": 100}}}
    said = put("/api/v1/ipmanager/config", body)
    assert (said.status_code, list(said.json()["errors"])) == (400, ["simulations"])
    assert "only a test environment simulates" in said.json()["detail"]
    config = RegistryConfig.objects.get(environment=environment)
    with pytest.raises(ValidationError):
        Simulation(config=config, error_percent=100).save()
    assert not Simulation.objects.exists()
    assert registry.get("endpoint/billing", environment=environment)[0] == 200


def test_a_test_environment_with_simulations_stays_one(registry, two_environments):
    put = two_environments.client.put
    path, name = "/api/v1/ipmanager/config", {"environment": "test-a"}
    assert put(path, name | {"simulations": {"*": {"latency_ms": 1}}}).status_code == 200
    said = put(path, name | {"mode": "production"})
    assert (said.status_code, list(said.json()["errors"])) == (400, ["mode"])
    assert put(path, name | {"mode": "production", "simulations": {}}).status_code == 200


def test_simulated_waits_leave_half_of_the_threads_to_all_others(registry, two_environments):
    config = RegistryConfig.objects.get(environment="test-a")
    Simulation.objects.create(config=config, service_id="slow", latency_ms=5_000)
    with ExitStack() as places:
        for _ in range(web_process.most_waiters()):
            places.enter_context(web_process.waiting_place())
        status, problem = registry.get("endpoint/slow", environment="test-a")
        assert (status, problem["code"]) == (503, "crowded")
        assert registry.get("endpoint/billing", environment="production")[0] == 200
    assert web_process.waiting() == 0


def test_every_call_in_a_test_environment_is_remembered_and_no_other(registry):
    registry.register("billing", environment="test")
    registry.get("endpoint/x", environment="test")
    registry.get("endpoint/x")
    rows = [(row.method, row.service_id, row.status) for row in Call.objects.order_by("pk")]
    assert rows == [("POST", "billing", 201), ("GET", "x", 200)]


@pytest.mark.parametrize(
    ("odd", "noted"), [("x" * 300, "x" * 200), ("a%00b", "a?b")], ids=["long", "NUL"]
)
def test_a_call_about_an_id_that_no_service_can_have_is_answered_and_noted(registry, odd, noted):
    assert registry.get(f"services/{odd}", environment="test")[0] == 404
    assert registry.get(f"endpoint/{odd}", environment="test")[0] == 200
    assert list(Call.objects.values_list("service_id", flat=True)) == [noted] * 2


def test_calls_are_kept_within_bounds():
    Call.objects.bulk_create(
        Call(environment="test", method="GET", path="/", status=200, duration_ms=n)
        for n in range(9)
    )
    Call.objects.trim(4)
    assert sorted(Call.objects.values_list("duration_ms", flat=True)) == [5, 6, 7, 8]


# --- production -----------------------------------------------------------------------------------


def come(service_id="billing", **registrations):
    return register(
        Registration(service_id, environment="production", **registrations), SERVICE
    ).service.port


def test_production_refuses_a_port_that_is_taken():
    assert come(type="api", preferred_port=8050) == 8050
    with pytest.raises(Conflict, match="taken by production/billing"):
        come("other", type="api", preferred_port=8050)


def test_production_has_no_fallback():
    assert come("one", type="finance") == 8007
    with pytest.raises(Conflict, match="No port is free: 8007-8007"):
        come("two", type="finance")


@pytest.mark.parametrize(
    "registrations",
    [
        {"preferred_port": 9500},
        {"port_range": (9100, 9200)},
        {"preferred_port": 443, "pinned": True},
    ],
)
def test_in_production_ports_come_from_the_configuration_and_not_from_the_service(registrations):
    with pytest.raises(Conflict, match="[Ii]n production"):
        come(**registrations)


@pytest.mark.parametrize(
    ("rights", "status"), [(["add_service"], 409), (["add_service", "change_service"], 201)]
)
def test_only_who_may_change_services_overrules_production(rights, status):
    person = Registry(with_session(staff(*(f"registry.{right}" for right in rights))))
    assert (
        person.register("billing", environment="production", preferred_port=443, pinned=True)[0]
        == status
    )


def test_what_an_administrator_has_pinned_the_service_gets():
    production = RegistryConfig.objects.get(environment="production")
    ServiceFactory(
        environment=production, service_id="nginx", port=443, pinned=True, preferred_port=443
    )
    assert come("nginx", preferred_port=443, pinned=True) == 443
