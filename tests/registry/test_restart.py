"""Restarts: by the keys of an administrator's list, taken once, not too often, approved in
production."""

import pytest

from api.models import Token
from core.errors import Conflict, Invalid
from registry import restart
from registry.models import RegistryConfig, RestartAction, RestartRequest, Service
from registry.services.sweep import Sweeper
from tests.registry.factories import ServiceFactory
from tests.registry.test_sweep import Time, watch

pytestmark = pytest.mark.django_db


@pytest.fixture
def action():
    return RestartAction.objects.create(
        key="restart-billing", argv=["/usr/bin/true"], limit=2, period=600
    )


@pytest.fixture
def service(action):
    return ServiceFactory(service_id="billing", restart_script=action)


@pytest.mark.parametrize(
    "key",
    ["rm -rf /", "/bin/sh", "restart-billing; id", "$(id)", "unknown", "restart-billing ", ""],
)
def test_a_restart_script_that_is_no_key_is_refused_with_400(registry, action, key):
    assert registry.register("billing", restart_script=key)[0] == 400
    assert not Service.objects.exists()


def test_a_key_of_the_list_is_accepted_and_shown(registry, action):
    assert (
        registry.register("billing", restart_script="restart-billing")[1]["restart_script"]
        == "restart-billing"
    )


def test_a_key_that_is_switched_off_is_none(registry, action):
    RestartAction.objects.update(enabled=False)
    assert registry.register("billing", restart_script="restart-billing")[0] == 400


def test_a_restart_is_wanted_once_however_often_it_is_asked_for(registry, service):
    first = registry.post("restart", service_id="billing")
    again = registry.post("restart", service_id="billing")
    assert (first[0], first[1]["status"], first[1]["restart_script"]) == (
        201,
        "wanted",
        "restart-billing",
    )
    assert (again[0], again[1]["id"]) == (200, first[1]["id"])


@pytest.mark.parametrize("said", ["/bin/sh -c id", "unknown", "restart-billing;id"])
def test_asking_with_anything_but_the_services_own_key_is_refused_with_400(registry, service, said):
    assert registry.post("restart", service_id="billing", restart_script=said)[0] == 400
    assert not RestartRequest.objects.exists()


def test_a_service_without_an_action_cannot_be_restarted(registry):
    ServiceFactory(service_id="billing")
    assert registry.post("restart", service_id="billing")[0] == 400
    assert registry.post("restart", service_id="nobody")[0] == 404


def test_an_agent_takes_what_is_wanted_once_and_reports(registry, service):
    registry.post("restart", service_id="billing")
    asked = {"agent": "host-1", "service_ids": ["billing", "shop"]}
    status, taken = registry.post("restart/take", **asked)
    assert (status, [row["argv"] for row in taken]) == (200, [["/usr/bin/true"]])
    assert registry.post("restart/take", **asked)[1] == []
    assert Service.objects.get().status == "restarting"
    done = registry.post(
        "restart/report",
        id=taken[0]["id"],
        agent="host-1",
        result="done",
        exit_status=0,
        output="ok",
    )
    assert (done[0], done[1]["status"], done[1]["output"]) == (200, "done", "ok")


def test_only_the_agent_that_took_it_reports_and_only_once(registry, service):
    registry.post("restart", service_id="billing")
    number = registry.post("restart/take", agent="host-1", service_ids=["billing"])[1][0]["id"]
    assert registry.post("restart/report", id=number, agent="host-2", result="done")[0] == 409
    assert registry.post("restart/report", id=number, agent="host-1", result="failed")[0] == 200
    assert registry.post("restart/report", id=number, agent="host-1", result="done")[0] == 409
    assert registry.post("restart/report", id=number + 1, agent="host-1", result="done")[0] == 404


def test_a_failed_restart_leaves_the_service_inactive(service):
    restart.request(service, "me")
    [row] = restart.take("development", ["billing"], "host-1")
    restart.report(row.pk, "failed", "host-1", exit_status=1, output="no\x1b[31m\n")
    assert Service.objects.get().status == "inactive"
    assert RestartRequest.objects.get().output == "no?[31m\n"


def test_no_service_is_restarted_more_often_than_its_action_allows(service):
    for _ in range(2):
        restart.report(
            restart.take("development", ["billing"], "h")[0].pk
            if restart.request(service, "me")
            else 0,
            "done",
            "h",
        )
    with pytest.raises(Conflict, match="2 times within 600 s"):
        restart.request(service, "me")


def test_in_production_somebody_else_has_to_approve(service):
    RegistryConfig.objects.filter(environment="development").update(mode="production")
    service = Service.objects.get()
    request = restart.request(service, "anna").request
    assert restart.take("development", ["billing"], "host-1") == []
    with pytest.raises(Conflict, match="cannot approve"):
        restart.approve(request, "anna")
    restart.approve(request, "bert")
    assert restart.take("development", ["billing"], "host-1") == [request]
    with pytest.raises(Conflict, match="does not wait"):
        restart.approve(request, "bert")


def test_nobody_approves_in_his_own_name_what_his_token_has_asked_for(service, registry):
    Token.objects.update(services=["development/billing"])
    RegistryConfig.objects.update(mode="production")
    assert registry.post("restart", service_id="billing")[0] == 201
    request = RestartRequest.objects.get()
    owner = Token.objects.get(name=request.requested_by).user.get_username()
    with pytest.raises(Conflict, match="cannot approve"):
        restart.approve(request, owner)


def test_a_request_that_nobody_takes_expires(service):
    restart.request(service, "me")
    time = Time()
    time.passes(restart.LIFETIME.total_seconds() + 1)
    Sweeper(time).tidy()
    assert RestartRequest.objects.get().status == "expired"
    assert not restart.request(service, "me").again


def test_where_developers_work_who_falls_silent_is_started_again_by_itself(service):
    RegistryConfig.objects.update(heartbeat_timeout=30)
    sweeper = Sweeper(Time())
    sweeper.sweep()
    watch(sweeper, 36)
    assert RestartRequest.objects.get().requested_by == "ipmanager"


def test_in_production_nothing_is_started_again_by_itself(service):
    RegistryConfig.objects.update(heartbeat_timeout=30, mode="production")
    sweeper = Sweeper(Time())
    sweeper.sweep()
    watch(sweeper, 36)
    assert (Service.objects.get().status, RestartRequest.objects.count()) == ("inactive", 0)


def test_a_service_of_production_cannot_choose_its_action(action):
    from registry.services.callers import Caller
    from registry.services.register import register
    from registry.services.registration import Registration

    registration = Registration(
        "billing", environment="production", restart_script="restart-billing"
    )
    with pytest.raises(Invalid, match="cannot choose its restart action"):
        register(registration, Caller())
    assert register(registration).service.restart_script_id == "restart-billing"
    assert register(registration, Caller()).again
