"""A machine with a time to live is taken back by the worker; a renewed one stays."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dhcp.models import DhcpChange
from ipam.models import Interface, IPAddress, Server, Stamp
from machines.create import Card, Port, Specification, make
from machines.models import Machine, MachineService
from machines.remove import remove_expired
from machines.worker import Expiry
from registry.models import Service
from tests.ipam.factories import PoolFactory, SubnetFactory
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
PAST, SOON = timedelta(seconds=-1), timedelta(hours=1)


@pytest.fixture
def subnet():
    subnet = SubnetFactory(network="10.0.0.0/24", gateway="10.0.0.1")
    PoolFactory(subnet=subnet, first="10.0.0.10", last="10.0.0.200")
    return subnet


def machine(subnet, number=1, **values):
    """A machine with one of everything; it expires `after`, if that is given."""
    after = values.pop("after", None)
    mac = f"02:00:00:00:00:{number:02x}"
    spec = Specification(
        f"ci-{number}",
        mac,
        subnet,
        interfaces=[Card("bmc", f"02:00:00:00:01:{number:02x}", subnet=subnet)],
        services=[Port("http")],
        expires_at=after and timezone.now() + after,
        **values,
    )
    return make(spec).machine


def test_what_has_expired_is_taken_back_and_history_says_why(subnet):
    gone, stays, renewed = (
        machine(subnet, 1, after=PAST),
        machine(subnet, 2),
        machine(subnet, 3, after=SOON),
    )
    Expiry().work()
    assert {row.pk for row in Machine.objects.all()} == {stays.pk, renewed.pk}
    assert not Server.objects.filter(pk=gone.server_id).exists()
    assert Service.objects.count() == 2
    last = Server.history.filter(id=gone.server_id).latest()
    assert last.history_change_reason.startswith("expired at ")
    change = DhcpChange.objects.get(kind="server", object_id=gone.server_id, action="retire")
    assert change.detail == last.history_change_reason
    freed = IPAddress.objects.get(ip_address="10.0.0.10")
    assert (freed.status, freed.server_id) == ("available", None)


def test_a_machine_is_renewed(subnet):
    row = machine(subnet, after=PAST)
    api = with_token("admin")
    url = f"/api/v1/machines/{row.pk}/"
    etag = api.get(url)["ETag"]
    assert api.patch(url, {"ttl": 600}, HTTP_IF_MATCH=etag).status_code == 200
    assert remove_expired() == []
    assert api.patch(url, {"ttl": 600}, HTTP_IF_MATCH=etag).status_code == 412
    assert api.patch(url, {"expires_at": None}).json()["expires_at"] is None
    assert api.patch(url, {}).status_code == 400
    assert api.patch(url, {"hostname": "x"}).status_code == 400
    assert Machine.history.filter(id=row.pk).latest().expires_at is None


def test_nothing_expires_while_the_ledger_is_frozen(subnet):
    machine(subnet, after=PAST)
    Stamp.objects.install()
    Stamp.objects.update(frozen_at=timezone.now(), reason="restored")
    Expiry().work()
    assert Machine.objects.exists()


def test_a_server_that_is_deleted_elsewhere_takes_its_service_ports_along(subnet):
    row = machine(subnet)
    row.server.delete()
    assert not (Machine.objects.exists() or Service.objects.exists())
    assert not MachineService.objects.exists()


def test_a_server_that_raw_sql_deletes_leaves_nothing_behind(subnet):
    row = machine(subnet)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":  # as sqlite3 itself has it
            MachineService.objects.update(machine=None)
            Machine.history.all().delete()
            cursor.execute("DELETE FROM machines")
        cursor.execute("DELETE FROM hosts WHERE mac_address = '02:00:00:00:00:01'")
    Expiry().work()
    assert not (Machine.objects.exists() or Service.objects.exists())
    assert not Server.objects.filter(pk=row.server_id).exists()


def test_many_that_expire_at_once_are_no_mistake_of_the_ledger(subnet, tmp_path, settings):
    from dhcp.files.sync import sync
    from dhcp.models import Generation

    settings.DHCP_SYNC = "worker"
    settings.DNSMASQ_DIR = tmp_path / "dnsmasq"
    for number in range(1, 13):
        machine(subnet, number, after=SOON)
    assert sync(force=True).good
    Machine.objects.update(expires_at=timezone.now() + PAST)
    assert len(remove_expired()) == 12
    assert not Interface.objects.exists()
    outcome = sync()
    assert outcome.good, outcome.reason
    assert outcome.hosts == 0
    assert Generation.objects.exclude(result="failed").exists()
    again = [machine(subnet, number) for number in range(1, 13)]
    assert sync().hosts == 24
    for row in again:
        row.server.delete()  # nobody planned that
    assert "vanish at once" in sync().reason
