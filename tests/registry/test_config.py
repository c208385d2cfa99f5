"""`/config` and `/cleanup`: environments in the seed's words."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from registry.models import RegistryConfig, Service
from registry.querysets import database_now
from tests.registry.conftest import Registry
from tests.registry.factories import ServiceFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db):
    return Registry(with_token("admin"))


def put(admin, **said):
    response = admin.client.put("/api/v1/ipmanager/config", said)
    return response.status_code, response.json()


def test_the_settings_have_the_seeds_names_and_the_originals_ranges(registry):
    status, body = registry.get("config")
    assert status == 200
    assert body["environment"] == "development"
    assert body["service_ip_base"] == "127.0.0.1"
    assert body["default_port_range"] == [8000, 9000]
    assert body["reserved_ports"] == [80, 443, 3000, 3001, 5000, 5001]
    assert body["service_type_ranges"] == {
        "api": [8000, 8099],
        "web": [3000, 3099],
        "database": [5000, 5099],
        "observer": [8010, 8010],
        "finance": [8007, 8007],
        "minimal": [8005, 8005],
    }
    assert (body["heartbeat_timeout"], body["conflict_resolution_strategy"]) == (90, "next")


def test_every_mode_has_an_environment_from_the_start(registry):
    modes = {
        name: registry.get("config", environment=name)[1]["mode"]
        for name in ("development", "test", "production")
    }
    assert modes == {"development": "development", "test": "test", "production": "production"}


def test_an_unknown_environment_answers_404_with_those_that_exist(registry):
    status, problem = registry.get("config", environment="moon")
    assert (status, "development, production, test" in problem["hint"]) == (404, True)


def test_a_rule_answers_in_the_language_of_its_caller():
    config = RegistryConfig.objects.get(environment="test")
    config.reserved_ports = [70_000]
    with translation.override("de"), pytest.raises(ValidationError, match="höchstens 1000 Ports"):
        config.clean()


def test_what_is_sent_is_changed_and_what_is_not_stays(admin):
    status, body = put(
        admin,
        heartbeat_timeout=20,
        reserved_ports=[8000],
        service_type_ranges={"api": [8100, 8101]},
    )
    assert (status, body["heartbeat_timeout"], body["reserved_ports"]) == (200, 20, [8000])
    assert (body["service_type_ranges"], body["default_port_range"]) == (
        {"api": [8100, 8101]},
        [8000, 9000],
    )
    assert admin.register("a", service_type="api")[1]["port"] == 8100


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("default_port_range", [9000, 8000]),
        ("default_port_range", [8000]),
        ("default_port_range", [0, 8000]),
        ("reserved_ports", [70_000]),
        ("reserved_ports", "80"),
        ("service_type_ranges", {"a b": [1, 2]}),
        ("service_type_ranges", {"api": [5, 1]}),
        ("heartbeat_timeout", 0),
        ("conflict_resolution_strategy", "kill"),
        ("service_ip_base", "localhost"),
        ("heartbeat_timeuot", 30),
        ("simulations", {"a": {"latency_ms": 99_999}}),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(admin, field, wrong):
    status, problem = put(admin, **{field: wrong})
    assert (status, next(iter(problem["errors"])).split(".")[0]) == (400, field)


def test_a_new_test_environment_gets_a_loopback_address_of_its_own(admin):
    made = [put(admin, environment=f"test-{n}", mode="test") for n in range(2)]
    assert [(status, body["service_ip_base"]) for status, body in made] == [
        (201, "127.0.0.3"),
        (201, "127.0.0.4"),
    ]


def test_a_test_environment_is_deleted_with_its_services_and_no_other(admin):
    put(admin, environment="test-a", mode="test")
    admin.register("a", environment="test-a")
    assert admin.client.delete("/api/v1/ipmanager/config?environment=test-a").status_code == 204
    assert not Service.objects.exists()
    assert admin.client.delete("/api/v1/ipmanager/config?environment=production").status_code == 409
    assert RegistryConfig.objects.filter(environment="production").exists()


def test_cleaning_up_forgets_who_has_been_silent_for_long_and_counts(registry):
    long_ago = database_now().replace(year=2020)
    ServiceFactory(service_id="dead", status="inactive", last_heartbeat=long_ago)
    ServiceFactory(service_id="pinned", status="inactive", last_heartbeat=long_ago, pinned=True)
    ServiceFactory(service_id="resting", status="inactive")
    ServiceFactory(service_id="living")
    assert registry.post("cleanup?timeout_minutes=30") == (200, {"cleaned_services_count": 1})
    assert not Service.objects.filter(service_id="dead").exists()


def test_nothing_is_deleted_by_looking(registry):
    assert registry.get("cleanup")[0] == 403


def test_the_environment_that_is_meant_is_a_setting(registry, settings):
    settings.ENVIRONMENT = "test"
    assert registry.register("a")[1]["environment"] == "test"
