"""Several nodes that write the files of one DHCP server: one decides, each is in step."""

import re
import time
from datetime import timedelta

import pytest
from django.core.checks import DEBUG, ERROR
from django.db import connection, transaction
from django.db.models import F

from dhcp import metrics
from dhcp.files import publish
from dhcp.files import sync as pipeline
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.generations.outcome import LEFT
from dhcp.generations.rollback import release, rollback
from dhcp.leases.ingest import ingest
from dhcp.leases.lease_file import parse_leases
from dhcp.models import DhcpChange, DhcpNode, Generation, HandEdit, Lease, SyncLease
from dhcp.nodes import lease
from dhcp.nodes import state as nodes
from dhcp.nodes.lease import Role
from dhcp.state import health_checks
from dhcp.worker import RENEW, DhcpWorker
from ipam.models import Server, Subnet

pytestmark = [pytest.mark.django_db, pytest.mark.on("postgresql")]


class Node:
    """What a node's processes do, with its own settings and host name."""

    def __init__(self, name, directory, monkeypatch, settings):
        self.name, self.directory = name, directory
        self.monkeypatch, self.settings = monkeypatch, settings

    @property
    def target(self):
        self.settings.DNSMASQ_DIR = self.directory
        self.monkeypatch.setattr(lease, "hostname", lambda: self.name)
        return Target.from_settings()

    def worker(self):
        while (outcome := sync(self.target, paced=True)).result == LEFT and outcome.wait:
            time.sleep(outcome.wait)
        return outcome

    def request(self):
        return sync(self.target, brief=True)

    def person(self, **options):
        return sync(self.target, **options)

    def role(self):
        return lease.current_role(self.target)[0]

    def reservations(self):
        lines = (self.directory / "hosts").read_text().splitlines()
        return [line.split(",")[-1] for line in lines if not line.startswith("#")]


@pytest.fixture
def node(tmp_path, monkeypatch, settings, target):
    settings.DHCP_SYNC = "worker"
    Subnet.objects.create(network="10.0.0.0/24")

    def make(name, directory=None):
        return Node(name, tmp_path / (directory or name), monkeypatch, settings)

    return make


@pytest.fixture
def a_and_b(node):
    """Node A holds the lease, B follows it."""
    a, b = node("a"), node("b")
    a.worker()
    b.worker()
    return a, b


def add(number):
    ip = f"10.0.0.{number}"
    Server.objects.create(
        hostname=f"s{number}", mac_address=f"02:00:00:00:00:{number:02x}", ip_address=ip
    )


def expire():
    SyncLease.objects.update(expires_at=F("expires_at") - timedelta(minutes=1))


def holder():
    return SyncLease.objects.get().host


# --- who writes what ------------------------------------------------------------------------------


def test_each_nodes_files_say_what_the_ledger_says_whoever_comes_first(a_and_b):
    a, b = a_and_b
    for number, (first, second) in enumerate([(a, b), (b, a)] * 3, start=10):
        add(number)
        first.worker()
        second.worker()
        assert a.reservations() == b.reservations() == [f"s{n}" for n in range(10, number + 1)]
    assert not DhcpChange.objects.exists()
    assert holder() == "a"


def test_only_the_holder_deletes_changes_and_records_generations(a_and_b):
    a, b = a_and_b
    before = Generation.objects.count()
    add(10)
    assert b.worker().result == "applied"
    assert (DhcpChange.objects.count(), Generation.objects.count()) == (1, before)
    a.worker()
    assert (DhcpChange.objects.count(), Generation.objects.count()) == (0, before + 1)


def test_a_request_on_a_follower_leaves_the_change_to_the_holder(a_and_b):
    a, b = a_and_b
    add(10)
    b.request()
    assert b.reservations() == ["s10"] and a.reservations() == []
    assert DhcpChange.objects.exists()
    a.worker()
    assert a.reservations() == ["s10"]


def test_a_request_neither_takes_nor_renews_the_lease(a_and_b):
    a, b = a_and_b
    expire()
    ends = SyncLease.objects.get().expires_at
    add(10)
    b.request()
    assert holder() == "a"
    assert a.request().generation
    assert SyncLease.objects.get().expires_at == ends


def test_without_any_worker_a_request_applies_its_change(node):
    a = node("a")
    add(10)
    assert a.request().result == "applied"
    assert not DhcpChange.objects.exists()
    assert lease.current_role(node("b").target) == (
        Role.FOLLOWER,
        True,
    )  # a worker may take it at once


def test_the_followers_failure_is_its_own(a_and_b, settings):
    a, b = a_and_b
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    add(10)
    assert b.worker().result == "failed"
    assert Generation.objects.newest().result != "failed"
    settings.DNSMASQ_RELOAD = "none"
    assert a.worker().good
    assert dict(DhcpNode.objects.values_list("host", "result")) == {"a": "applied", "b": "failed"}


