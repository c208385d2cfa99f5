"""What later depends on a change refuses its undo by name, and can be undone with it."""

import pytest

from changes.undo.verb import NotPossible, prepare, undo
from ipam.allocate import allocate, find, reserve
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet
from pxe.models import BootAssignment, BootImage
from tests.changes.undoing import do, ledger
from tests.ipam.factories import InterfaceFactory, ServerFactory, SubnetFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet():
    found = SubnetFactory(network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.19"])
    return Subnet.objects.get(pk=found.pk)


def refused(made, later, match=""):
    """The undo is refused by this later change alone, and with it goes back as a whole."""
    plan = prepare(made)
    assert not plan.is_possible
    assert [one.token for one in plan.later] == [later]
    assert match in " ".join(refusal.text for refusal in plan.refusals)
    with pytest.raises(NotPossible):
        undo(made)
    both = prepare(made, with_later=True)
    assert both.is_possible
    assert [one.token for one in both.with_later] == [later]
    undo(made, with_later=True)


def saved(row, **values):
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def test_a_column_that_was_changed_again(subnet):
    server, before = ServerFactory(hostname="web"), ledger()
    made = do(saved, server, description="first", location="rack 1")
    later = do(saved, server, description="second")
    refused(made, later, "server web was changed since")
    assert ledger() == before


def test_a_row_that_was_deleted_later(subnet):
    server, before = ServerFactory(hostname="web", ip_address="10.0.0.12"), ledger()
    made = do(saved, server, description="first")
    later = do(Server.objects.get().delete)
    refused(made, later)
    assert ledger() == before


def test_a_new_row_that_was_changed_later(subnet):
    before = ledger()
    made = do(ServerFactory, hostname="web")
    later = do(saved, Server.objects.get(), description="x")
    refused(made, later)
    assert ledger() == before


def test_a_card_that_a_new_server_got_later(subnet):
    before = ledger()
    made = do(ServerFactory, hostname="web")
    later = do(saved, Interface(server=Server.objects.get(), name="eth1"))
    refused(made, later, "interface eth1 needs server web")
    assert ledger() == before


def test_a_boot_assignment_of_a_new_server(subnet):
    image = BootImage(name="Debian", kind="chain", chain_url="http://x/y.ipxe")
    image.save()
    made = do(ServerFactory, hostname="web")
    later = do(saved, BootAssignment(server=Server.objects.get(), image=image))
    refused(made, later, "boot assignment")
    assert not BootAssignment.objects.exists()


def test_an_address_that_a_new_subnet_gave_since():
    made = do(SubnetFactory, network="10.0.0.0/24", static_ip_pools=["10.0.0.10-10.0.0.19"])
    later = do(lambda: allocate(Subnet.objects.get(), vm_id="vm-1"))
    refused(made, later, "10.0.0.10 was taken from subnet 10.0.0.0/24 since")
    assert not IPAddress.objects.exists()


def test_an_address_that_a_subnet_gave_since_it_grew():
    subnet = SubnetFactory(network="10.0.0.64/26")
    ServerFactory(ip_address="10.0.0.9")

    def grow():
        subnet.network = "10.0.0.0/24"
        subnet.save()

    made = do(grow)
    later = do(ServerFactory, ip_address="10.0.0.10")
    do(ServerFactory, ip_address="10.0.0.70")
    refused(made, later, "10.0.0.10 was taken from subnet 10.0.0.0/24 since")


def test_an_address_that_a_new_pool_gave_since():
    subnet = SubnetFactory(network="10.0.0.0/24")
    ServerFactory(ip_address="10.0.0.15")
    made = do(Pool(subnet=subnet, first="10.0.0.10", last="10.0.0.19").save)
    later = do(reserve, find("10.0.0.12"), "printer")
    refused(made, later, "10.0.0.12 was taken from pool 10.0.0.10-10.0.0.19 since")
    assert not Pool.objects.exists()


def test_a_subnet_in_a_new_address_space():
    made = do(VRF(name="lab").save)
    later = do(lambda: SubnetFactory(network="10.0.0.0/24", vrf=VRF.objects.get()))
    refused(made, later, "subnet 10.0.0.0/24 needs VRF lab")
    assert not VRF.objects.exists()


def test_the_server_of_a_deleted_card_is_gone():
    server = ServerFactory(hostname="web")
    card = Interface(server=server, name="eth1")
    card.save()
    before = ledger()
    made, later = do(card.delete), do(Server.objects.get().delete)
    refused(made, later, "interface eth1 needs server web, which is gone")
    assert ledger() == before


def test_another_subnet_has_the_network_now(subnet):
    made = do(subnet.delete)
    later = do(SubnetFactory, network="10.0.0.0/24")
    refused(made, later, "10.0.0.0/24")
    assert [str(pool) for pool in Pool.objects.all()] == ["10.0.0.10-10.0.0.19"]


def test_another_holder_has_the_address_now(subnet):
    server = ServerFactory(hostname="web", ip_address="10.0.0.12")
    before = ledger()
    made = do(saved, server, ip_address=None)
    later = do(lambda: allocate(subnet, wanted="10.0.0.12", vm_id="vm-1"))
    refused(made, later, "IP address 10.0.0.12 was changed since")
    assert ledger() == before


@pytest.mark.parametrize("column", ["mac_address", "hostname"])
def test_another_server_has_the_name_or_card_now(column):
    ServerFactory(hostname="web", mac_address="02:00:00:00:00:01")
    before = ledger()
    made = do(Server.objects.get().delete)
    values = {"hostname": "other", "mac_address": "02:00:00:00:00:02"}
    same = {"hostname": "web", "mac_address": "02:00:00:00:00:01"}
    later = do(ServerFactory, **values | {column: same[column]})
    refused(made, later, same[column])
    assert ledger() == before


def test_changes_that_depend_on_each_other_go_newest_first(subnet):
    server, before = ServerFactory(hostname="web", ip_address="10.0.0.12"), ledger()
    made = do(saved, server, ip_address="10.0.0.13")
    second = do(ServerFactory, hostname="db", ip_address="10.0.0.12")
    third = do(lambda: saved(Server.objects.get(hostname="db"), description="x"))
    plan = prepare(made, with_later=True)
    assert [later.token for later in plan.with_later] == [third, second]
    undo(made, with_later=True)
    assert ledger() == before


def test_what_has_been_undone_is_not_undone_again(subnet):
    made = do(ServerFactory, hostname="web")
    undo(made)
    with pytest.raises(NotPossible, match="nothing to undo"):
        undo(made)


def test_a_plan_that_was_shown_is_the_one_that_is_done(subnet):
    server = ServerFactory(hostname="web")
    made = do(saved, server, description="x", location="y")
    shown = prepare(made)
    saved(server, location="")
    with pytest.raises(NotPossible, match="has changed since"):
        undo(made, digest=shown.digest)
    undo(made, digest=prepare(made).digest)
    assert Server.objects.get().description == ""


def test_a_refused_undo_leaves_nothing_behind(subnet):
    ServerFactory(hostname="web", mac_address="02:00:00:00:00:01")
    made = do(Server.objects.get().delete)
    ServerFactory(hostname="other", mac_address="02:00:00:00:00:01")
    before, lines = ledger(), Server.history.count()
    with pytest.raises(NotPossible):
        undo(made)
    assert ledger() == before
    assert Server.history.count() == lines


def test_an_undo_is_one_change_that_says_why(subnet):
    made = do(ServerFactory, hostname="web", ip_address="10.0.0.12")
    back = do(undo, made)
    lines = [Server.history.latest(), IPAddress.history.latest()]
    assert {line.history_change for line in lines} == {back}
    assert {line.history_change_reason for line in lines} == {f"undo of {made}"}


def test_a_row_that_goes_with_another_one_is_named():
    """The undo deletes the new server, and its card with it, which raw SQL took from another."""
    old = ServerFactory(hostname="old", ip_address=None)
    card = InterfaceFactory(server=old, name="eth1", ip_address=None)

    def move():
        new = ServerFactory(hostname="new", ip_address=None)
        Interface.objects.filter(pk=card.pk).update(server=new)

    plan = prepare(do(move))
    assert not plan.is_possible
    assert "eth1" in plan.sentence
