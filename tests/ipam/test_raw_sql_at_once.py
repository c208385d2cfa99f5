"""INSERT and UPDATE by raw SQL: the address is taken in the same transaction, or the statement is
refused; the worker brings the rest in step, and it all stands in the history with the database
role."""

import threading
from dataclasses import replace

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import (
    IntegrityError,
    ProgrammingError,
    close_old_connections,
    connection,
    transaction,
)
from django.urls import reverse

from core.errors import Exhausted
from ipam import worker
from ipam.allocate import allocate, find, quarantine, reserve
from ipam.models import VRF, Interface, IPAddress, Pool, RawChange, Server, Subnet
from ipam.placement import catch_up
from ipam.placement.populate import Report, populate
from ipam.querysets import say_site
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory
from tests.support.by_hand import POSTGRESQL, by_hand, delete, insert, only, update

pytestmark = pytest.mark.django_db
A = "02:00:00:00:00:0a"


@pytest.fixture
def subnet():
    found = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")
    PoolFactory(subnet=found, first="10.0.0.10", last="10.0.0.12")
    return found


def row(address):
    return IPAddress.objects.filter(ip_address=address).first()


def nothing_to_do():
    return replace(populate(), totals={}, skipped=0, gateways_in_pools=[]) == Report()


def test_an_inserted_server_has_its_address_at_once(subnet):
    insert(
        Server,
        hostname="web",
        ip_address="10.0.0.10",
        mac_address=A,
        device_type="PC",
        manufacturer="Acme",
    )

    taken = row("10.0.0.10")
    assert (taken.status, taken.server.hostname, taken.hostname, taken.mac_address) == (
        "allocated",
        "web",
        "web",
        A,
    )
    assert (taken.subnet, taken.ip_type, taken.platform, taken.manufacturer) == (
        subnet,
        "static",
        "PC",
        "Acme",
    )
    assert {str(allocate(subnet).row.ip_address), str(allocate(subnet).row.ip_address)} == {
        "10.0.0.11",
        "10.0.0.12",
    }
    with pytest.raises(Exhausted):
        allocate(subnet)


def test_outside_the_pools_it_has_it_too(subnet):
    insert(Server, hostname="web", ip_address="10.0.0.77")
    insert(Server, hostname="far", ip_address="192.0.2.1")
    catch_up.catch_up()
    assert (row("10.0.0.77").server.hostname, row("10.0.0.77").subnet) == ("web", subnet)
    assert (row("192.0.2.1").server.hostname, row("192.0.2.1").subnet) == ("far", None)
    assert nothing_to_do()


def test_in_a_vrf_it_has_that_vrf_s_address(subnet):
    lab = VRF.objects.create(name="lab")
    insert(Server, hostname="web", ip_address="10.0.0.10", vrf_id=lab.pk)
    assert row("10.0.0.10").server is None
    assert IPAddress.objects.get(vrf=lab).server.hostname == "web"


def taken_by_a_server(subnet):
    ServerFactory(hostname="holder", ip_address="10.0.0.10")
    return 'server "holder"'


def taken_by_a_card(subnet):
    InterfaceFactory(server=ServerFactory(hostname="holder"), ip_address="10.0.0.10")
    return 'server "holder"'


def taken_by_a_vm(subnet):
    allocate(subnet, vm_id="vm-1", wanted="10.0.0.10")
    return 'VM "vm-1"'


def in_quarantine(subnet):
    quarantine(find("10.0.0.10"))
    return "the quarantine"


@pytest.mark.parametrize("take", [taken_by_a_card, taken_by_a_vm, in_quarantine])
def test_a_taken_address_is_refused_with_its_holder(subnet, take):
    holder = take(subnet)
    with pytest.raises(IntegrityError) as refusal:
        insert(Server, hostname="web", ip_address="10.0.0.10")
    assert "taken by" in str(refusal.value)
    if POSTGRESQL:
        assert f'10.0.0.10 of server "web" is taken by {holder}' in str(refusal.value)
    assert not Server.objects.filter(hostname="web").exists()


