"""What is found on the host of a real dnsmasq, told by every node, and gone when it is mended."""

import os
import re
import subprocess
import time
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.utils import timezone

from core.findings import BOUNDED
from dhcp.daemon.lines import parse_host, parse_range
from dhcp.daemon.options import Option, Options
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.host.findings import HostFinding
from dhcp.host.inspection import Inspection, findings, inspect
from dhcp.host.interfaces import Choice, Interface
from dhcp.models import DhcpScope, DhcpServer, HostReport
from dhcp.state import host
from dhcp.state.host import HostWatcher
from ipam.addresses import parse_address
from ops import doctor
from tests.ipam.factories import PoolFactory, ServerFactory, SubnetFactory
from tests.support.dnsmasq_host import Host

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"


# --- lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("set:s1,10.0.0.9,10.0.0.20,255.255.255.0,3600", ("10.0.0.9", "10.0.0.20", "10.0.0.0/24")),
        ("10.0.0.9,10.0.0.20,12h", ("10.0.0.9", "10.0.0.20", "None")),
        ("tag:eth0,set:s1,10.0.0.0,static,255.255.255.0,9", ("10.0.0.0", "None", "10.0.0.0/24")),
        ("set:s2,fd00::5,fd00::9,slaac,64,3600", ("fd00::5", "fd00::9", "fd00::/64")),
        ("::1,::400,constructor:eth0", ("::1", "::400", "::/64")),
        ("interface:eth0", None),
    ],
)
def test_a_range_is_read_whoever_has_written_it(value, said):
    found = parse_range(value)
    assert (found and tuple(map(str, (found.first, found.last, found.network)))) == said


def test_a_host_is_read_in_any_order():
    found = parse_host("web, 2:0:0:0:0:01,set:x,[fd00::9],10.0.0.9,12h,ignore")
    assert (found.macs, [str(ip) for ip in found.ips], found.is_ignored) == (
        (MAC,),
        ["fd00::9", "10.0.0.9"],
        True,
    )


@pytest.mark.parametrize(
    ("conf", "serves"),
    [
        ("", True),
        ("interface=eth0", True),
        ("interface=eth1", False),
        ("interface=eth*", True),
        ("interface=eth1,eth0", True),
        ("interface=eth1\nlisten-address=10.0.0.1", True),
        ("except-interface=eth0", False),
        ("except-interface=eth0\nlisten-address=10.0.0.1", True),
        ("no-dhcp-interface=eth0", False),
        ("no-dhcp-interface=eth0\nlisten-address=10.0.0.1", False),
        ("no-dhcpv6-interface=eth0", True),
        ("no-dhcpv4-interface=eth*", False),
    ],
)
def test_dnsmasq_chooses_its_interfaces(conf, serves):
    options = [Option(*line.split("=")) for line in conf.split()]
    card = Interface("eth0", [parse_address("10.0.0.1")])
    assert (not Choice.of(options).obstacle(card, 4)) is serves


def test_the_directories_of_a_configuration_are_read_as_dnsmasq_reads_them(tmp_path):
    """The rules of `conf-dir`, tried with dnsmasq itself: a bad line in a file that it reads is a
    failure of `--test`."""
    names = ["a.conf", "b.bak", "c.conf.bak", ".d.conf", "e.conf~", "#f.conf#", "g", "h.dpkg-old"]
    for rule in ("", ",*.conf", ",.bak", ",.dpkg-dist,.dpkg-old", ",*.conf,*.bak"):
        read = set()
        for name in names:
            directory = tmp_path / f"{name}{rule}"
            (directory / "sub.conf").mkdir(parents=True)
            (directory / name).write_text("no-such-option\n")
            command = ["dnsmasq", "--test", "-C", "/dev/null", f"--conf-dir={directory}{rule}"]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                read.add(name)
        ours = tmp_path / f"all{rule}"
        ours.mkdir()
        for name in names:
            (ours / name).touch()
        assert {p.name for p in Options()._files_of_directory(f"{ours}{rule}")} == read, rule


# --- a real dnsmasq -------------------------------------------------------------------------------


def kinds_of(site):
    return {entry["kind"] for entry in findings(Target.from_settings())}


