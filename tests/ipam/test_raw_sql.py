"""The operation manual's raw SQL: what a server held is freed, and the ledger stays in step without
us."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, migrations, models, transaction

from core.history import install as history_database
from dhcp.sql import database as dhcp_database
from ipam.models import VRF, Interface, IPAddress, Server, Subnet
from ipam.placement.populate import Report, populate
from ipam.sql import database
from tests.ipam.factories import InterfaceFactory, PoolFactory, ServerFactory, SubnetFactory
from tests.support.by_hand import POSTGRESQL, only

pytestmark = pytest.mark.django_db
MAC = "00:11:22:33:44:55"
DELETE = "DELETE FROM hosts WHERE mac_address = '00:11:22:33:44:55';"


@pytest.fixture
def subnet():
    found = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")
    PoolFactory(subnet=found, first="10.0.0.10", last="10.0.0.19")
    return found


def execute(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    connection.check_constraints()


def row(address):
    return IPAddress.objects.filter(ip_address=address).first()


def nothing_to_do():
    done = populate()
    return replace(done, totals={}, skipped=0, gateways_in_pools=[]) == Report()


def test_a_deleted_server_s_address_of_a_static_pool_is_free_again(subnet):
    server = ServerFactory(
        mac_address=MAC, ip_address="10.0.0.12", device_type="PC", manufacturer="Acme"
    )
    IPAddress.objects.filter(server=server).update(description="kept while reserved")

    execute(DELETE)

    freed = row("10.0.0.12")
    assert (freed.status, freed.server, freed.mac_address, freed.vm_id) == (
        "available",
        None,
        None,
        None,
    )
    assert (freed.hostname, freed.platform, freed.manufacturer, freed.description) == (
        "",
        "",
        "",
        "",
    )
    assert freed.freed_at and freed.freed_at == freed.updated_at
    assert not Server.objects.exists()
    assert nothing_to_do()


def test_its_other_addresses_and_its_interfaces_go_with_it(subnet):
    server = ServerFactory(mac_address=MAC, ip_address="10.0.0.200")
    InterfaceFactory(server=server, ip_address="10.0.0.13")
    InterfaceFactory(server=server, ip_address="192.0.2.1")  # in no subnet

    execute(DELETE)

    assert not Interface.objects.exists()
    assert (row("10.0.0.200"), row("192.0.2.1")) == (None, None)
    assert row("10.0.0.13").status == "available"
    assert nothing_to_do()


def test_nothing_else_changes(subnet):
    ServerFactory(mac_address=MAC, ip_address="10.0.0.12")
    other = ServerFactory(ip_address="10.0.0.14")
    InterfaceFactory(server=other, ip_address="10.0.0.15")
    kept = IPAddress.objects.exclude(ip_address="10.0.0.12").order_by("pk").values()
    before = list(kept)

    execute(DELETE)

    assert list(kept.all()) == before
    assert Interface.objects.get().server == other


@pytest.mark.parametrize(
    ("network", "address", "stays"),
    [
        ("10.1.0.0/24", "10.1.0.0", False),
        ("10.1.0.0/24", "10.1.0.255", False),
        ("10.1.0.0/24", "10.1.0.254", True),
        ("10.1.0.0/22", "10.1.0.255", True),
        ("10.1.0.0/22", "10.1.3.255", False),
        ("10.1.0.64/27", "10.1.0.95", False),
        ("10.1.0.0/30", "10.1.0.3", False),
        ("10.1.0.0/31", "10.1.0.0", True),
        ("10.1.0.0/31", "10.1.0.1", True),
        ("0.0.0.0/0", "255.255.255.255", False),
        ("fd00::/64", "fd00::", False),
        ("fd00::/64", "fd00::ffff:ffff:ffff:ffff", True),
        ("fd00::/127", "fd00::", True),
    ],
)
def test_an_address_that_no_machine_may_have_does_not_become_stock(network, address, stays):
    subnet = Subnet.objects.create(network=network)
    server = ServerFactory(mac_address=MAC)
    IPAddress.objects.bulk_create(
        [
            IPAddress(
                subnet=subnet,
                ip_address=address,
                status="allocated",
                ip_type="static",
                server=server,
            )
        ]
    )

    execute(DELETE)

    assert (row(address) is not None) == stays


def test_neither_does_a_gateway(subnet):
    ServerFactory(mac_address=MAC, ip_address="10.0.0.12")
    Subnet.objects.filter(pk=subnet.pk).update(gateway="10.0.0.12")

    execute(DELETE)

    assert row("10.0.0.12") is None
    assert nothing_to_do()


def test_django_s_own_delete_is_as_before(subnet):
    server = ServerFactory(ip_address="10.0.0.12")
    InterfaceFactory(server=server, ip_address="10.0.0.200")

    assert server.delete()[1] == {"ipam.Interface": 1, "ipam.Server": 1}

    assert row("10.0.0.12").history.latest().status == row("10.0.0.12").status == "available"
    assert row("10.0.0.200") is None
    assert nothing_to_do()


def catalogue():
    found = (
        "SELECT oid, conname, confdeltype::text FROM pg_constraint WHERE contype = 'f'"
        " UNION ALL SELECT oid, tgname, '' FROM pg_trigger WHERE NOT tgisinternal"
        " UNION ALL SELECT oid, proname, xmin::text FROM pg_proc WHERE proname ~ "
        "'^hosts|^dhcp' ORDER BY 1"
        if POSTGRESQL
        else "SELECT rowid, name, sql FROM sqlite_master ORDER BY 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(found)
        return cursor.fetchall()


def install():
    for label, make in (("ipam", database.install), ("dhcp", dhcp_database.install)):
        make(app_config=apps.get_app_config(label), using="default")
    history_database.install_all()


def test_installing_again_changes_nothing():
    before = catalogue()
    assert "hosts_leave" in [name for _oid, name, _more in before]

    install()

    assert catalogue() == before


@pytest.mark.django_db(transaction=True)
def test_an_older_trigger_is_replaced():
    with connection.cursor() as cursor:
        if POSTGRESQL:
            body = "LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'"
            cursor.execute(f"CREATE OR REPLACE FUNCTION hosts_leave() RETURNS trigger {body}")
        else:
            cursor.execute("DROP TRIGGER hosts_leave")
            cursor.execute("CREATE TRIGGER hosts_leave BEFORE DELETE ON hosts BEGIN SELECT 1; END")
    install()
    SubnetFactory(network="10.0.0.0/24")
    ServerFactory(mac_address=MAC, ip_address="10.0.0.200")
    execute(DELETE)
    assert row("10.0.0.200") is None


@pytest.mark.django_db(transaction=True)
def test_what_an_earlier_version_installed_under_another_name_is_dropped():
    before = [row[1:] for row in catalogue()]
    with connection.cursor() as cursor:
        if POSTGRESQL:
            cursor.execute(
                "CREATE FUNCTION hosts_by_hand() RETURNS trigger LANGUAGE plpgsql"
                " AS 'BEGIN RETURN NULL; END';"
                " COMMENT ON FUNCTION hosts_by_hand() IS 'ipmanager ipam 0123456789abcdef';"
                " CREATE TRIGGER hosts_by_hand_insert AFTER INSERT ON hosts"
                " FOR EACH STATEMENT EXECUTE FUNCTION hosts_by_hand();"
                " COMMENT ON TRIGGER hosts_by_hand_insert ON hosts"
                " IS 'ipmanager ipam 0123456789abcdef'"
            )
        else:
            cursor.execute(
                "CREATE TRIGGER hosts_by_hand_insert /* ipmanager ipam */ AFTER INSERT ON hosts"
                " BEGIN SELECT 1; END"
            )
    assert len(catalogue()) > len(before)

    install()

    assert [row[1:] for row in catalogue()] == before


@only(POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_a_constraint_without_on_delete_is_made_anew_under_its_name():
    before = [row[1:] for row in catalogue()]
    name = next(name for _oid, name, _how in catalogue() if name.startswith("interfaces_server_id"))
    with connection.cursor() as cursor:
        cursor.execute(
            f'ALTER TABLE interfaces DROP CONSTRAINT "{name}", ADD CONSTRAINT "{name}"'
            " FOREIGN KEY (server_id) REFERENCES hosts (id) DEFERRABLE INITIALLY DEFERRED"
        )

    install()

    assert sorted(row[1:] for row in catalogue()) == sorted(before)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]
        )
        assert cursor.fetchone()[0] == (
            "FOREIGN KEY (server_id) REFERENCES hosts(id) ON DELETE CASCADE DEFERRABLE "
            "INITIALLY DEFERRED"
        )


@only(POSTGRESQL)
def test_a_deleted_subnet_takes_its_pools_and_what_is_protected_refuses(subnet):
    ServerFactory(ip_address="10.0.0.12")
    execute("DELETE FROM subnets;")
    assert row("10.0.0.12").subnet is None
    Subnet.objects.create(network="10.9.0.0/24", vrf=VRF.objects.create(name="lab"))
    with pytest.raises(IntegrityError):
        execute("DELETE FROM vrfs;")


@only(not POSTGRESQL)
@pytest.mark.django_db(transaction=True)
def test_a_plain_sqlite_client_leaves_nothing_dangling(subnet):
    server = ServerFactory(mac_address=MAC, ip_address="10.0.0.12")
    InterfaceFactory(server=server, ip_address="10.0.0.13")
    copy = sqlite3.connect(":memory:")
    connection.connection.backup(copy)

    copy.executescript(DELETE)

    assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
    assert copy.execute(
        "SELECT count(*) FROM ip_addresses WHERE status <> 'available'"
    ).fetchone() == (0,)
    assert copy.execute("SELECT count(*) FROM interfaces").fetchone() == (0,)


@only(not POSTGRESQL)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [IPAddress, Server, Subnet, Interface])
def test_a_migration_may_make_a_table_anew(model):
    before = sorted(row[1:] for row in catalogue())
    database.make_way(plan=[(migrations.Migration("next", "ipam"), False)])
    with connection.schema_editor() as editor:
        editor._remake_table(model)
    install()
    assert sorted(row[1] for row in catalogue()) == sorted(name for name, _sql in before)


@only(POSTGRESQL)
def test_every_function_is_marked_as_ours_so_that_a_restore_drops_it():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname, coalesce(obj_description(p.oid, 'pg_proc'), '') FROM pg_proc p "
            "WHERE p.pronamespace = current_schema()::regnamespace AND NOT EXISTS "
            "(SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
        )
        found = dict(cursor.fetchall())
    assert "ledger_timeline" in found
    assert [name for name, mark in found.items() if not mark.startswith("ipmanager ")] == []


@only(POSTGRESQL)
@pytest.mark.parametrize("app", ["ipam", "dhcp", "pxe", "registry", "ipmanager"])
def test_every_foreign_key_does_by_raw_sql_what_django_does(app):
    """A new one is among them by itself."""
    letters = {models.CASCADE: "c", models.SET_NULL: "n"}
    with connection.cursor() as cursor:
        for field in database._foreign_keys(apps.get_app_config(app)):
            cursor.execute(database._FOREIGN_KEYS, [field.model._meta.db_table])
            found = {column: letter for column, _name, letter in cursor.fetchall()}
            if field.db_constraint:
                wanted = letters.get(field.remote_field.on_delete, "a")
                assert found.get(field.column) == wanted, f"{field.model.__name__}.{field.name}"


@pytest.mark.on("sqlite")
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("hosts", "ip_address", "10.0.0.9"), ("subnets", "network", "10.0.0.0/24")],
)
def test_an_address_written_as_text_is_refused_on_sqlite_as_the_manual_says(table, column, value):
    """docs/operation.md, section 5: these columns hold bytes there."""
    manual = (Path(__file__).parents[2] / "docs" / "operation.md").read_text()
    assert "CHECK constraint failed: ip_address" in manual
    more = {"hosts": "hostname", "subnets": "description"}[table]
    refused = pytest.raises(IntegrityError, match=f"CHECK constraint failed: {column}")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({column}, {more}) VALUES (%s, 'x')", [value])