@pytest.mark.parametrize("take", [taken_by_a_server, taken_by_a_card, taken_by_a_vm])
def test_so_it_is_for_a_card(subnet, take):
    take(subnet)
    web = ServerFactory(hostname="web")
    with pytest.raises(IntegrityError):
        insert(Interface, server_id=web.pk, name="eth1", ip_address="10.0.0.10")
    assert row("10.0.0.10").server != web


def test_a_reserved_address_may_be_taken(subnet):
    reserve(find("10.0.0.10"), "for web")
    insert(Server, hostname="web", ip_address="10.0.0.10")
    assert row("10.0.0.10").server.hostname == "web"


def test_a_moved_server_gives_its_old_address_back(subnet):
    web = ServerFactory(hostname="web", ip_address="10.0.0.10")
    update(web, ip_address="10.0.0.77")
    assert row("10.0.0.10").status == "available"
    assert row("10.0.0.77").server == web
    update(web, ip_address=None)
    assert row("10.0.0.77") is None
    catch_up.catch_up()
    assert nothing_to_do()


def test_an_address_that_a_card_still_has_is_kept(subnet):
    web = ServerFactory(hostname="web", ip_address="10.0.0.10")
    nic = InterfaceFactory(server=web, name="eth1", ip_address="10.0.0.10", mac_address=A)
    update(web, ip_address=None)
    assert row("10.0.0.10").server == web
    catch_up.catch_up()
    assert row("10.0.0.10").mac_address == A
    delete(nic)
    assert row("10.0.0.10").status == "available"


def test_what_a_server_says_of_itself_is_copied(subnet):
    web = ServerFactory(hostname="web", ip_address="10.0.0.10")
    update(web, hostname="shop", mac_address=A)
    catch_up.catch_up()
    assert (row("10.0.0.10").hostname, row("10.0.0.10").mac_address) == ("shop", A)
    assert nothing_to_do()


@only(POSTGRESQL)
def test_two_cards_may_change_their_addresses_in_one_statement(subnet):
    one = InterfaceFactory(server=ServerFactory(hostname="one"), ip_address="10.0.0.10")
    two = InterfaceFactory(server=ServerFactory(hostname="two"), ip_address="10.0.0.11")
    by_hand(
        "UPDATE interfaces SET ip_address = CASE ip_address WHEN '10.0.0.10' THEN inet "
        "'10.0.0.11' ELSE '10.0.0.10' END"
    )
    assert (row("10.0.0.10").server, row("10.0.0.11").server) == (two.server, one.server)
    assert nothing_to_do()


def test_a_deleted_server_frees_what_its_card_had_and_it_can_be_taken_again(subnet):
    web = ServerFactory(hostname="web")
    insert(Interface, server_id=web.pk, name="eth1", ip_address="10.0.0.10")
    delete(web)
    insert(Server, hostname="next", ip_address="10.0.0.10")
    assert row("10.0.0.10").server.hostname == "next"


# --- the ground, by the worker


@pytest.mark.django_db(transaction=True)
def test_a_new_subnet_gets_its_rows_when_the_worker_has_passed(subnet):
    web = ServerFactory(hostname="web", ip_address="10.0.0.77")
    far = ServerFactory(hostname="far", ip_address="10.9.0.7")
    by_hand(
        "INSERT INTO subnets (network, description) VALUES (%s, 'Neues Büro UG')",
        [network("10.9.0.0/24")],
    )
    insert(Subnet, network="10.0.0.64/26")
    assert worker.CatchUp().tick()
    assert str(row("10.0.0.77").subnet.network) == "10.0.0.64/26"
    assert str(row("10.9.0.7").subnet.network) == "10.9.0.0/24"
    assert (row("10.0.0.77").server, row("10.9.0.7").server) == (web, far)
    assert nothing_to_do()


def network(text):
    field = Subnet._meta.get_field("network")
    return field.get_db_prep_save(field.to_python(text), connection)


