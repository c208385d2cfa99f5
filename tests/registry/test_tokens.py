"""Whom a token speaks for."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from api.models import Token
from registry.models import Unusual
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


@pytest.mark.parametrize("path", ["register", "deregister", "heartbeat", "restart"])
def test_a_token_speaks_for_no_other_service_and_that_is_noticed(path):
    own = bound("development/billing")
    body = {"service_id": "shop", "service_name": "Shop"}
    assert own.post(path, **body)[0] == 403
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
