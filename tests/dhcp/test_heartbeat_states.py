"""dhcp.daemon.heartbeat.states(): how each dnsmasq was last seen; an old look proves nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dhcp.daemon import heartbeat
from dhcp.daemon.heartbeat import STALE, WRITTEN, Look, record, states
from dhcp.files.targets import Target
from dhcp.models import DhcpServer, DnsmasqHeartbeat

pytestmark = pytest.mark.django_db


def seen(state, host="a", ago=timedelta(0), **facts):
    at = timezone.now() - ago
    return DnsmasqHeartbeat.objects.create(
        state=state, host=host, since=at, checked_at=at, **({"place": host} | facts)
    )


def test_without_a_look_a_server_is_unknown_since_nobody_knows_when():
    state = states()[None]
    assert (state.state, state.since, state.is_visible) == ("unknown", None, False)


def test_an_old_look_is_unknown_since_then_and_never_up():
    row = seen("up", ago=STALE + timedelta(seconds=1))
    state = states()[None]
    assert (state.state, state.since, state.is_stale) == ("unknown", row.checked_at, True)


def test_of_several_nodes_the_worst_counts_and_is_named():
    seen("up", "a")
    seen("dead", "b", detail="process 7 has ended")
    state = states()[None]
    assert (state.state, state.detail) == ("dead", "b: process 7 has ended")
    assert {node.host: node.state for node in state.nodes} == {"a": "up", "b": "dead"}


def test_a_host_with_a_new_name_supersedes_its_old_row():
    seen("dead", "old", place="", ago=STALE * 2)
    seen("up", "new", place="")
    assert states()[None].is_up


def test_a_directory_that_had_no_name_yet_is_no_node_of_its_own():
    seen("up", "a", place="", ago=STALE * 2)
    seen("up", "a", place="3f2c")
    assert states()[None].is_up


def test_any_number_of_servers_takes_two_queries(django_assert_num_queries):
    for name in ("one", "two", "three"):
        server = DhcpServer.objects.create(name=name)
        seen("up", name, server=server)
    off = DhcpServer.objects.create(name="off", enabled=False)
    with django_assert_num_queries(2):
        found = states()
    assert len(found) == 4 and off.pk not in found


def test_looks_that_show_nothing_new_are_written_now_and_then_only(target):
    record(target, Look("up", "fine"))
    row = DnsmasqHeartbeat.objects.get()
    record(target, Look("up", "fine"))
    assert DnsmasqHeartbeat.objects.get().checked_at == row.checked_at
    long_ago = timezone.now() - WRITTEN * 2
    DnsmasqHeartbeat.objects.update(checked_at=long_ago)
    record(target, Look("up", "fine"))
    again = DnsmasqHeartbeat.objects.get()
    assert again.checked_at > long_ago and again.since == row.since


def test_since_is_when_the_state_changed(target):
    record(target, Look("up", "fine"))
    DnsmasqHeartbeat.objects.update(since=timezone.now() - timedelta(hours=1))
    record(target, Look("hung", "no answer"))
    assert timezone.now() - states()[None].since < timedelta(minutes=1)


def test_a_node_that_was_removed_is_forgotten(target):
    seen("dead", "removed", ago=heartbeat.FORGOTTEN * 2)
    record(target, Look("up", "fine"))
    DnsmasqHeartbeat.objects.filter(state="up").update(checked_at=timezone.now() - WRITTEN * 2)
    record(Target.from_settings(), Look("up", "fine"))
    assert DnsmasqHeartbeat.objects.count() == 1
