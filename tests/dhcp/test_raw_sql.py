"""Raw SQL is welcome: what psql writes is noted like any other change, by the database itself."""

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from dhcp import outbox
from dhcp.models import DhcpChange, DhcpOption, DhcpScope
from ipam.models import Interface, Pool, Server, Subnet
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory
from tests.support.by_hand import POSTGRESQL, by_hand, delete, insert, only, update

pytestmark = pytest.mark.django_db
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture(autouse=True)
def worker_does_it(settings):
    settings.DHCP_SYNC = "worker"


@pytest.fixture
def subnet():
    return SubnetFactory(network="10.0.0.0/24", name="office", dns_servers=["10.0.0.2"])


def who():
    with connection.cursor() as cursor:
        if not POSTGRESQL:
            return "SQL"
        cursor.execute("SELECT session_user")
        return f"{cursor.fetchone()[0]} (SQL)"


def changes_of(work):
    """The change rows that this makes, without their keys; an object that is made anew has another
    one."""
    DhcpChange.objects.all().delete()
    work()
    return list(DhcpChange.objects.order_by("pk").values_list("kind", "label", "action", "detail"))


def both(make, ours, theirs):
    """What our own write and the same by raw SQL note of an object that `make` makes."""
    first = make()
    our_rows = changes_of(lambda: ours(first))
    type(first)._base_manager.filter(pk=first.pk).delete()
    second = make()
    their_rows = changes_of(lambda: theirs(second))
    assert set(DhcpChange.objects.values_list("who", flat=True)) == {who()}
    assert set(DhcpChange.objects.values_list("object_id", flat=True)) == {second.pk}
    return our_rows, their_rows


CHANGES = [
    (Server, {"hostname": "shop"}),
    (Server, {"ip_address": "10.0.0.20", "enabled": False}),
    (Server, {"ip_address": None}),
    (Server, {"enabled": False, "when_disabled": "ignored"}),
    (Server, {"mac_address": B}),
    (Interface, {"name": "bmc", "duid": "00:01:02"}),
    (Subnet, {"gateway": "10.0.0.1", "domain": "example.org"}),
    (Subnet, {"dns_servers": ["10.0.0.3", "10.0.0.4"]}),
    (Subnet, {"network": "10.0.0.0/25"}),
    (Pool, {"last": "10.0.0.120"}),
    (Pool, {"kind": "static"}),
    (DhcpScope, {"lease_time": 600, "known_only": True}),
    (DhcpScope, {"router": "10.0.0.9", "domain": "example.org"}),
    (DhcpOption, {"value": "other"}),
]


@pytest.mark.parametrize(("model", "facts"), CHANGES)
def test_a_change_by_raw_sql_is_noted_in_the_same_words_as_ours(subnet, model, facts):
    def ours(row):
        for name, value in facts.items():
            setattr(row, name, value)
        row.save()

    one, other = both(MAKE[model], ours, lambda row: update(row, **facts))
    assert one == other and len(one) == 1


def make_server():
    return ServerFactory(hostname="web", mac_address=A, ip_address="10.0.0.9")


def make_interface():
    server = Server.objects.filter(hostname="web").first() or make_server()
    return InterfaceFactory(server=server, name="eth1", mac_address=B, ip_address="10.0.0.10")


def make_subnet():
    Subnet.objects.filter(network="10.0.0.0/24").delete()
    return SubnetFactory(network="10.0.0.0/24", name="office", dns_servers=["10.0.0.2"])


def make_pool():
    return PoolFactory(
        subnet=Subnet.objects.get(), first="10.0.0.100", last="10.0.0.110", kind="dhcp"
    )


def make_scope():
    return DhcpScope.objects.create(subnet=Subnet.objects.get())


def make_option():
    scope = DhcpScope.objects.first() or make_scope()
    return DhcpOption.objects.create(scope=scope, number=224, value="some")


MAKE = {
    Server: make_server,
    Interface: make_interface,
    Subnet: make_subnet,
    Pool: make_pool,
    DhcpScope: make_scope,
    DhcpOption: make_option,
}


@pytest.mark.parametrize("model", MAKE)
def test_a_deletion_by_raw_sql_is_noted_in_the_same_words_as_ours(subnet, model):
    one, other = both(MAKE[model], lambda row: row.delete(), delete)
    assert one == other and len(one) == 1


def test_an_insertion_by_raw_sql_is_noted(subnet):
    assert changes_of(lambda: insert(Server, hostname="web", mac_address=A)) == [
        ("server", "web", "add", "")
    ]
    web = Server.objects.get()
    assert changes_of(lambda: insert(Interface, server_id=web.pk, name="e1")) == [
        ("interface", "web e1", "add", "")
    ]
    made = changes_of(lambda: insert(Subnet, network="10.1.0.0/24", description="Neues Büro UG"))
    assert made == [("subnet", "10.1.0.0/24", "add", "")]
    assert changes_of(lambda: insert(DhcpScope, subnet_id=subnet.pk)) == [
        ("dhcpscope", "10.0.0.0/24 office", "add", "")
    ]
    scope = DhcpScope.objects.get()
    option = changes_of(lambda: insert(DhcpOption, scope_id=scope.pk, number=224, value="x"))
    assert option == [("dhcpoption", "224: x", "add", "")]


