"""From SQLite to PostgreSQL by one command: every row arrives as it was, or none."""

import json
import os

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ipam import freeze
from ipam.models import IPAddress, Stamp
from ops.backup import tables
from tests.ops import installation
from tests.support import postgres, require
from tests.support.site import manage

PROOF = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
ADDRESSES = 100_000 if PROOF else 100
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.on("sqlite"),
    require.mark("postgresql"),
]


@pytest.fixture(scope="module")
def server():
    with postgres.server() as url:
        yield url


@pytest.fixture
def run(settings, tmp_path, shared_database):
    """The command, in a process of its own, for a site with something in it."""
    settings.DHCP_SYNC = "worker"
    settings.DATA_DIR = tmp_path
    installation.fill(ADDRESSES)
    return lambda *arguments: manage(shared_database, "move_to_postgresql", *arguments)


LIAR = """
CREATE FUNCTION lie() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.site = 'elsewhere'; RETURN NEW; END $$;
CREATE TRIGGER lie BEFORE INSERT ON subnets FOR EACH ROW EXECUTE FUNCTION lie();
"""
TELL = """
import json
from ipam import allocate, freeze, models
from ipam.placement.populate import populate
report = populate()
subnet = models.Subnet.objects.get(network="10.0.0.0/24")
newest = models.IPAddress.objects.latest("pk").pk
row = allocate.allocate(subnet, vm_id="after the move").row
changed = report.static_created + report.static_updated
print(json.dumps([str(row), changed, models.Server.objects.count()]))
models.Server.objects.create(
    hostname="new", mac_address="02:00:00:00:01:01", ip_address="10.0.1.1")
assert models.IPAddress.objects.latest("pk").pk == newest + 1
"""


def test_a_row_that_differs_stops_the_move_and_nothing_is_moved(run, server):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hosts SET location = %s WHERE hostname = 'six'", ["x" * 200])
    assert '"hosts": value too long' in run(server).stderr
    with connection.cursor() as cursor:
        cursor.execute("UPDATE hosts SET location = '' WHERE hostname = 'six'")
    with psycopg.connect(server, autocommit=True) as there:
        there.execute(LIAR)
        assert "differs after the move (nothing was moved)" in run(server).stderr
        there.execute("DROP FUNCTION lie() CASCADE")
        assert there.execute("SELECT count(*) FROM subnets").fetchone() == (0,)
    assert freeze.state() is None


def test_every_row_moves_and_the_site_goes_on_there(run, server, site_environment):
    rows = {name: rows for name, (rows, _digest) in installation.everything().items()}
    done = run(server, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {name: said["rows"][name] for name in rows} == rows
    print(f"\n{ADDRESSES} addresses moved and compared in {said['seconds']} s")
    done = manage(site_environment | {"DATABASE_URL": server}, "shell", "--no-imports", "-c", TELL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["10.0.0.5", 0, 4]
    assert (
        "moved to PostgreSQL" in freeze.state().reason
    )  # who forgets DATABASE_URL hands out nothing
    again = run(server).stderr
    assert "is not empty" in again and "createdb" in again


def test_the_target_is_a_postgresql_database(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    (tmp_path / "url").write_text("sqlite:///other.sqlite3\n")
    with pytest.raises(CommandError, match="not a PostgreSQL database"):
        call_command("move_to_postgresql", "--url-file", str(tmp_path / "url"))
    with pytest.raises(CommandError, match="give the URL"):
        call_command("move_to_postgresql")


def test_every_model_with_a_table_moves():
    assert {Stamp, IPAddress, IPAddress.history.model} <= set(tables.all_models())
    with connection.cursor() as cursor:
        others = set(tables.table_names(cursor)) - set(tables.model_tables())
    assert others - {"history_origin"} == {"django_migrations"}
