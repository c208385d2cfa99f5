"""Old rows are deleted; the newest row of what exists stays."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Session
from dhcp.generations.document import Document
from dhcp.models import Generation, HandEdit, KeptFiles
from ipam import freeze
from ipam.models import IPAddress, Server, Stamp, Subnet, UsageDay
from ops import prune as module
from ops.prune import histories, prune
from pxe.models import BootEvent
from registry.models import Call
from tests.ipam.admin_forms import queries_in

pytestmark = pytest.mark.django_db
NOW = timezone.now()
OLD = NOW - timedelta(days=1000)


@pytest.fixture
def server(settings, tmp_path):
    settings.DHCP_SYNC = "worker"
    settings.DATA_DIR = tmp_path
    Subnet.objects.create(network="10.0.0.0/24")
    server = Server.objects.create(
        hostname="web", mac_address="02:00:00:00:00:01", ip_address="10.0.0.9"
    )
    for location in ("here", "there"):
        server.location = location
        server.save()
    return server


def age():
    for history in histories():
        history.objects.update(history_date=OLD)


def test_of_what_exists_the_newest_line_stays_however_old(server):
    age()
    assert prune()["hosts_history"] == 2
    assert [line.location for line in server.history.all()] == ["there"]


def test_of_what_is_gone_nothing_stays(server):
    server.delete()
    Server.objects.create(hostname="other")
    age()
    prune()
    assert {line.hostname for line in Server.history.all()} == {"other"}


def test_what_is_not_old_stays(server):
    assert prune() == {}
    assert server.history.count() == 3


def test_nothing_is_forgotten_where_the_setting_says_so(server, settings):
    settings.KEEP_HISTORY = 0
    age()
    assert prune() == {}


def test_a_pruned_ledger_is_not_taken_for_a_restored_one(server):
    Stamp.objects.install()
    Server.objects.all().delete()  # the last line of the addresses' history tells of something gone
    age()
    freeze.look()
    prune()
    freeze.look()
    assert freeze.state() is None
    assert IPAddress.history.exists()


def test_generations_that_one_can_go_back_to_stay_and_so_does_the_newest(server):
    rows = [Generation.objects.create(result="applied") for _ in range(4)]
    KeptFiles.objects.keep(rows[1], Document.of(b"", b""))
    Generation.objects.update(updated_at=OLD)
    prune()
    assert list(Generation.objects.order_by("pk").values_list("pk", flat=True)) == [
        rows[1].pk,
        rows[3].pk,
    ]


def test_a_hand_edit_that_nobody_has_decided_stays(server):
    HandEdit.objects.create(found_at=OLD)
    HandEdit.objects.create(found_at=OLD, state="discarded", decided_at=OLD)
    prune()
    assert [edit.state for edit in HandEdit.objects.all()] == ["open"]


def test_events_and_sessions(server):
    BootEvent.objects.create(kind="menu", at=OLD, server=server)
    BootEvent.objects.create(kind="menu", at=NOW, server=server)
    call = Call.objects.create(
        environment="test", method="GET", path="/", status=200, duration_ms=1
    )
    Call.objects.filter(pk=call.pk).update(at=OLD)
    Session.objects.create(session_key="a", expire_date=OLD)
    Session.objects.create(session_key="b", expire_date=NOW + timedelta(hours=1))
    assert (
        prune(dry_run=True)
        == prune()
        == {"boot_events": 1, "registry_calls": 1, "accounts_session": 1}
    )
    assert (BootEvent.objects.count(), Call.objects.count(), Session.objects.count()) == (1, 0, 1)


def test_many_rows_go_in_portions(server, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    BootEvent.objects.bulk_create(BootEvent(kind="menu", at=OLD) for _ in range(5))
    few = queries_in(lambda: prune(dry_run=True))
    assert queries_in(prune) >= few + 3
    assert not BootEvent.objects.exists()


def test_the_command_counts_before_it_deletes(server):
    age()
    output = StringIO()
    call_command("prune", "--dry-run", "--json", stdout=output)
    assert json.loads(output.getvalue()) == {"dry_run": True, "rows": {"hosts_history": 2}}
    output = StringIO()
    call_command("prune", stdout=output)
    assert (
        "kept: history 730 days" in output.getvalue()
        and "deleted 2 hosts_history" in output.getvalue()
    )


def test_the_usage_of_old_days_goes(settings):
    settings.KEEP_USAGE = 400
    for ago in (0, 399, 402):
        day = timezone.localdate() - timedelta(days=ago)
        UsageDay.objects.create(day=day, subnet_id=1)

    assert prune() == {"usage_days": 1}
    settings.KEEP_USAGE = 0
    assert prune() == {}