def test_our_own_writes_are_noted_once(subnet, tmp_path):
    web = make_server()
    assert len(changes_of(lambda: ServerFactory(mac_address=B))) == 1
    assert len(changes_of(lambda: Server.objects.filter(pk=web.pk).update(enabled=False))) == 1
    assert len(changes_of(lambda: Server.objects.bulk_create([Server(hostname="bulk")]))) == 1
    scope = DhcpScope(subnet=subnet)
    assert len(changes_of(scope.save)) == 1
    scope.lease_time = 600
    assert len(changes_of(scope.save)) == 1
    assert len(changes_of(DhcpOption(scope=scope, number=224, value="x").save)) == 1
    assert len(changes_of(scope.delete)) == 2  # its option goes with it
    assert len(changes_of(web.delete)) == 1


@pytest.mark.django_db(transaction=True)
def test_so_are_they_each_in_a_transaction_of_its_own():
    test_our_own_writes_are_noted_once(SubnetFactory(network="10.0.0.0/24"), None)


@pytest.mark.django_db(transaction=True)
def test_a_fixture_is_noted_as_one_change_of_the_ledger(tmp_path):
    SubnetFactory(network="10.0.0.0/24")
    make_server()
    dump = tmp_path / "dump.json"
    call_command("dumpdata", "ipam", "dhcp.dhcpscope", output=str(dump))
    before = Server.history.count()
    call_command("flush", interactive=False)

    assert [
        row[0] for row in changes_of(lambda: call_command("loaddata", str(dump), verbosity=0))
    ] == ["ledger"]
    assert Server.history.count() == before


def test_what_does_not_concern_dnsmasq_is_not_noted(subnet):
    web = make_server()
    assert changes_of(lambda: update(web, location="cellar")) == []
    assert changes_of(lambda: update(web, hostname="web", ip_address="10.0.0.9")) == []
    assert (
        changes_of(lambda: insert(Pool, subnet_id=subnet.pk, first="10.0.0.50", last="10.0.0.59"))
        == []
    )
    assert changes_of(lambda: delete(Pool.objects.get())) == []


def test_many_rows_are_told_as_one(subnet):
    Server.objects.bulk_create(
        [Server(hostname=f"s{number}") for number in range(outbox.ONE_BY_ONE + 1)]
    )
    one = changes_of(
        lambda: by_hand("UPDATE hosts SET enabled = NOT enabled WHERE hostname = 's7'")
    )
    assert one == [("server", "s7", "change", "enabled: True -> False")]

    many = changes_of(lambda: by_hand("UPDATE hosts SET enabled = NOT enabled"))

    assert [row for row in many if row[0] == "ledger"] == many[-1:]
    assert len(many) == (1 if POSTGRESQL else outbox.ONE_BY_ONE + 1)
    if POSTGRESQL:
        assert many == [("ledger", "101 servers", "change", "")]


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_so_is_an_emptied_table(subnet):
    make_server()
    rows = changes_of(lambda: by_hand("TRUNCATE hosts CASCADE"))
    assert ("ledger", "all servers", "change", "") in rows


@only(POSTGRESQL)
def test_rows_that_change_their_key_are_noted_as_gone_and_new(subnet):
    web = ServerFactory(hostname="web")
    rows = changes_of(lambda: by_hand("UPDATE hosts SET id = id + 1000 WHERE id = %s", [web.pk]))
    assert sorted(rows) == [("server", "web", "add", ""), ("server", "web", "delete", "")]


@only(POSTGRESQL)
def test_it_is_the_login_role_that_is_named_and_it_needs_no_rights_but_to_write(subnet):
    by_hand("CREATE ROLE clerk")
    by_hand(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON hosts TO clerk;"
        " GRANT USAGE ON SEQUENCE hosts_id_seq TO clerk"
    )
    by_hand("SET LOCAL ROLE clerk; INSERT INTO hosts (hostname) VALUES ('web'); RESET ROLE")
    change = DhcpChange.objects.latest("pk")
    assert (change.label, change.who) == ("web", who())


def listener():
    at = connection.settings_dict
    return psycopg.connect(
        dbname=at["NAME"],
        user=at["USER"],
        host=at["HOST"],
        port=at["PORT"],
        password=at["PASSWORD"] or None,
        autocommit=True,
    )


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_listeners_hear_of_every_change_row_once_it_is_committed():
    with listener() as ear:
        ear.execute("LISTEN dhcp_changes")
        for write in (make_server, lambda: by_hand("INSERT INTO hosts (hostname) VALUES ('psql')")):
            with transaction.atomic():
                write()
                assert list(ear.notifies(timeout=0.05)) == []
            assert len(list(ear.notifies(timeout=5, stop_after=1))) == 1


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_leaves_nothing():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        by_hand("INSERT INTO hosts (hostname) VALUES ('psql')")
        assert DhcpChange.objects.exists()
        1 / 0  # noqa: B018
    assert not DhcpChange.objects.exists()


@only(not POSTGRESQL)
def test_an_edit_after_a_sync_has_read_many_changes_is_not_deleted_with_them(subnet):
    server = ServerFactory(hostname="web")
    DhcpChange.objects.all().delete()
    for number in range(outbox.ONE_BY_ONE + 5):
        update(server, hostname=f"web-{number}")
    read = list(DhcpChange.objects.values_list("pk", flat=True))
    assert len(read) == outbox.ONE_BY_ONE + 1

    update(server, hostname="last")
    DhcpChange.objects.forget(read)

    assert list(DhcpChange.objects.values_list("kind", flat=True)) == ["ledger"]