def test_the_holders_failure_keeps_nothing_from_the_follower(a_and_b, settings):
    a, b = a_and_b
    add(10)
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    assert a.worker().result == "failed"
    settings.DNSMASQ_RELOAD = "none"
    assert b.worker().result == "applied" and b.reservations() == ["s10"]
    assert DhcpChange.objects.exists()


def test_a_follower_whose_directory_cannot_be_made_leaves_the_generations_alone(a_and_b, tmp_path):
    _a, b = a_and_b
    (tmp_path / "file").touch()
    b.directory = tmp_path / "file" / "below"
    assert b.worker().result == "failed"
    assert Generation.objects.newest().result != "failed"


# --- takeover -------------------------------------------------------------------------------------


def test_an_expired_lease_is_taken_over_with_a_higher_epoch(a_and_b):
    _a, b = a_and_b
    epoch = SyncLease.objects.get().epoch
    add(10)
    expire()
    assert lease.current_role(b.target) == (Role.FOLLOWER, True)
    assert b.worker().generation
    assert (holder(), SyncLease.objects.get().epoch) == ("b", epoch + 1)
    assert not DhcpChange.objects.exists()


def test_a_former_holder_follows(a_and_b):
    a, b = a_and_b
    expire()
    b.worker()
    add(10)
    assert a.worker().generation is None
    assert a.role() is Role.FOLLOWER and a.reservations() == ["s10"]
    assert DhcpChange.objects.exists()


def test_a_holder_that_starts_again_resumes_at_once(a_and_b):
    a, _b = a_and_b
    epoch = SyncLease.objects.get().epoch
    add(10)
    assert a.worker().generation
    expire()
    add(11)
    assert a.worker().generation
    assert SyncLease.objects.get().epoch == epoch


def test_a_lease_that_was_released_is_taken_at_once(a_and_b):
    a, b = a_and_b
    lease.release(a.target)
    b.worker()
    assert holder() == "b"


def test_a_holder_that_sleeps_through_a_takeover_records_nothing(a_and_b, monkeypatch):
    a, b = a_and_b
    add(10)
    publish_really = publish.publish

    def sleep_before(*arguments, **options):
        monkeypatch.setattr(publish, "publish", publish_really)
        expire()
        add(11)
        assert b.worker().generation  # the whole takeover, while A has read s10 only
        assert a.target
        return publish_really(*arguments, **options)

    monkeypatch.setattr(publish, "publish", sleep_before)
    newest = Generation.objects.newest()
    outcome = a.worker()
    assert (outcome.result, outcome.generation) == ("left", None)
    assert "taken the sync lease" in outcome.reason
    assert Generation.objects.newest().pk == newest.pk + 1 and not DhcpChange.objects.exists()
    a.worker()
    assert a.reservations() == b.reservations() == ["s10", "s11"]


@pytest.mark.django_db(transaction=True)
def test_a_holder_that_is_stopped_while_it_records_does_not_keep_the_lease_locked(a_and_b):
    a, _b = a_and_b
    epoch = SyncLease.objects.get().epoch
    with transaction.atomic(), connection.cursor() as cursor:
        lease.Claim(a.target, lease.Caller.WORKER, Role.HOLDER, epoch).check_database()
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("3s",)


def test_a_directory_of_the_future_raises_the_epoch(a_and_b):
    """A database that was restored from a backup has older epochs than the files."""
    a, _b = a_and_b
    a.target.epoch.write_text("77")
    add(10)
    assert a.worker().generation
    assert SyncLease.objects.get().epoch == 78


# --- a shared directory ---------------------------------------------------------------------------


def test_a_standby_writes_nothing(node):
    a, b = node("a", "shared"), node("b", "shared")
    a.worker()
    add(10)
    outcome = b.worker()
    assert outcome.result == "left" and outcome.reason.startswith("a writes this directory")
    assert a.reservations() == [] and b.role() is Role.STANDBY
    expire()
    assert b.worker().generation and b.reservations() == ["s10"]


def test_a_former_holder_replaces_no_file_in_the_new_holders_directory(node, monkeypatch):
    a, b = node("a", "shared"), node("b", "shared")
    a.worker()
    add(10)
    sleeping = pipeline.candidates.build(a.target)
    with lease.claimed(a.target, lease.Caller.WORKER) as claim:
        expire()
        add(11)
        assert b.worker().generation
        with pytest.raises(lease.LostLease):
            publish.publish(sleeping, lambda: 1, claim.check_directory)
    assert b.reservations() == ["s10", "s11"]


# --- what a person asks for -----------------------------------------------------------------------


def test_a_person_takes_the_lease_and_gives_it_back(a_and_b):
    a, b = a_and_b
    add(10)
    assert b.person().generation
    assert lease.current_role(a.target) == (Role.FOLLOWER, True)
    a.worker()
    assert holder() == "a" and a.reservations() == ["s10"]


