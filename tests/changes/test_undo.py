"""Undo: a change goes back through all rules, and the undo is undone like any other change."""

import pytest

from changes.undo import in_bulk
from changes.undo.verb import NotPossible, prepare, undo
from core.errors import NotFound
from ipam.allocate import allocate, find, quarantine, release, reserve
from ipam.models import Interface, IPAddress, Server, Subnet
from tests.changes.undoing import change, do, ledger
from tests.support.by_hand import by_hand

pytestmark = pytest.mark.django_db


@pytest.fixture
def subnet():
    return Subnet.objects.get(pk=_subnet("10.0.0.0/24", ["10.0.0.10-10.0.0.19"]).pk)


def _subnet(network, pools=()):
    subnet = Subnet(network=network)
    subnet.static_ip_pools = list(pools)
    subnet.save()
    return subnet


def _server(name, address=None, mac=None, **values):
    server = Server(hostname=name, ip_address=address, mac_address=mac, **values)
    server.save()
    return server


def undone(work, *args, **values):
    """Do it and undo it: the ledger is as it was. Undo the undo, too, and that again."""
    before = ledger()
    made = do(work, *args, **values)
    after = ledger()
    back = do(undo, made)
    assert ledger() == before
    again = do(undo, back)
    assert ledger() == after
    undo(again)
    assert ledger() == before


# --- one row --------------------------------------------------------------------------------------


def test_a_new_server_goes_with_its_address_row(subnet):
    undone(_server, "web", "10.0.0.12")


def test_a_new_server_outside_the_pools_leaves_no_row(subnet):
    undone(_server, "web", "10.0.0.99")


def test_a_server_moves_back(subnet):
    server = _server("web", "10.0.0.12")

    def move():
        server.ip_address, server.description = "10.0.0.13", "moved"
        server.save()

    undone(move)


def test_a_deleted_server_comes_back_with_key_and_cards(subnet):
    server = _server("web", "10.0.0.12", "02:00:00:00:00:01")
    Interface(server=server, name="eth1", ip_address="10.0.0.40").save()
    undone(lambda: Server.objects.get(hostname="web").delete())


def test_the_row_of_a_deleted_server_comes_back_with_its_key(subnet):
    server = _server("web", "10.0.0.99")
    row = IPAddress.objects.get(server=server).pk
    undo(do(server.delete))
    assert IPAddress.objects.get(server__hostname="web").pk == row


def test_a_deleted_subnet_comes_back_with_its_pools_and_free_rows(subnet):
    undone(lambda: Subnet.objects.get().delete())
    assert IPAddress.objects.count() == 10


def test_a_subnet_that_was_deleted_by_force_takes_its_rows_again(subnet):
    _server("web", "10.0.0.12")
    reserve(find("10.0.0.15"), "printer")
    undone(lambda: Subnet.objects.get().delete(force=True))


def test_a_new_subnet_around_taken_addresses_goes_and_they_stay():
    _server("web", "10.0.0.12")
    undone(_subnet, "10.0.0.0/24", ["10.0.0.10-10.0.0.19"])


def test_a_subnet_and_its_pools_get_their_former_sizes(subnet):
    def resize():
        subnet.network, subnet.static_ip_pools = "10.0.0.0/25", ["10.0.0.10-10.0.0.60"]
        subnet.save()

    undone(resize)


def test_columns_that_changed_later_stay_while_another_goes_back(subnet):
    server = _server("web", "10.0.0.12")
    made = do(Server.objects.filter(pk=server.pk).update, description="first")
    Server.objects.filter(pk=server.pk).update(location="rack 4")
    undo(made)
    assert Server.objects.values_list("description", "location").get() == ("", "rack 4")


# --- what people decide about addresses -----------------------------------------------------------


@pytest.mark.parametrize("address", ["10.0.0.12", "10.0.0.99"])
def test_verbs_on_addresses_go_back(subnet, address):
    undone(lambda: reserve(find(address), "printer"))
    undone(lambda: quarantine(find(address), "broken"))
    undone(lambda: allocate(subnet, wanted=address, vm_id="vm-1", hostname="vm"))
    reserve(find(address), "printer")
    undone(lambda: reserve(find(address), "scanner"))
    undone(lambda: release(find(address)))
    release(find(address))
    allocate(subnet, wanted=address, mac_address="02:00:00:00:00:09")
    undone(lambda: release(find(address)))


def test_a_reservation_that_a_server_took_comes_back_as_it_was(subnet):
    reserve(find("10.0.0.12"), "printer")
    undone(_server, "web", "10.0.0.12")


