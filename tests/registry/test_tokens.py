"""Whom a token speaks for."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from api.models import Token
from registry.models import RegistryConfig, Service, Unusual
from tests.registry.conftest import Registry
from tests.registry.factories import ServiceFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db


def bound(*services, scopes=("registry",)):
    return Registry(with_token(*scopes, services=list(services)))


def test_in_production_a_token_that_is_bound_to_nothing_is_refused(registry):
    status, problem = registry.register("billing", environment="production")
    assert (status, "--service production/billing" in problem["detail"]) == (403, True)


def test_in_production_a_service_comes_lives_and_goes_with_its_own_token():
    own = bound("production/billing")
    here = {"service_id": "billing", "environment": "production"}
    assert own.register("billing", environment="production")[0] == 201
    assert [own.post(path, **here)[0] for path in ("heartbeat", "deregister")] == [200, 200]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("register", {"service_name": "Shop"}),
        ("deregister", {}),
        ("heartbeat", {}),
        ("restart", {}),
    ],
)
def test_a_token_speaks_for_no_other_service_and_that_is_noticed(path, more):
    own = bound("development/billing")
    assert own.post(path, service_id="shop", **more)[0] == 403
    assert (Unusual.objects.get().kind, Unusual.objects.get().detail) == ("refused", "shop")


def test_an_agent_speaks_for_each_of_its_services_or_for_none():
    ServiceFactory(service_id="a-1"), ServiceFactory(service_id="b-1")
    agent = bound("development/a-*")
    assert agent.post("heartbeat", service_ids=["a-1"])[0] == 200
    assert agent.post("heartbeat", service_ids=["a-1", "b-1"])[0] == 403
    assert agent.post("restart/take", agent="h", service_ids=["b-1"])[0] == 403
    assert agent.post("cleanup")[0] == 403


@pytest.mark.parametrize(
    ("pattern", "environment", "service_id", "speaks"),
    [
        ("test/billing", "test", "billing", True),
        ("test/billing", "test", "billing-2", False),
        ("test/billing", "production", "billing", False),
        ("test/*", "test", "x", True),
        ("test/*", "test-2", "x", False),
        ("test/bill*", "test", "billing", True),
        ("test/bill*", "test", "shop", False),
    ],
)
def test_a_binding_names_one_service_or_a_beginning(pattern, environment, service_id, speaks):
    assert Token(services=[pattern]).speaks_for(environment, service_id) is speaks


@pytest.mark.parametrize("wrong", ["billing", "*", "*/*", "test/", "test/a b", "Test/a", "test/*a"])
def test_a_binding_that_is_misspelt_is_refused(wrong, django_user_model):
    with pytest.raises(ValidationError, match="production/billing"):
        Token.objects.create(
            django_user_model.objects.create_user("u"),
            name="t",
            scopes=["registry"],
            services=[wrong],
        )
    with pytest.raises(CommandError, match="production/billing"):
        call_command("create_token", "t", "--service", wrong)


# --- names and hosts ------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ["development", "test", "production"])
@pytest.mark.parametrize("name", ["payments", "Payments", "PAYMENTS"])
def test_a_bound_token_does_not_enter_the_group_of_others(environment, name):
    config = RegistryConfig.objects.get(environment=environment)
    ServiceFactory(environment=config, service_id="payments-1", name="payments")
    own = bound(f"{environment}/billing")
    status, problem = own.register("billing", environment=environment, service_name=name)
    assert (status, name in problem["detail"]) == (409, True)
    assert not Service.objects.filter(service_id="billing").exists()
    noticed = Unusual.objects.get(kind="refused")
    assert (noticed.environment, name in noticed.detail) == (environment, True)


@pytest.mark.parametrize("name", ["billing", "Billing", "billing-2"])
def test_a_bound_token_names_services_like_those_it_is_bound_to(name):
    own = bound("production/billing-*")
    assert own.register("billing-2", environment="production", service_name=name)[0] == 201


def test_a_known_service_does_not_move_into_the_group_of_others():
    own = bound("production/billing")
    assert own.register("billing", environment="production")[0] == 201
    assert own.register("billing", environment="production", service_name="other")[0] == 409
    assert Service.objects.get(service_id="billing").name == "Billing"


def test_an_administrator_gives_a_service_any_name_and_the_service_repeats_it():
    production = RegistryConfig.objects.get(environment="production")
    ServiceFactory(environment=production, service_id="billing", name="payments")
    own = bound("production/billing")
    assert own.register("billing", environment="production", service_name="payments")[0] == 200


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1", 201), ("10.9.9.9", 409), ("0.0.0.0", 409), ("::", 409)]
)
def test_in_production_the_host_is_where_the_service_calls_from(host, status):
    own = bound("production/billing")
    assert own.register("billing", environment="production", host=host)[0] == status
    assert Unusual.objects.filter(kind="refused").exists() is (status == 409)
