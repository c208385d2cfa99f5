"""dhcp.files.sync: the file says what the ledger says, or stays as it was and the reason is
known."""

import os
import stat

import pytest
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from core import files
from dhcp.daemon.reload import ReloadFailed
from dhcp.edits.written import digest
from dhcp.files import publish, render, sync
from dhcp.files.targets import Target
from dhcp.models import DhcpChange, Generation
from ipam.models import Server, Subnet
from tests.support.disk import tiny_disk

pytestmark = pytest.mark.django_db


@pytest.fixture
def reloads(monkeypatch):
    """How often dnsmasq was told."""
    calls = []
    monkeypatch.setattr(publish, "reload", calls.append)
    return calls


@pytest.fixture
def subnet(target):
    return Subnet.objects.create(network="10.77.0.0/16")


def unsaved(subnet, numbers):
    return [
        Server(
            hostname=f"s{n}",
            mac_address=f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}",
            ip_address=subnet.network[n],
        )
        for n in numbers
    ]


def servers(subnet, numbers):
    return Server.objects.bulk_create(unsaved(subnet, numbers))


def servers_by_raw_sql(subnet, numbers):
    """As an administrator at a prompt may write them: nothing is checked."""
    return Server._base_manager.bulk_create(unsaved(subnet, numbers))


def rows(target):
    return [line for line in target.hosts.read_text().splitlines() if not line.startswith("#")]


def newest():
    return Generation.objects.newest()


# --- writing --------------------------------------------------------------------------------------


def test_the_first_sync_makes_every_file_readable_for_dnsmasq_whatever_the_umask(
    target, subnet, settings
):
    settings.DNSMASQ_DIR = target.directory / "of" / "ours"
    top, target = target.directory, Target.from_settings()
    before = os.umask(0o077)
    try:
        assert sync.sync().result == "applied"
    finally:
        os.umask(before)
    directories = (top, *target.directory.parents[:1], target.directory)
    assert {stat.S_IMODE(directory.stat().st_mode) for directory in directories} == {0o755}
    assert {stat.S_IMODE(file.stat().st_mode) for file in (target.hosts, target.generation)} == {
        0o644
    }
    assert target.generation.read_bytes() == render.generation_file(
        target.hosts.read_bytes(), target.url
    )


def test_what_changed_is_written_told_and_noted(target, subnet, reloads):
    servers(subnet, [9])
    outcome = sync.sync()
    assert (outcome.result, outcome.hosts, reloads) == ("applied", 1, ["none"])
    assert (newest().pk, newest().digest) == (
        outcome.generation,
        digest(target.hosts.read_bytes()),
    )
    assert newest().diff.splitlines()[-1] == "+02:00:00:00:00:09,10.77.0.9,s9"
    assert newest().changes[-1]["name"] == "s9"
    assert not DhcpChange.objects.exists()