def test_the_note_of_a_reservation_is_with_the_server_again(subnet):
    reserve(find("10.0.0.12"), "printer")
    server = _server("web", "10.0.0.12")
    undone(lambda: Server.objects.get(pk=server.pk).delete())


@pytest.mark.parametrize("address", ["10.0.0.12", "10.0.0.99", "10.9.9.9"])
def test_a_server_whose_address_was_detached_and_reserved_has_it_again_without_the_note(
    subnet, address
):
    _server("web", address)
    undone(lambda: reserve(find(address), "kept", detach=True))


def test_an_allocation_that_a_server_took_over_comes_back(subnet):
    allocate(subnet, wanted="10.0.0.12", vm_id="vm-1", mac_address="02:00:00:00:00:01")
    undone(_server, "web", "10.0.0.12", "02:00:00:00:00:01")


def test_an_allocation_that_goes_back_is_as_free_as_before(subnet):
    undo(do(allocate, subnet))
    assert IPAddress.objects.get(ip_address="10.0.0.10").freed_at is None
    assert str(allocate(subnet).row) == "10.0.0.10"


# --- many rows ------------------------------------------------------------------------------------


def test_one_change_of_many_rows_goes_back_as_a_whole(subnet):
    first, second = _server("a", "10.0.0.12"), _server("b", "10.0.0.13")

    def swap():
        for server, address in ((first, None), (second, "10.0.0.12"), (first, "10.0.0.13")):
            server.ip_address = address
            server.save()

    undone(swap)


def test_a_split_subnet_is_whole_again(subnet):
    _server("web", "10.0.0.12")

    def split():
        Subnet.objects.get().delete(force=True)
        _subnet("10.0.0.0/25", ["10.0.0.20-10.0.0.29"])
        _subnet("10.0.0.128/25")

    undone(split)


@pytest.fixture
def bulk(monkeypatch):
    monkeypatch.setattr(in_bulk, "MANY", 5)


def test_an_import_of_many_servers_goes_back(subnet, bulk):
    servers = [
        Server(hostname=f"s{n}", ip_address=f"10.0.0.{n}", mac_address=f"02:00:00:00:01:{n:02x}")
        for n in range(10, 16)
    ]
    undone(Server.objects.bulk_create, servers)


def test_what_a_bulk_deletion_took_comes_back(subnet, bulk):
    for n in range(10, 16):
        Interface(server=_server(f"s{n}", f"10.0.0.{n}"), name="bmc", ip_address=None).save()
    undone(lambda: Server.objects.all().delete())


def test_a_bulk_change_goes_back(subnet, bulk):
    for n in range(10, 16):
        _server(f"s{n}", f"10.0.0.{n}")
    undone(lambda: Server.objects.update(location="rack 4", enabled=False))


# --- one line -------------------------------------------------------------------------------------


def test_one_line_goes_back_alone(subnet):
    server = _server("web", "10.0.0.12")
    with change():
        Server.objects.filter(pk=server.pk).update(description="x")
        _server("db", "10.0.0.13")
    line = server.history.latest()
    undo(f"ipam.server:{line.history_id}")
    assert Server.objects.get(pk=server.pk).description == ""
    assert Server.objects.filter(hostname="db").exists()


def test_the_line_of_an_address_that_a_server_holds_names_the_server(subnet):
    server = _server("web", "10.0.0.12")
    line = IPAddress.history.filter(server=server).latest()
    with pytest.raises(NotPossible, match="follows from"):
        undo(f"ipam.ipaddress:{line.history_id}")


def test_raw_sql_goes_back_like_anything_else(subnet):
    server = _server("web", "10.0.0.12")
    by_hand("UPDATE hosts SET description = 'by hand' WHERE hostname = 'web'")
    line = server.history.latest()
    assert line.history_source == "sql"
    undo(line.history_change or f"ipam.server:{line.history_id}")
    assert Server.objects.get().description == ""


@pytest.mark.parametrize("token", ["none", "ipam.server:1", "ipam.server:x", "x:1", "a:²", ":"])
def test_what_is_no_change_is_not_found(token):
    with pytest.raises(NotFound):
        prepare(token)


def test_a_subnet_that_grew_over_taken_addresses_shrinks_again_and_they_stay():
    subnet = Subnet.objects.get(pk=_subnet("10.0.0.64/26").pk)
    _server("web", "10.0.0.9")
    reserve(find("10.0.0.10"), "printer")

    def grow():
        subnet.refresh_from_db()
        subnet.network = "10.0.0.0/24"
        subnet.save()

    undone(grow)