def test_a_new_pool_gets_its_free_rows_and_a_deleted_one_loses_them(subnet):
    insert(Pool, subnet_id=subnet.pk, first="10.0.0.20", last="10.0.0.22")
    catch_up.catch_up()
    assert row("10.0.0.21").status == "available"
    delete(Pool.objects.get(first="10.0.0.20"))
    catch_up.catch_up()
    assert row("10.0.0.21") is None
    assert nothing_to_do()


def test_a_deleted_subnet_s_rows_go_to_its_parent(subnet):
    child = SubnetFactory(network="10.0.0.64/26")
    ServerFactory(hostname="web", ip_address="10.0.0.77")
    delete(child)
    catch_up.catch_up()
    assert row("10.0.0.77").subnet == subnet
    assert nothing_to_do()


def test_an_address_that_a_gateway_has_let_go_of_is_handed_out_by_a_large_pool(subnet):
    large = SubnetFactory(network="10.8.0.0/16", gateway="10.8.0.1")
    PoolFactory(subnet=large, first="10.8.0.1", last="10.8.200.0")
    assert str(allocate(large).row.ip_address) == "10.8.0.2"
    update(large, gateway=None)
    catch_up.catch_up()
    IPAddress.objects.filter(subnet=large, status="available").delete()
    assert str(allocate(large).row.ip_address) == "10.8.0.1"


def test_only_what_was_touched_is_looked_at(subnet, django_assert_num_queries):
    web = ServerFactory(hostname="web", ip_address="10.0.0.10")
    other = ServerFactory(hostname="other", ip_address="10.0.0.11")
    IPAddress.objects.filter(server=other).update(hostname="stale")
    update(web, hostname="shop")
    catch_up.catch_up()
    assert row("10.0.0.11").hostname == "stale"
    with django_assert_num_queries(1):
        assert catch_up.catch_up() is None


@pytest.mark.django_db(transaction=True)
def test_what_nobody_told_of_is_found_when_there_is_a_doubt(subnet, caplog):
    ServerFactory(hostname="web", ip_address="10.0.0.10")
    with transaction.atomic():
        say_site()
        Server._base_manager.filter(hostname="web").update(
            hostname="shop"
        )  # behind every signal and every trigger
    catch_up.check_everything()
    with caplog.at_level("INFO", "ipam.worker"):
        assert worker.CatchUp().tick()
    assert row("10.0.0.10").hostname == "shop"
    assert "1 updated" in caplog.text


def test_very_many_rows_are_noted_as_anything(subnet):
    Server.objects.bulk_create([Server(hostname=f"s{number}") for number in range(101)])
    by_hand("UPDATE hosts SET manufacturer = 'Acme'")
    assert RawChange.objects.filter(server_id=None).count() == 1
    catch_up.catch_up()
    assert not RawChange.objects.exists()


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_a_claim_of_the_same_moment_gets_another_address(subnet):
    with transaction.atomic():
        insert(Server, hostname="web", ip_address="10.0.0.10")
        other = in_another_connection(lambda: str(allocate(subnet).row.ip_address))
    assert other == "10.0.0.11"
    assert nothing_to_do()


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_who_comes_behind_a_claim_is_refused(subnet):
    with transaction.atomic():
        allocate(subnet, vm_id="vm-1", wanted="10.0.0.10")
        waiting = threading.Thread(
            target=attempt, args=(lambda: insert(Server, hostname="w", ip_address="10.0.0.10"),)
        )
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()  # for the row
    waiting.join(20)
    assert attempt.refusal and 'taken by VM "vm-1"' in attempt.refusal
    assert row("10.0.0.10").vm_id == "vm-1" and not Server.objects.exists()


def attempt(work):
    try:
        work()
    except IntegrityError as error:
        attempt.refusal = str(error)
    finally:
        connection.close()


