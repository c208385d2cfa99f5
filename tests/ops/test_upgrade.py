"""An installation of an earlier state, with data, becomes one of today by `migrate` alone, on both
databases.

There is no earlier release yet. The tables are those of early migrations, filled by the models that
those describe."""

import json

import pytest

from tests.support.site import manage

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
import json
from dhcp.models import Generation
from ipam import freeze, models
from ipam.allocate import allocate
from ipam.placement.populate import populate
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


@pytest.mark.whole
def test_the_data_of_an_earlier_state_are_there_after_migrate_and_the_site_works(empty_database):
    for command in (["shell", "--no-imports", "-c", FILL], ["migrate", "--verbosity=0"], ["check"]):
        done = manage(empty_database, *command)
        assert done.returncode == 0, done.stderr
    done = manage(empty_database, "shell", "--no-imports", "-c", TELL)
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
