"""Blocked means blocked: a disabled machine is not reserved, or it is ignored."""

import pytest

from dhcp.files import check
from dhcp.files.sync import sync
from dhcp.files.validate import validate
from dhcp.models import HandEdit
from dhcp.state import machines
from dhcp.state.network_cards import cards_with_macs
from ipam.models import Interface, Server, Subnet
from tests.dhcp.records import NET, host
from tests.support.lab import POOL

A, B, C, D = (f"02:00:00:00:00:0{sign}" for sign in "abcd")
NOBODY = {"wait": 0.5}


def server(name, mac, ip=None, **more):
    return Server.objects.create(hostname=name, mac_address=mac, ip_address=ip, **more)


def ignore(server):
    server.enabled, server.when_disabled = False, "ignored"
    server.save()


@pytest.fixture
def network(target):
    """Three machines: a served one, one that is not reserved, one that is ignored."""
    Subnet.objects.create(network="10.77.0.0/24")
    server("served", A, "10.77.0.9")
    server("plain", B, "10.77.0.10", enabled=False)
    ignored = server("ignored", C, "10.77.0.11", enabled=False, when_disabled="ignored")
    Interface.objects.create(server=ignored, name="eth1", mac_address=D)
    return ignored


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("lab", [[POOL]], indirect=True)
def test_an_ignored_machine_gets_nothing_and_one_without_reservation_a_pool_address(lab, network):
    sync()
    lab.wait(lambda: f"{C},ignore\n" in lab.hosts.read_text(), "not written")
    lab.reload()
    assert lab.client.acquire(A).ip == "10.77.0.9"
    assert lab.client.acquire(B).ip.startswith("10.77.0.10")
    assert [lab.client.discover(mac, **NOBODY) for mac in (C, D)] == [None, None]
    assert not lab.udhcpc(C).startswith("10.")

    network.enabled = True
    network.save()
    sync()
    assert lab.client.acquire(C).ip == "10.77.0.11"
    assert lab.client.acquire(D).ip.startswith("10.77.0.10")
    ignore(network)
    sync()
    assert lab.client.renew(C, "10.77.0.11", **NOBODY) is None  # neither ACK nor NAK


@pytest.mark.django_db
def test_the_lines_of_ignored_machines_stand_at_the_end_and_are_no_reservations(network, target):
    outcome = sync()
    text = target.hosts.read_text()
    assert text.endswith(f"{A},10.77.0.9,served\n# Ignored: 2\n{C},ignore\n{D},ignore\n")
    assert outcome.hosts == 1 and "# Reservations: 1\n" in text
    state = machines.states_of_cards(cards_with_macs([C])).popitem()[1]
    assert (state.kind, "ignored" in state.reason) == ("blocked", True)


@pytest.mark.django_db
def test_a_disabled_machine_of_before_has_the_bytes_of_before(network, target):
    Server.objects.filter(pk=network.pk).update(when_disabled="not_reserved")
    sync()
    assert target.hosts.read_text().endswith(f"# Reservations: 1\n{A},10.77.0.9,served\n")


def test_ignored_means_ignored_whatever_another_row_says_of_the_card():
    blocked = host(7, mac=A, kind="server")
    found = validate([host(8, mac=A), host(9, mac=B)], [blocked])
    assert [line.macs for line in found.lines] == [(B,)]
    assert [problem.reason for problem in found.problems] == [
        f"{A} is ignored (server 7 is disabled)"
    ]
    assert [line.macs for line in found.ignored] == [(A,)]


def test_our_own_check_reads_ignored_machines_and_finds_one_that_is_served():
    duid = "id:00:04:01:02"
    good = f"{A},10.77.0.9\n{B},ignore\n{duid},{C},ignore\n{duid},ignore\n"
    assert check.hosts_file(good.encode(), [NET]).complaints == []
    for bad in (f"{A},10.77.0.9\n{A},ignore\n", "ignore\n", f"{A},x,ignore\n", f"{A},ignored\n"):
        assert check.hosts_file(bad.encode(), [NET]).complaints, bad


@pytest.mark.django_db
def test_an_editor_s_save_leaves_them_alone_and_removing_one_lasts_no_longer_than_a_sync(
    network, target
):
    sync()
    text = target.hosts.read_text()
    target.hosts.write_text(text.replace(f"{C},ignore\n", "") + f"{A[:-1]}e,10.77.0.20,new\n")
    sync()
    assert f"{C},ignore\n" in target.hosts.read_text()
    added, removed = HandEdit.objects.undecided().order_by("-line")
    assert added.line.endswith("10.77.0.20,new") and added.served
    assert removed.raw == f"{C},ignore" and "is ignored" in removed.reason