def written(path):
    """What another writing would change; reading moves the time of access only."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_what_did_not_change_is_neither_written_nor_told(target, subnet, reloads):
    sync.sync()
    before = written(target.hosts), written(target.generation), Generation.objects.count()
    DhcpChange.objects.create(label="of no consequence")
    assert sync.sync().result == "unchanged"
    assert (written(target.hosts), written(target.generation), Generation.objects.count()) == before
    assert len(reloads) == 1
    assert not DhcpChange.objects.exists()


def test_a_removed_or_edited_file_is_put_back(target, subnet):
    servers(subnet, [9])
    sync.sync()
    right = target.hosts.read_bytes()
    for damage in (
        lambda: target.hosts.unlink(),
        lambda: target.hosts.write_bytes(right + b"set:x\n"),
    ):
        damage()
        assert sync.sync().result == "applied"
        assert target.hosts.read_bytes() == right
    assert "-set:x" in newest().diff


def test_a_crash_between_writing_and_telling_is_healed(target, subnet, reloads):
    sync.sync()
    target.applied.write_text("what dnsmasq read before the crash")
    assert sync.sync().result == "applied"
    assert len(reloads) == 2


@pytest.mark.parametrize(
    "damage",
    [lambda t: t.generation.unlink(), lambda t: t.hosts.chmod(0o600)],
    ids=["gone", "closed"],
)
def test_what_dnsmasq_could_not_read_any_more_is_mended(target, subnet, reloads, damage):
    sync.sync()
    damage(target)
    assert sync.sync().result == "applied"
    assert {stat.S_IMODE(file.stat().st_mode) for file in (target.hosts, target.generation)} == {
        0o644
    }
    assert sync.sync().result == "unchanged" and len(reloads) == 2


@pytest.mark.parametrize(
    "name", ["hosts", "opts", "generation", "applied", "written", "conf", "held"]
)
def test_leftovers_of_a_killed_writer_go_with_the_next_sync(target, subnet, name):
    sync.sync()
    leftover = target.directory / f".{name}.new-abc"
    leftover.touch()
    assert sync.sync().result == "unchanged"
    assert not leftover.exists()


# --- bad rows -------------------------------------------------------------------------------------


def test_a_bad_row_is_left_out_named_and_harms_no_other(target, subnet):
    servers_by_raw_sql(subnet, [0, 9])
    outcome = sync.sync()
    assert [row.split(",")[1] for row in rows(target)] == ["10.77.0.9"]
    assert [problem.record.name for problem in outcome.problems] == ["s0"]
    assert newest().problems[0]["reason"] == "10.77.0.0 is the network address of 10.77.0.0/16"


def test_a_new_problem_is_noted_even_if_no_byte_changes(target, subnet):
    sync.sync()
    servers_by_raw_sql(subnet, [0])
    assert sync.sync().result == "unchanged"
    assert len(newest().problems) == 1


def test_a_file_that_our_own_check_refuses_is_never_published(target, subnet, monkeypatch):
    sync.sync()
    before = target.hosts.read_bytes()
    monkeypatch.setattr(render, "host_line", lambda line: f"{line.macs[0]},set:x,{line.ip}\n")
    servers(subnet, [9])
    outcome = sync.sync()
    assert outcome.result == "failed" and "our own check refuses" in outcome.reason
    assert target.hosts.read_bytes() == before


# --- a sudden shrink ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "left", "allowed"),
    [(30, 0, False), (30, 14, False), (30, 15, True), (10, 0, True), (11, 0, False)],
)
def test_more_than_half_and_more_than_ten_do_not_vanish_unasked(
    target, subnet, there, left, allowed
):
    servers(subnet, range(1, there + 1))
    sync.sync()
    Server.objects.filter(
        pk__in=[server.pk for server in Server.objects.order_by("pk")[left:]]
    ).delete()
    assert sync.sync().good is allowed
    assert len(rows(target)) == (left if allowed else there)


def test_force_publishes_a_shrink_and_the_reason_says_how(target, subnet):
    servers(subnet, range(1, 31))
    sync.sync()
    Server.objects.all().delete()
    assert "--force" in sync.sync().reason
    assert DhcpChange.objects.exists()
    assert sync.sync(force=True).result == "applied"
    assert rows(target) == [] and not DhcpChange.objects.exists()


def test_force_makes_dnsmasq_read_unchanged_files(target, subnet):
    servers(subnet, range(1, 3))
    sync.sync()
    before = target.generation.stat().st_mtime_ns
    assert sync.sync().result == "unchanged"
    assert target.generation.stat().st_mtime_ns == before
    assert sync.sync(force=True).result == "applied"
    assert target.generation.stat().st_mtime_ns > before


# --- failures -------------------------------------------------------------------------------------


def test_a_failed_write_keeps_file_and_changes_and_tells_why(target, subnet, monkeypatch):
    sync.sync()
    before = target.hosts.read_bytes()
    servers(subnet, [9])

    def full(path, data, mode=0o644):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "replace", full)
    outcome = sync.sync()
    assert outcome.reason.startswith(str(target.directory)) and outcome.reason.endswith(
        ": No space left on device"
    )
    assert target.hosts.read_bytes() == before and DhcpChange.objects.exists()
    monkeypatch.undo()
    assert sync.sync().result == "applied"


@pytest.mark.needs("root", "namespaces")  # who may make those may mount a tiny disk
def test_a_full_disk_keeps_the_files_until_there_is_room(target, subnet):
    target.directory.mkdir()
    with tiny_disk(target.directory) as resize:
        servers(subnet, range(1, 101))
        assert sync.sync().good
        before = target.hosts.read_bytes()
        servers(subnet, range(101, 3001))
        for _ in range(2):
            assert sync.sync().reason == f"{target.hosts}: No space left on device"
        assert (newest().attempts, target.hosts.read_bytes()) == (2, before)
        resize(1024)
        assert sync.sync().good
        assert len(rows(target)) == 3000 and not DhcpChange.objects.exists()


def test_a_directory_that_cannot_be_made_is_a_reason_too(target, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.DNSMASQ_DIR = tmp_path / "file" / "dnsmasq"
    assert "Not a directory" in sync.sync().reason
    assert newest().result == "failed"


def test_a_failed_reload_is_tried_again_although_the_file_is_right(target, subnet, monkeypatch):
    def fail(method):
        raise ReloadFailed("dnsmasq is away")

    monkeypatch.setattr(publish, "reload", fail)
    assert [sync.sync().result, sync.sync().result] == ["failed", "failed"]
    monkeypatch.undo()
    assert sync.sync().result == "applied"
    assert sync.sync().result == "unchanged"


def test_the_same_failure_again_is_one_more_attempt_not_one_more_row(target, subnet, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/nowhere"
    for _ in range(3):
        sync.sync()
    assert (newest().attempts, Generation.objects.count()) == (3, 1)


def test_the_end_of_a_failure_is_noted_though_nothing_is_written(
    target, subnet, settings, tmp_path
):
    sync.sync()
    (tmp_path / "file").touch()
    settings.DNSMASQ_DIR = tmp_path / "file" / "x"
    sync.sync()
    settings.DNSMASQ_DIR = target.directory
    assert sync.sync().result == newest().result == "unchanged"


def test_while_another_process_is_at_it_nothing_is_done(target, subnet, monkeypatch):
    monkeypatch.setattr(sync, "PATIENCE", 0.01)
    target.prepare()
    with files.lock(target.lock):
        outcome = sync.sync()
    assert (outcome.result, outcome.good) == ("left", False)
    assert not target.hosts.exists()


def test_a_database_that_fails_to_note_leaves_the_changes_for_the_next_time(
    target, subnet, monkeypatch
):
    servers(subnet, [9])

    def fail(outcome):
        raise DatabaseError("gone")

    monkeypatch.setattr(sync.record, "record", fail)
    assert "not recorded" in sync.sync().reason
    assert rows(target) and DhcpChange.objects.exists()
    monkeypatch.undo()
    assert sync.sync().good and not DhcpChange.objects.exists()


def test_a_request_does_not_wait_for_a_slow_dnsmasq(target, subnet, settings, monkeypatch):
    settings.DNSMASQ_DNS = ("127.0.0.1", 9)
    outcome = sync.sync(brief=True)
    assert outcome.result == "left"
    assert Generation.objects.count() == 0
    monkeypatch.setattr(
        publish.confirm, "serving", lambda *_: render.generation_address(target.hosts.read_bytes())
    )
    monkeypatch.setattr(
        publish, "reload", lambda method: pytest.fail("it has read the file by now")
    )
    assert (sync.sync().result, newest().confirmed) == ("applied", True)


def test_a_large_installation_leaves_its_syncs_to_the_worker(target, subnet, monkeypatch):
    sync.inline()
    assert newest().result == "applied"
    Generation.objects.update(hosts=sync.INLINE_HOSTS + 1)
    monkeypatch.setattr(sync, "sync", lambda **_: pytest.fail("too long for a request"))
    sync.inline()


# --- size -----------------------------------------------------------------------------------------


def test_ten_thousand_servers_take_no_more_queries_than_one(target, subnet):
    servers(subnet, [1])
    with CaptureQueriesContext(connection) as few:
        sync.sync()
    QuerySet(Server).bulk_create(
        unsaved(subnet, range(2, 10_002))
    )  # no signals: only the sync is looked at
    with CaptureQueriesContext(connection) as many:
        assert sync.sync().hosts == 10_001
    assert len(many) <= len(few)
    assert len(rows(target)) == 10_001


# --- the configuration for root -------------------------------------------------------------------


def test_it_is_proposed_although_dnsmasq_confirms_nothing(target, settings, monkeypatch):
    """A dnsmasq that has never read our configuration knows no generation, and would never come to
    know one."""
    settings.DNSMASQ_DNS = ("127.0.0.1", 9)
    monkeypatch.setattr(publish, "CONFIRM_SECONDS", 0.01)
    assert sync.sync().result == "failed"
    assert b"dhcp-hostsfile=" in target.conf.read_bytes()