def after(site, *lines, replaced=("", "")):
    """What is found when dnsmasq runs with these lines in a file of somebody else's."""
    site.configure(*lines, replaced=replaced)
    return kinds_of(site)


@pytest.fixture
def site(lab, settings, db):
    subnet = SubnetFactory(network="10.77.0.0/24")
    PoolFactory(subnet=subnet, first="10.77.0.100", last="10.77.0.109", kind="dhcp")
    DhcpScope.objects.create(subnet=subnet)
    ServerFactory(hostname="web", mac_address=MAC, ip_address="10.77.0.9")
    sync()
    return Host(lab, settings)


def test_a_host_is_seen_as_it_is(site, settings, tmp_path):
    assert kinds_of(site) == set()
    assert site.lab.client.acquire(MAC).ip == "10.77.0.9"
    ethers = site.lab.home / "ethers"
    ethers.write_text(f"# who\n{OTHER} 10.77.0.9\n")
    hosts = site.lab.home / "others"
    hosts.mkdir()
    (hosts / "a").write_text(f"{MAC},10.77.0.77\n")
    table = {
        ("dhcp-range=10.77.0.150,10.77.0.160,255.255.255.0,1h",): {"foreign_range"},
        ("dhcp-range=10.78.0.150,10.78.0.160,255.255.255.0,1h",): {"foreign_range"},
        ("dhcp-range=10.79.0.0,static,255.255.255.0,1h",): set(),
        ("dhcp-range=set:s99999,10.77.0.150,10.77.0.160,255.255.255.0,1h",): {"old_range"},
        (f"dhcp-host={MAC},10.77.0.55",): {"foreign_host"},
        (f"dhcp-hostsfile={hosts / 'a'}",): {"foreign_host"},
        (f"dhcp-hostsdir={hosts}",): {"foreign_host"},
        ("dhcp-ignore=tag:!known",): {"foreign_ignore"},
        ("no-dhcp-interface=eth0",): {"excluded_interface"},
        ("leasefile-ro", "dhcp-script=/bin/true"): {"leases_unwritten"},
    }
    for lines, kinds in table.items():
        assert after(site, *lines) == kinds, lines
    assert after(site, replaced=("interface=eth0", "interface=lo")) == {"no_interface"}
    assert after(site) == set()
    (site.etc / "local.conf").write_text("# hello\n")
    os.utime(site.etc / "local.conf", (time.time() + 60,) * 2)
    assert kinds_of(site) == {"conf_changed"}
    settings.DNSMASQ_CONF.unlink()
    other = "dhcp-range=10.79.0.0,static,255.255.255.0"
    assert after(site, f"dhcp-hostsfile={site.lab.hosts}", other) == {"range_missing"}


def test_leases_that_are_not_dnsmasq_s(site):
    site.lab.client.acquire(MAC)
    site.lab.leases.write_text("nonsense\n")
    assert kinds_of(site) == {"leases_garbled"}
    kept = site.lab.leases.rename(site.lab.home / "kept")
    site.lab.leases.write_text("")
    assert kinds_of(site) == {"leases_replaced"}
    kept.rename(site.lab.leases)
    time.sleep(1.1)  # a lease to the same second is no change
    site.lab.client.renew(MAC, "10.77.0.9")
    assert kinds_of(site) == set()