def in_another_connection(work):
    found = []

    def run():
        found.append(work())
        close_old_connections()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return found[0]


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_while_somebody_s_psql_holds_a_row_saves_go_on_and_the_worker_tries_again(subnet):
    """The worker holds the ledger while it waits for the row: it must not wait as long as that
    person's lunch."""
    doubtful = row("10.0.0.10")
    RawChange.objects.create()
    IPAddress.objects.filter(pk=doubtful.pk).update(
        subnet=None
    )  # something to mend in the row that is held
    with psycopg.connect(**connection.get_connection_params()) as psql:
        psql.execute("UPDATE ip_addresses SET description = 'mine' WHERE id = %s", [doubtful.pk])
        tries = threading.Thread(target=lambda: (worker.CatchUp().tick(), connection.close()))
        tries.start()
        ServerFactory(hostname="saved-meanwhile")
        tries.join(60)
        assert not tries.is_alive()
        assert RawChange.objects.exists()
    catch_up.catch_up()
    assert row("10.0.0.10").subnet == subnet
    assert not RawChange.objects.exists()


# --- the history


def role():
    with connection.cursor() as cursor:
        return (
            cursor.execute("SELECT session_user").fetchone()[0] + " (SQL)" if POSTGRESQL else "SQL"
        )


def test_raw_changes_stand_in_the_history_with_the_role(subnet):
    insert(Server, hostname="web", ip_address="10.0.0.10")
    web = Server.objects.get()
    update(web, hostname="shop")
    update(web, hostname="shop")
    delete(web)

    lines = Server.history.order_by("history_id")
    assert list(lines.values_list("history_type", "hostname")) == [
        ("+", "web"),
        ("~", "shop"),
        ("-", "shop"),
    ]
    assert set(lines.values_list("history_change_reason", "history_user")) == {(role(), None)}


def make_vrf():
    return VRF.objects.create(name=f"v{VRF.history.count()}")


@pytest.mark.parametrize(
    "make", [SubnetFactory, PoolFactory, ServerFactory, InterfaceFactory, make_vrf]
)
def test_every_kind_of_object_has_one_and_ours_is_not_doubled(make):
    made = make()
    model, before = type(made), type(made).history.count()
    made.save()
    assert model.history.count() == before + 1
    made.delete()
    assert model.history.count() == before + 2
    assert not model.history.filter(history_change_reason__endswith="SQL)").exists()
    delete(make())
    last = model.history.latest("history_id")
    assert (last.history_type, last.history_change_reason) == ("-", role())


@only(POSTGRESQL)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT server_claims('{1}')",
        "SELECT place_servers('{1}')",
        "CREATE TEMP TABLE mine (id bigint); CREATE TRIGGER mine BEFORE DELETE ON mine FOR "
        "EACH ROW "
        "EXECUTE FUNCTION hosts_leave()",
    ],
    ids=["read", "write", "behind a table of his own"],
)
def test_nobody_else_may_use_what_acts_with_the_site_s_rights(subnet, sql):
    by_hand("CREATE ROLE clerk")
    with pytest.raises(ProgrammingError, match="permission denied for function"):
        by_hand(f"SET LOCAL ROLE clerk; {sql}")


def test_so_has_the_address(subnet):
    insert(Server, hostname="web", ip_address="10.0.0.10")
    delete(Server.objects.get())
    lines = (
        row("10.0.0.10")
        .history.order_by("history_id")
        .values_list("history_type", "status", "history_change_reason")
    )
    assert list(lines)[-2:] == [("~", "allocated", role()), ("~", "available", role())]


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_an_emptied_table_is_remembered(subnet):
    ServerFactory(hostname="web")
    by_hand("TRUNCATE hosts CASCADE")
    assert Server.history.latest("history_id").history_type == "-"
    catch_up.catch_up()
    assert row("10.0.0.10").status == "available"  # it went with the servers, and is stock again


def test_the_admin_s_history_page_names_the_role(subnet, admin_client):
    web = ServerFactory(hostname="web")
    update(web, hostname="shop")
    page = admin_client.get(reverse("admin:ipam_server_history", args=[web.pk]))
    assert role() in page.content.decode()
    assert User.objects.exists()
