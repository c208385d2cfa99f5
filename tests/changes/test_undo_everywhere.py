"""Undo reaches the other rooms: machines, DHCP scopes, boot menus, services."""

import pytest

from changes.undo.verb import NotPossible, prepare, undo
from dhcp.models import DhcpOption, DhcpScope
from ipam.models import Interface, Server, Subnet
from machines.models import Machine
from pxe.models import BootAnswers, BootAssignment
from registry.models import PortRange, RegistryConfig, Service
from tests.changes.undoing import do, ledger
from tests.ipam.factories import SubnetFactory
from tests.pxe.factories import AnswersFactory, ImageFactory, MenuFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
MACHINE = {
    "hostname": "ci-1",
    "mac_address": "02:00:00:00:00:0a",
    "subnet": "10.0.0.0/24",
    "interfaces": [{"name": "bmc", "mac_address": "02:00:00:00:00:0b", "subnet": "10.0.0.0/24"}],
    "image": "debian",
    "services": [{"name": "http"}, {"name": "ssh", "port": 22}],
}
PARTS = (Server, Interface, Machine, BootAssignment, Service)


@pytest.fixture
def subnet():
    found = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.19"])
    return Subnet.objects.get(pk=found.pk)


def counts():
    return {model.__name__: model.objects.count() for model in PARTS}


def everything():
    return ledger(), counts(), set(Service.objects.values_list("service_id", "port", "machine_row"))


def test_a_machine_that_was_made_in_one_call_goes_and_comes_back_as_a_whole(subnet):
    ImageFactory(name="debian")
    before = everything()
    api = with_token("admin")
    assert api.post("/api/v1/machines/", MACHINE, format="json").status_code == 201
    made, after = Server.history.latest().history_change, everything()
    back = do(undo, made)
    assert everything() == before
    undo(back)
    assert everything() == after


def test_a_machine_that_was_taken_back_is_there_again(subnet):
    ImageFactory(name="debian")
    api = with_token("admin")
    made = api.post("/api/v1/machines/", MACHINE, format="json").json()
    before = everything()
    api.delete(f"/api/v1/machines/{made['id']}/")
    undo(Server.history.latest().history_change)
    assert everything() == before


def test_a_scope_with_its_options_comes_back_with_its_subnet(subnet):
    scope = DhcpScope.objects.create(subnet=subnet, lease_time=600)
    DhcpOption.objects.create(scope=scope, number=200, type="text", value="x")
    made = do(lambda: Subnet.objects.get().delete())
    assert not DhcpScope.objects.exists()
    undo(made)
    assert DhcpScope.objects.get().lease_time == 600
    assert DhcpOption.objects.get().scope_id == scope.pk


def test_a_menu_has_its_images_again(subnet):
    menu, image = MenuFactory(name="lab", all_images=False), ImageFactory(name="debian")
    menu.images.add(image)
    made = do(menu.delete)
    undo(made)
    assert [row.name for row in type(menu).objects.get(name="lab").images.all()] == ["debian"]


def test_an_environment_comes_back_with_its_ranges():
    config = RegistryConfig.objects.get(environment="development")
    ranges = PortRange.objects.count()
    made = do(config.delete)
    undo(made)
    assert PortRange.objects.count() == ranges > 0


def test_what_the_log_does_not_hold_is_refused_in_plain_words():
    answers = AnswersFactory(name="preseed")
    made = do(answers.delete)
    assert not prepare(made).is_possible
    with pytest.raises(NotPossible, match="answer file preseed"):
        undo(made)
    assert not BootAnswers.objects.exists()