def test_a_rollback_holds_every_node_until_it_is_released(a_and_b):
    a, b = a_and_b
    for number in (10, 11):
        add(number)
        number = a.worker().generation
    b.worker()
    rollback(number - 1, b.target)
    a.worker()
    assert a.reservations() == b.reservations() == ["s10"]
    expire()
    a.worker()  # whoever holds the lease then
    assert a.reservations() == ["s10"]
    release(a.target)
    b.worker()
    assert a.reservations() == b.reservations() == ["s10", "s11"]


def test_a_hand_edit_of_any_node_is_served_by_all(a_and_b):
    a, b = a_and_b
    add(10)
    a.worker()
    b.worker()
    with (b.directory / "hosts").open("a") as file:
        file.write("02:00:00:00:00:99,10.0.0.99,byhand\n")
    b.worker()
    a.worker()
    b.worker()
    assert a.reservations() == b.reservations() == ["s10", "byhand"]
    assert [edit.served for edit in HandEdit.objects.undecided()] == [True]


# --- the worker's rounds --------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_follower_syncs_again_only_when_there_is_something_new(a_and_b):
    a, b = a_and_b
    worker = DhcpWorker()
    target = b.target
    worker.find_servers()
    server = worker.servers[None]
    server.tick()
    assert server.role is Role.FOLLOWER
    server.was_notified = False
    assert not server._is_due()
    add(10)
    assert server._is_due()
    server.tick()
    assert not server._is_due()
    a.worker()
    assert b.target == target and server._is_due()


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_ends_releases_its_leases_and_one_that_hangs_loses_them(node):
    a = node("a")
    now = [0.0]
    worker = DhcpWorker(now=lambda: now[0])
    assert a.target
    worker.tick_all()
    server = worker.servers[None]
    server.thread = object()  # as if it ran
    expire()
    server.round_began, now[0] = 0.0, 61.0
    worker.tick()
    assert SyncLease.objects.with_state().get().has_expired
    server.round_began, now[0] = None, 61.0 + RENEW
    worker.tick()
    assert not SyncLease.objects.with_state().get().has_expired
    server.thread = None
    worker.finish()
    assert SyncLease.objects.with_state().get().has_expired


def test_the_leases_of_two_nodes_do_not_end_each_other(a_and_b):
    def read(node, text):
        ingest(parse_leases(text), origin=nodes.origin(node.target))

    a, b = a_and_b
    ours = b"4102444800 02:00:00:00:00:01 10.0.0.201 * *\n"
    theirs = b"4102444800 02:00:00:00:00:02 10.0.0.202 * *\n"
    for _turn in range(2):
        read(a, ours)
        read(b, theirs)
    assert Lease.objects.live().count() == 2
    assert set(Lease.objects.values_list("origin", flat=True)) == {"", "default@b"}


# --- who says so ----------------------------------------------------------------------------------


def findings():
    return {str(found.msg): found.level for found in health_checks.all_nodes()}


def age(rows, field, seconds):
    rows.update(**{field: F(field) - timedelta(seconds=seconds)})


def test_doctor_names_the_holder(a_and_b):
    assert findings() == {"a holds the sync lease of default (epoch 1).": DEBUG}


def test_doctor_names_a_node_without_a_worker_and_a_lease_that_nobody_takes(a_and_b):
    age(DhcpNode.objects.filter(host="b"), "seen_at", 61)
    expire()
    missed, unheld = sorted(findings().items(), reverse=True)
    assert missed[0].startswith("The worker of the node b was last seen 61 s ago")
    assert unheld == ("No node holds the sync lease of default; the last one was a.", ERROR)


def test_doctor_names_a_follower_that_fails_and_one_that_is_behind(a_and_b, settings):
    a, b = a_and_b
    add(10)
    a.worker()
    age(Generation.objects, "created_at", 31)
    assert "The node b does not have the newest generation of default." in findings()
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    b.worker()
    failing = "The node b does not follow the changes of default: cannot read /nowhere"
    assert [level for text, level in findings().items() if text.startswith(failing)] == [ERROR]


@pytest.mark.usefixtures("a_and_b")
def test_metrics_and_the_sync_page_name_the_holder(admin_client):
    samples = {}
    for metric in metrics.collect():
        for one in metric.samples:
            node = one.labels.get("node", "").partition("/")[0]
            samples[one.name.removeprefix("ipmanager_dhcp_"), node] = one.value
    assert (samples["node_holds_lease", "a"], samples["node_holds_lease", "b"]) == (1, 0)
    assert (samples["node_in_step", "a"], samples["node_in_step", "b"]) == (1, 1)
    assert samples["lease_epoch", ""] == 1 and 0 < samples["lease_left_seconds", ""] <= 10
    page = admin_client.get("/admin/dhcp/generation/sync/").content.decode()
    rows = re.findall(r"<td>(a|b)</td>\s*<td>(.*?)</td>", page)
    assert rows == [("a", "holds it"), ("b", "–")]
