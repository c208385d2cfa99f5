"""Every line of what the original service registry did, as we do it."""

import pytest

from registry.models import RegistryConfig, Service
from tests.registry.factories import ServiceFactory

pytestmark = pytest.mark.django_db


def test_a_new_service_answers_201_with_address_port_status_and_message(registry):
    status, body = registry.register("billing", service_type="api")
    assert status == 201
    assert (body["ip"], body["port"], body["status"]) == ("127.0.0.1", 8000, "registered")
    assert "billing" in body["message"]


def test_a_repeat_answers_200_with_the_same_place(registry):
    first = registry.register("billing", service_type="api")[1]
    status, body = registry.register("billing", service_type="api")
    assert (status, body["status"]) == (200, "already_registered")
    assert (body["ip"], body["port"]) == (first["ip"], first["port"])


def test_a_repeat_updates_what_changed_and_says_so(registry):
    registry.register("billing", service_type="api", dependencies=["db"])
    _status, body = registry.register(
        "billing", service_name="Billing 2", service_type="api", dependencies=["db", "bus"]
    )
    assert body["changed"] == ["name", "dependencies"]
    assert (body["service_name"], body["dependencies"]) == ("Billing 2", ["bus", "db"])


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_information_that_no_database_keeps_is_refused_wherever_it_stands(registry, text):
    for told in ({text: 1}, {"a": [{"b": text}]}):
        status, body = registry.register("billing", additional_info=told)
        assert (status, list(body["errors"])) == (400, ["additional_info"])
    assert registry.register("billing", additional_info={"a": "\\u0000"})[0] == 201


def test_a_preferred_port_that_is_free_is_given(registry):
    assert registry.register("billing", preferred_port=8500)[1]["port"] == 8500


@pytest.mark.parametrize("port", [8500, 443])
def test_a_preferred_port_that_is_taken_or_reserved_gives_the_next_of_the_types_range(
    registry, port
):
    ServiceFactory(port=8500)
    status, body = registry.register("billing", service_type="api", preferred_port=port)
    assert (status, body["port"]) == (201, 8000)


def test_the_strategy_strict_refuses_and_names_the_holder(registry):
    RegistryConfig.objects.update(conflict_resolution_strategy="strict")
    ServiceFactory(service_id="old", port=8500)
    status, body = registry.register("billing", preferred_port=8500)
    assert (status, body["status"], "development/old" in body["message"]) == (409, "error", True)


def test_an_unknown_type_gets_a_port_of_8000_to_9000(registry):
    assert registry.register("billing", service_type="exotic")[1]["port"] == 8000
    assert registry.register("other")[1]["port"] == 8001


def test_a_full_range_is_continued_in_the_default_range(registry):
    assert registry.register("one", service_type="finance")[1]["port"] == 8007
    assert registry.register("two", service_type="finance")[1]["port"] == 8000


def test_a_full_range_without_fallback_answers_503_and_status_error(registry):
    RegistryConfig.objects.update(fallback=False)
    registry.register("one", service_type="finance")
    status, body = registry.register("two", service_type="finance", preferred_port=8007)
    assert (status, body["status"], body["port"]) == (503, "error", 0)
    assert Service.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "port"),
    [
        ("api", 8000),
        ("web", 3002),
        ("database", 5002),
        ("observer", 8010),
        ("finance", 8007),
        ("minimal", 8005),
    ],
)
def test_each_type_begins_at_its_own_port(registry, kind, port):
    assert registry.register("one", service_type=kind)[1]["port"] == port


def test_a_type_with_a_single_port_keeps_it_from_the_range_around_it(registry):
    given = [registry.register(f"api-{n}", service_type="api")[1]["port"] for n in range(9)]
    assert given == [8000, 8001, 8002, 8003, 8004, 8006, 8008, 8009, 8011]


def test_deregistering_answers_200_and_frees_the_port(registry):
    registry.register("billing", service_type="api")
    assert registry.post("deregister", service_id="billing") == (
        200,
        {"success": True, "message": "Service billing is deregistered."},
    )
    assert registry.register("other", service_type="api")[1]["port"] == 8000


@pytest.mark.parametrize("path", ["deregister", "heartbeat"])
def test_an_unknown_service_answers_404_with_success_false(registry, path):
    status, body = registry.post(path, service_id="nobody")
    assert (status, body["success"]) == (404, False)


def test_a_heartbeat_answers_200_with_success_true(registry):
    registry.register("billing")
    status, body = registry.post("heartbeat", service_id="billing")
    assert (status, body["success"]) == (200, True)


def test_the_list_names_service_ids_and_is_filtered_by_type_environment_and_status(registry):
    registry.register("billing", service_type="api")
    registry.register("shop", service_type="web")
    registry.register("tested", service_type="web", environment="test")
    assert [row["service_id"] for row in registry.get("services")[1]] == ["billing", "shop"]
    assert [row["service_id"] for row in registry.get("services", service_type="web")[1]] == [
        "shop"
    ]
    assert [row["service_id"] for row in registry.get("services", environment="test")[1]] == [
        "tested"
    ]
    assert registry.get("services", status="inactive") == (200, [])


def test_one_service_is_shown_and_an_unknown_one_answers_404_in_the_originals_words(registry):
    registry.register("billing")
    assert registry.get("services/billing")[1]["service_name"] == "Billing"
    assert registry.get("services/x") == (404, {"detail": "Service x nicht gefunden"})


def test_an_endpoint_is_told_and_an_unknown_one_exists_not(registry):
    registry.register("billing", service_type="api")
    assert registry.get("endpoint/billing") == (
        200,
        {"endpoint": "http://127.0.0.1:8000", "exists": True},
    )
    assert registry.get("endpoint/x") == (200, {"endpoint": None, "exists": False})
    assert registry.get("endpoint/x", strict=1)[0] == 404


def test_the_endpoint_of_an_inactive_service_is_flagged(registry):
    ServiceFactory(service_id="old", status="inactive")
    assert registry.get("endpoint/old")[1]["status"] == "inactive"


@pytest.mark.parametrize("missing", ["service_id", "service_name"])
def test_a_missing_field_answers_400_and_is_named(registry, missing):
    body = {"service_id": "a", "service_name": "A"}
    body.pop(missing)
    status, problem = registry.post("register", **body)
    assert (status, list(problem["errors"])) == (400, [missing])


@pytest.mark.parametrize(
    ("host", "ip"), [("10.0.0.5", "10.0.0.5"), ("fd00:0::5", "fd00::5"), ("localhost", "127.0.0.1")]
)
def test_a_service_may_name_the_address_that_it_listens_on(registry, host, ip):
    assert registry.register("billing", host=host)[1]["ip"] == ip


def test_a_host_that_is_no_address_answers_400_and_is_named(registry):
    for host in ("x" * 10_000, "10.0.0.05", "fe80::1%eth0"):
        status, problem = registry.register("billing", host=host)
        assert (status, list(problem["errors"])) == (400, ["host"])
