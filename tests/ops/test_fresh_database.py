"""An empty database is created from today's models: the tables are those that the migrations
make, of a database with data of an early state, which go on to be there.

The early tables are older than any release: those of the first migrations, filled by the models
that they describe. All migrations take ten seconds, so the tests share them."""

import json
import re
import sqlite3
from contextlib import closing

import psycopg
import pytest
from django.db import connection

from tests.conftest import empty_database_of, environment_of_a_site
from tests.support.site import manage

BY_MIGRATIONS = """
from django.core.management import call_command
from django.core.management.commands.migrate import Command
call_command(Command(), verbosity=0, interactive=False)
"""
# Before raw SQL was watched, before there were several servers, services, boot images and a stamp.
EARLY = {"ipam": "0001_initial", "dhcp": "0002_leases", "ipmanager": "0001_tokens"}
FILL = f"""
import datetime, ipaddress
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
executor = MigrationExecutor(connection)
executor.migrate(list({EARLY}.items()))  # nothing behind it: that version had no triggers
old = executor.loader.project_state(list({EARLY}.items())).apps
subnet = old.get_model("ipam.Subnet").objects.create(
    network="10.0.0.0/24", gateway="10.0.0.1", name="Büro",
    dns_servers=[ipaddress.ip_address("10.0.0.53")])
old.get_model("ipam.Pool").objects.create(
    subnet=subnet, first="10.0.0.2", last="10.0.0.9", kind="static")
server = old.get_model("ipam.Server").objects.create(
    hostname="web", ip_address="10.0.0.2", mac_address="02:00:00:00:00:01")
addresses = old.get_model("ipam.IPAddress").objects
addresses.create(
    subnet=subnet, ip_address="10.0.0.2", status="allocated", server=server, hostname="web",
    mac_address="02:00:00:00:00:01")
addresses.create(subnet=subnet, ip_address="10.0.0.3", status="allocated", vm_id="vm-1")
addresses.create(subnet=subnet, ip_address="10.0.0.4", status="reserved", description="printer")
for number in range(5, 10):
    addresses.create(subnet=subnet, ip_address=f"10.0.0.{{number}}")
later = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
old.get_model("ipam.Sighting").objects.create(
    ip_address="10.0.0.5", mac_address="02:00:00:00:00:02", source="lease", leased_until=later)
old.get_model("dhcp.Generation").objects.create(result="applied", hosts=1)
"""
TELL = """
import io, json
from django.core.management import call_command
from dhcp.models import Generation
from ipam import freeze, models
from ipam.allocate import allocate
from ipam.placement.populate import populate
call_command("check", stdout=io.StringIO())
report = populate()
subnet = models.Subnet.objects.get()
given = allocate(subnet, vm_id="vm-2").row
models.Server.objects.create(hostname="new", mac_address="02:00:00:00:00:03", ip_address="10.0.0.7")
rows = models.IPAddress.objects.all()[:3]
dns = list(map(str, subnet.dns_servers))
print(json.dumps({
    "changed": [report.static_created, report.static_updated,
                report.moved, report.freed, report.deleted],
    "rows": [[str(row), row.status, row.holder, row.description] for row in rows],
    "subnet": [str(subnet), str(subnet.gateway), dns, subnet.static_ip_pools],
    "given": str(given),
    "generations": Generation.objects.filter(pk=1).count(),
    "frozen": freeze.state() is not None,
    "server's": models.IPAddress.objects.get(ip_address="10.0.0.7").holder,
}))
"""
POSTGRESQL = """
SELECT table_name, column_name, concat_ws(' ', data_type, is_nullable, column_default,
    is_identity, character_maximum_length, numeric_precision)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT '', relname, relkind::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind <> 't'
UNION ALL SELECT relname, 'storage', reloptions::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
"""
ROWS = ("django_migrations", "django_content_type", "auth_permission", "auth_group")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory, django_test_environment, django_db_blocker):
    """The environment of a site whose database has come all the way by migrations."""
    place = tmp_path_factory.mktemp("migrated")
    with empty_database_of(place, django_db_blocker) as url:
        environment = environment_of_a_site(place) | {"DATABASE_URL": url}
        done = manage(environment, "shell", "--no-imports", "-c", FILL + BY_MIGRATIONS)
        assert done.returncode == 0, done.stderr
        yield environment


def described(url):
    """Everything that the database knows of its tables, whatever the order of columns."""
    if connection.vendor == "postgresql":
        with psycopg.connect(url) as database:
            return set(database.execute(POSTGRESQL).fetchall())
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        rows = database.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {(kind, name, part) for kind, name, sql in rows for part in parts(kind, sql or "")}


def parts(kind, sql):
    """The columns and constraints of a table; all else in one piece. SQLite keeps the text of the
    statement, in which Django quotes a table that it has made anew."""
    text = re.sub(r"\s+", " ", sql.replace('"', ""))
    if kind != "table":
        return [text]
    inner = text.partition("(")[2].rpartition(")")[0]
    found, depth = [""], 0
    for sign in inner:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [part.strip() for part in found]


def numbers(url):
    """How many rows a new database has, by table."""
    connect = psycopg.connect if connection.vendor == "postgresql" else sqlite3.connect
    with closing(connect(url.removeprefix("sqlite:///"))) as database:
        return {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ROWS
        }


def test_the_tables_are_those_that_migrations_make(empty_database, migrated):
    by_models = manage(empty_database, "migrate")
    assert (by_models.returncode, by_models.stdout) == (0, "Created all tables.\n")
    one, other = empty_database["DATABASE_URL"], migrated["DATABASE_URL"]
    assert described(one) ^ described(other) == set()
    assert numbers(one) == numbers(other)

    again = manage(empty_database, "migrate")
    assert (again.returncode, "No migrations to apply" in again.stdout) == (0, True)


@pytest.mark.each
@pytest.mark.whole
def test_the_data_of_an_early_state_are_there_and_the_site_works(migrated):
    done = manage(migrated, "shell", "--no-imports", "-c", TELL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "changed": [0, 0, 0, 0, 0],
        "rows": [
            ["10.0.0.2", "allocated", "server “web”", ""],
            ["10.0.0.3", "allocated", "VM “vm-1”", ""],
            ["10.0.0.4", "reserved", "a reservation “printer”", "printer"],
        ],
        "subnet": ["10.0.0.0/24 Büro", "10.0.0.1", ["10.0.0.53"], ["10.0.0.2-10.0.0.9"]],
        "given": "10.0.0.6",  # .5 is leased
        "generations": 1,
        "frozen": False,
        "server's": "server “new”",
    }
