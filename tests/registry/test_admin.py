"""The registry's screens: what people see, may do, and why they are refused."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from ipam.models import IPAddress
from registry import restart
from registry.models import Call, PortRange, RegistryConfig, RestartAction, Service, Unusual
from registry.services.register import register
from registry.services.registration import Registration
from tests.ipam.admin_forms import errors_of, filled, messages_of, queries_of, save
from tests.ipam.factories import SubnetFactory
from tests.registry.factories import ServiceFactory
from tests.support.api import staff

pytestmark = pytest.mark.django_db
MODELS = ["service", "registryconfig", "restartaction", "restartrequest", "unusual", "call"]


def page(model, name="changelist", *args):
    return reverse(f"admin:registry_{model}_{name}", args=args)


@pytest.fixture
def service():
    action = RestartAction.objects.create(key="restart-billing", argv=["true"])
    return ServiceFactory(service_id="billing", port=8000, restart_script=action)


@pytest.fixture
def some_of_all(service):
    restart.request(service, "anna")
    Unusual.objects.log("burst", "10.0.0.1")
    Call.objects.create(environment="test", method="GET", path="/x", status=200, duration_ms=3)


@pytest.mark.parametrize("model", MODELS)
def test_every_list_opens_and_an_operator_may_look(client, some_of_all, model):
    user = staff()
    user.groups.add(Group.objects.get(name="Operators"))
    client.force_login(user)
    assert client.get(page(model)).status_code == 200
    assert client.get(page(model), {"q": "x'\"%_"}).status_code == 200


def test_a_service_is_written_down_and_its_port_cannot_be_anothers(admin_client, service):
    development = RegistryConfig.objects.get(environment="development")
    said = {
        "environment": development.environment,
        "service_id": "nginx",
        "name": "nginx",
        "ip_address": "127.0.0.1",
    }
    form = filled(admin_client.get(page("service", "add")), **said, port="8000", pinned="on")
    refused = admin_client.post(page("service", "add"), form)
    assert "taken by development/billing" in errors_of(refused)["port"][0]
    assert admin_client.post(page("service", "add"), form | {"port": "443"}).status_code == 302
    assert Service.objects.get(service_id="nginx").pinned


def test_an_address_written_by_hand_is_taken_from_the_ledger_and_given_back(admin_client, service):
    SubnetFactory(network="10.0.0.0/29", static_ip_pools=["10.0.0.2-10.0.0.3"])
    change = page("service", "change", service.pk)
    save(admin_client, change, ip_address="10.0.0.2")
    assert IPAddress.objects.get(ip_address="10.0.0.2").vm_id == "registry:10.0.0.2"
    save(admin_client, change, ip_address="127.0.0.1")
    assert IPAddress.objects.get(ip_address="10.0.0.2").status == "available"


def test_what_the_ledger_refuses_is_shown_at_the_form(admin_client):
    production = RegistryConfig.objects.get(environment="production")
    service = ServiceFactory(environment=production)
    refused = save(admin_client, page("service", "change", service.pk), ip_address="10.9.9.9")
    assert "is in no subnet" in str(errors_of(refused))
    assert str(Service.objects.get().ip_address) == "127.0.0.1"


def test_services_that_are_struck_out_give_their_addresses_back(admin_client):
    SubnetFactory(network="10.0.0.0/29", static_ip_pools=["10.0.0.2-10.0.0.3"])
    from ipam.addresses import parse_address

    row = register(Registration("a", host=parse_address("10.0.0.2"))).service
    admin_client.post(page("service", "delete", row.pk), {"post": "yes"})
    assert IPAddress.objects.get(ip_address="10.0.0.2").status == "available"


def test_a_restart_is_asked_for_from_the_list(admin_client, service):
    asked = {"action": "restart_them", "_selected_action": [service.pk]}
    answer = admin_client.post(page("service"), asked, follow=True)
    assert messages_of(answer) == ["development/billing: wanted"]
    assert service.restart_requests.get().requested_by == "admin"


def test_a_restart_in_production_is_approved_by_somebody_else(client, admin_client, service):
    RegistryConfig.objects.filter(environment="development").update(mode="production")
    restart.request(Service.objects.get(), "anna")
    [request] = service.restart_requests.all()
    asked = {"action": "approve", "_selected_action": [request.pk]}
    anna = User.objects.create_superuser("anna")
    client.force_login(anna)
    assert (
        "cannot approve" in messages_of(client.post(page("restartrequest"), asked, follow=True))[0]
    )
    admin_client.post(page("restartrequest"), asked)
    assert service.restart_requests.get().status == "wanted"


def test_an_environments_ranges_are_edited_with_it_and_leave_history(admin_client):
    config = RegistryConfig.objects.get(environment="test")
    row = PortRange.objects.get(config=config, service_type="api")
    number = list(config.ranges.all()).index(row)
    change = page("registryconfig", "change", config.pk)
    save(admin_client, change, **{f"ranges-{number}-last": "8050", "heartbeat_timeout": "20"})
    config.refresh_from_db(), row.refresh_from_db()
    assert (config.heartbeat_timeout, row.last) == (20, 8050)
    assert admin_client.get(page("registryconfig", "history", config.pk)).status_code == 200


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("reserved_ports", "[0]"),
        ("reserved_ports", "x"),
        ("environment", "Mond"),
        ("port_last", "1"),
    ],
)
def test_what_an_environment_cannot_have_is_refused(admin_client, field, wrong):
    config = RegistryConfig.objects.get(environment="test")
    assert errors_of(
        save(admin_client, page("registryconfig", "change", config.pk), **{field: wrong})
    )


def test_an_environment_with_services_cannot_be_deleted(admin_client, service):
    development = RegistryConfig.objects.get(environment="development")
    admin_client.post(page("registryconfig", "delete", development.pk), {"post": "yes"})
    assert RegistryConfig.objects.filter(environment="development").exists()


@pytest.mark.parametrize("wrong", ['"rm -rf /"', "[1]", '[""]', "{}"])
def test_a_restart_actions_command_is_a_list_of_words(admin_client, wrong):
    url = page("restartaction", "add")
    form = filled(admin_client.get(url), key="x", argv=wrong)
    assert errors_of(admin_client.post(url, form))["argv"]


def test_the_list_of_services_costs_the_same_however_long_it_is(admin_client, service):
    few = queries_of(admin_client, page("service"))
    for n in range(20):
        ServiceFactory(dependencies=[f"d{n}"])
    assert queries_of(admin_client, page("service")) == few
