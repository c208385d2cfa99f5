"""The living demo: refused with a reason, or a real dnsmasq with machines that get their addresses
and one that declines its own."""

import os
import socket
import time
from ipaddress import IPv4Address, IPv4Network

import pytest

from core.errors import Conflict, Unavailable
from dhcp.daemon import confirm
from ops.living_demo import plan
from ops.living_demo.clients import Clients, Machine, visitors
from ops.living_demo.network import LivingNetwork, Relay, Wire

WIRE = Wire("eth0", IPv4Network("10.77.0.0/24"), IPv4Address("10.77.0.1"))
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in plan.OURS:
        monkeypatch.delenv(f"IPMANAGER_DNSMASQ_{name}", raising=False)
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_it_is_refused_without_root_without_dnsmasq_and_beside_another_one(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Conflict, match="as root"):
        plan.refuse_unfit()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(plan, "program", lambda name: name != "dnsmasq")
    with pytest.raises(Unavailable, match="needs dnsmasq"):
        plan.refuse_unfit()
    monkeypatch.setattr(plan, "program", lambda name: name)
    monkeypatch.setenv("IPMANAGER_DNSMASQ_RELOAD", "sudo")
    with pytest.raises(Conflict, match="unset IPMANAGER_DNSMASQ_RELOAD"):
        plan.refuse_unfit()


@pytest.mark.needs("root", "namespaces", "dnsmasq")
def test_machines_get_their_addresses_and_all_processes_end(tmp_path):
    hosts, proposal = tmp_path / "hosts", tmp_path / "conf"
    hosts.write_text(f"{A},10.77.0.10,desk-01\n{B},10.77.0.11,desk-02\n")
    (tmp_path / "generation").write_text("127.1.2.3 gen.ipmanager.internal\n")
    proposal.write_text(
        f"dhcp-authoritative\ndhcp-hostsfile={hosts}\naddn-hosts={tmp_path}/generation\n"
        "dhcp-range=10.77.0.100,10.77.0.109,255.255.255.0,1h\n"
    )
    with plan.planned(tmp_path) as living:
        network = LivingNetwork(living.directory, [WIRE])
        clients = Clients(network)
        try:
            network.start()
            network.keep_dnsmasq(proposal)
            Relay(living.relay, network).start()
            clients.connect()
            clients.add([Machine("eth0", A, "desk-01", "10.77.0.10", declines=True)])
            clients.add([Machine("eth0", B, "desk-02", "10.77.0.11"), *visitors(WIRE)[:1]])
            log = plan.log_file(living.directory)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and not _is_played(clients, log):
                for machine in clients.machines:
                    machine.due = min(machine.due, time.monotonic() + 1)
                clients.play(0.3)
            assert _is_played(clients, log), log.read_text()
            assert str(confirm.serving(living.relay.getsockname(), 2)) == "127.1.2.3"
            processes = [network.dnsmasq, network.server, network.clients]
        finally:
            clients.close()
            network.end()
    assert all(process.poll() is not None for process in processes)


def _is_played(clients, log):
    """Whether each has an address, and the first one has declined its own."""
    _declined, second, visitor = clients.machines
    has_addresses = second.ip == "10.77.0.11" and visitor.ip.startswith("10.77.0.10")
    return has_addresses and "DHCPDECLINE(eth0) 10.77.0.10" in log.read_text()


def test_the_settings_of_the_children_belong_to_its_dnsmasq(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        relay.bind(("127.0.0.1", 0))
        found = plan.Plan(tmp_path / "living_demo", relay).settings(tmp_path)
        assert found["IPMANAGER_DNSMASQ_DNS"] == f"127.0.0.1:{relay.getsockname()[1]}"
        assert set(found) == {f"IPMANAGER_DNSMASQ_{name}" for name in plan.OURS} | {
            "IPMANAGER_DHCP_SYNC"
        }