def test_another_server_on_the_host(site):
    """Root sees whose socket it is; others see the names of the processes."""
    command = ["ip", "netns", "exec", site.lab.server, "dnsmasq", "-k", "-C", "/dev/null"]
    command += ["--port=0", "--bind-dynamic", "--interface=eth0", "--no-ping"]
    command += ["--dhcp-leasefile=/dev/null", "--pid-file=", "--log-facility=-"]
    command += ["--dhcp-range=10.77.0.200,10.77.0.210,1h"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as other:
        try:
            site.lab.wait(lambda: "other_server" in kinds_of(site), "it is not seen", 10)
            (found,) = inspect(Target.from_settings()).findings
            assert (found.facts["name"], found.facts["port"]) == ("dnsmasq", 67)
            seen = inspect(Target.from_settings(), ours=lambda: {found.facts["pid"]})
            assert seen.findings == ()
        finally:
            other.terminate()
    site.lab.wait(lambda: kinds_of(site) == set(), "it is still there", 5)


# --- told by every node ---------------------------------------------------------------------------


@pytest.fixture
def seen():
    """A look that has found something."""
    facts = {"value": "tag:x", "place": "/etc/dnsmasq.d/local.conf:1"}
    return Inspection((HostFinding("foreign_ignore", "error", facts),), {"pid": 7})


def told():
    """What the cheap checks tell, on every page."""
    results = doctor.run_checks(BOUNDED)
    return [result.text for result in results if result.check.name == "dnsmasq's hosts"]


@pytest.mark.django_db
def test_a_node_that_sees_no_process_tells_what_the_worker_has_found(target, seen):
    host.store(target, seen)
    (text,) = told()
    assert text == "dnsmasq ignores machines by /etc/dnsmasq.d/local.conf:1: dhcp-ignore=tag:x."
    HostReport.objects.update(looked_at=timezone.now() - timedelta(minutes=2))
    assert told() == [""]


@pytest.mark.django_db
def test_the_report_of_an_agent_is_told_under_its_name_and_cannot_harm(target):
    berlin = DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")
    facts = {"path": "/x'; rm -rf '/", "why": "%s"}
    found = [{"kind": "leases_unreadable", "level": "error", "facts": facts}]
    found += [{"kind": "of %(later)s", "level": "warning", "facts": {}}, {"kind": 7}]
    host.save_report(berlin.pk, {"host": "b1", "place": ""}, found, {})
    results = [one for one in doctor.run_checks(BOUNDED) if one.check.name == "dnsmasq's hosts"]
    assert [one.text for one in results] == [
        "berlin: The lease file /x'; rm -rf '/ cannot be read.",
        "berlin: of (later)s",
    ]
    assert [one.commands for one in results] == [(), ()]


def test_every_finding_can_be_told_whatever_it_lacks():
    for kind, text in host.TEXTS.items():
        facts = dict.fromkeys(re.findall(r"%\((\w+)\)s", f"{text}"), "x")
        for known in (facts, {}):
            assert "%" not in host.describe(HostFinding(kind, "error", known)).msg
    source = "".join(path.read_text() for path in Path("dhcp/host").glob("*.py"))
    kinds = set(re.findall(r'HostFinding\(\s*"(\w+)"', source))
    assert len(kinds) > 15 and kinds <= set(host.TEXTS)


@pytest.mark.django_db
def test_a_host_is_looked_at_when_its_files_change_and_else_now_and_then(target, settings):
    settings.DNSMASQ_RELOAD = "pidfile:/none"
    clock = [100.0]
    watcher = HostWatcher(Target.from_settings(), lambda: clock[0])
    assert watcher.poll() is not None and watcher.poll() is None
    sync()
    assert watcher.poll() is None  # too soon
    clock[0] += host.SHORTEST
    assert watcher.poll() is not None and watcher.poll() is None
    clock[0] += host.EVERY
    assert watcher.poll() is not None


@pytest.mark.django_db
def test_a_machine_that_dnsmasq_does_not_serve_is_told_why(target):
    said = {
        ("no_interface", "network", "10.77.0.0/24"): True,
        ("no_interface", "network", "10.78.0.0/24"): False,
        ("foreign_ignore", "value", "tag:x"): True,
        ("foreign_ignore", "value", "tag:!known"): False,
        ("reads_nothing", "conf", "x"): True,
        ("other_server", "pid", 7): False,
    }
    ip = parse_address("10.77.0.9")
    for (kind, name, value), is_unserved in said.items():
        found = [HostFinding(kind, "error", {name: value})]
        assert bool(host.unserved(found, ip, {MAC})) is is_unserved, (kind, value)
    found = HostFinding("foreign_host", "error", {"ours": "x", "macs": [MAC], "ips": []})
    assert host.unserved([found], ip, {MAC}) and not host.unserved([found], ip, {OTHER})
    doubts = [
        HostFinding("other_server", "error", {}),
        HostFinding("leases_garbled", "warning", {}),
        HostFinding("foreign_range", "error", {"first": "10.77.0.150"}),
        HostFinding("foreign_range", "error", {"first": "10.78.0.150"}),
        HostFinding("unseen", "note", {}),
    ]
    assert len(host.remarks(doubts, ip_network("10.77.0.0/24"))) == 3
