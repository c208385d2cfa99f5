"""Every divergence between ledger and network is told within a minute by the first page, doctor, a
metric with an alert, and the state of a machine that it concerns. When it is mended, none of them
tells of it after another minute.

Each row of TABLE does something to a real dnsmasq, its host, its files or its machines, and mends
it. A few rows are in the suite, with a clock of the test's; the long form (`make proof`) does all
of them in real time, prints the table, and lets 50 machines renew in peace for half an hour
(IPMANAGER_TEST_QUIET: another number of minutes)."""

import html
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from api.models import Pulse
from dhcp.agent import Agent
from dhcp.daemon.beat import HeartbeatWorker
from dhcp.models import (
    DhcpProblem,
    DhcpScope,
    DhcpServer,
    DnsmasqHeartbeat,
    HostReport,
)
from dhcp.state import machines
from dhcp.worker import DhcpWorker
from discovery.conflicts.worker import FindConflicts
from discovery.models import SubnetDiscovery
from discovery.rogue.watch import LookForServers
from discovery.rounds import Prober
from ipam.models import Pool, Server, Sighting, Subnet
from ops import doctor, metrics
from ops.worker_heartbeat import Heartbeat
from tests.support import require
from tests.support.dnsmasq_host import Host
from tests.support.lab import SERVER, laboratory, run

pytestmark = [pytest.mark.whole("postgresql"), pytest.mark.django_db(transaction=True)]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
QUIET_MINUTES = float(os.environ.get("IPMANAGER_TEST_QUIET", "30" if LONG else "1"))
WITHIN = 60.0  # seconds
STEP = 1.0 if LONG else 5.0  # seconds from one round of the worker to the next
RULES = Path(__file__).parents[2] / "deploy/prometheus/ipmanager.rules.yml"
MACHINES = 5  # with a lease each, 10.77.0.11 and up
RELAYED = 3  # behind a relay, 10.79.0.11 and up
RELAY = "10.79.0.1"


# --- the network ----------------------------------------------------------------------------------


class Network:
    """A ledger, a real dnsmasq that serves it, machines that have leases, and a worker whose rounds
    the test makes. `clock` is the worker's: the test's own, or in the long form the real one."""

    def __init__(self, lab, host, settings, browser):
        self.lab, self.host, self.settings, self.browser = lab, host, settings, browser
        self.elapsed = time.monotonic()
        self.worker = DhcpWorker(self.clock)
        self.beat = HeartbeatWorker(self.worker.targets)
        self.agent = None
        self.is_stopped = False  # the worker
        self.next_beat = 0.0
        self.pulse = Heartbeat()
        self.conflicts = FindConflicts(now=self.clock)
        self.prober = self.rogue = None
        self.next_rogue = 0.0

    def clock(self):
        return time.monotonic() if LONG else self.elapsed

    def mac(self, number):
        return f"02:00:00:00:00:{number:02x}"

    def round(self):
        """What worker and agent do within STEP seconds."""
        if LONG:
            time.sleep(STEP)
        else:
            self.elapsed += STEP
        if not self.is_stopped:
            self.worker.tick_all()
            for server in self.worker.servers.values():
                server.log.work()
            self.pulse.work()
            self._beat()
        if self.agent:
            self.agent()
        self._look_around()

    def _look_around(self):
        if self.prober:
            self.prober.look_at_neighbours()
        if self.rogue and self.clock() >= self.next_rogue:
            self.rogue.work()
            self.next_rogue = self.clock() + self.rogue.interval
        self.conflicts.work()

    def _beat(self):
        if self.clock() >= self.next_beat:
            self.beat.work()
            self.next_beat = self.clock() + self.beat.pause()

    def until(self, ready):
        """Seconds until then; fails after WITHIN."""
        began = self.clock()
        while True:
            self.round()
            passed = self.clock() - began
            if ready() and passed <= WITHIN:
                return passed
            if passed > WITHIN:
                return None

    def state(self, name="m11"):
        server = Server.objects.get(hostname=name)
        return machines.states_of_servers([server])[server.pk].reason

    def findings(self):
        results = [*doctor.run_checks("dhcp"), *doctor.run_checks("ledger")]
        return [one.text for one in results if one.status]

    def front_page(self):
        return html.unescape(self.browser.get("/admin/").content.decode())

    def renew(self):
        """Every machine renews its lease, and dnsmasq writes its file anew."""
        time.sleep(1.1)  # a lease to the same second is no change
        for number in range(11, 11 + MACHINES):
            assert self.lab.client.renew(self.mac(number), f"10.77.0.{number}").type == "ACK"
        for number in range(11, 11 + RELAYED):
            self.relayed(number)

    def relayed(self, number):
        mac, ip = self.mac(100 + number), f"10.79.0.{number}"
        answer = self.lab.client.acquire(mac, giaddr=RELAY)
        assert answer and answer.ip == ip, answer

    def append(self, path, line):
        path.write_text(path.read_text() + line + "\n")


@dataclass
class Told:
    """What tells of a row: channel -> seconds after it was done; and the metrics then."""

    seconds: dict[str, float] = field(default_factory=dict)
    samples: str = ""


@dataclass(frozen=True)
class Row:
    """A divergence. `told` is a part of the finding's text, `metric` a pattern of a line of
    /metrics, `state` a part of the machine's state; an empty one concerns no machine."""

    name: str
    do: Callable[[Network], object]
    mend: Callable[[Network], object]
    told: str
    metric: str
    alert: str
    state: str
    machine: str = "m11"
    in_suite: bool = False

    def channels(self, net):
        """Which of them tell now."""
        told = {
            "first page": self.told in net.front_page(),
            "doctor": any(self.told in text for text in net.findings()),
            "metric": re.search(self.metric, metrics.Tables().text().decode(), re.MULTILINE),
        }
        if self.state:
            told["state"] = self.state in net.state(self.machine)
        return {name for name, value in told.items() if value}

    @property
    def all(self):
        return {"first page", "doctor", "metric"} | ({"state"} if self.state else set())


# --- what is done ---------------------------------------------------------------------------------


def configured(*lines, replaced=("", "")):
    return lambda net: net.host.configure(*lines, replaced=replaced)


def plain(net):
    net.host.configure()


def killed(net):
    net.lab.process.kill()
    net.lab.process.wait()


def started(net):
    net.lab.stop()
    net.lab.start()


def signalled(number):
    return lambda net: os.kill(net.lab.process.pid, number)


def second_server(net):
    command = ["ip", "netns", "exec", net.lab.server, "dnsmasq", "-k", "-C", "/dev/null"]
    command += ["--port=0", "--bind-dynamic", "--interface=eth0", "--no-ping", "--pid-file="]
    command += ["--dhcp-leasefile=/dev/null", "--log-facility=/dev/null"]
    net.second = subprocess.Popen([*command, "--dhcp-range=10.77.0.200,10.77.0.210,1h"])


def no_second_server(net):
    net.second.terminate()
    net.second.wait()


def leases_are(text):
    return lambda net: net.lab.leases.write_text(text)


def replaced_leases(net):
    data = net.lab.leases.read_bytes()
    net.lab.leases.rename(net.lab.home / "kept")
    net.lab.leases.write_bytes(data)


def plain_and_renewed(net):
    plain(net)
    net.renew()


def kept_leases(net):
    (net.lab.home / "kept").rename(net.lab.leases)
    net.renew()


def removed_leases(net):
    net.lab.leases.rename(net.lab.home / "kept")


def other_lease_file(net):
    net.settings.DNSMASQ_LEASES = net.lab.home / "typo"


def our_lease_file(net):
    net.settings.DNSMASQ_LEASES = net.lab.leases


def pool_ends(last):
    def change(net):
        pool = Pool.objects.get(subnet__network="10.77.0.0/24")
        pool.last = f"10.77.0.{last}"
        pool.save()

    return change


def pool_is_back(net):
    pool_ends(119)(net)
    net.round()
    net.host.install()


def old_range(net):
    """root has not installed the shorter range."""
    pool_ends(110)(net)


def edited(net):
    time.sleep(1.1)  # dnsmasq began before this second
    net.append(net.host.local, "# hello")


def added(net):
    for _ in range(6):  # the process was looked at before
        net.round()
    path = net.host.etc / "new.conf"
    path.write_text("log-dhcp\n")
    os.utime(path, (1, 1))


def not_added(net):
    (net.host.etc / "new.conf").unlink()


def hand_edit(net):
    text = net.lab.hosts.read_text()
    net.lab.hosts.write_text(
        text.replace(f"{net.mac(11)},10.77.0.11,", f"{net.mac(11)},10.77.0.77,")
    )


def no_hand_edit(net):
    call_command("sync_dnsmasq", "--discard", "all")


def worker_stops(net):
    net.is_stopped = True
    if not LONG:  # time passes
        ago = timezone.now() - timedelta(seconds=70)
        DnsmasqHeartbeat.objects.update(checked_at=ago)
        HostReport.objects.update(looked_at=ago)
        Pulse.objects.update(seen_at=ago)


def worker_runs(net):
    net.is_stopped = False


@contextmanager
def site_of_agent(net, **more):
    """The agent's own host, as its settings say."""
    home = net.lab.home / "berlin"
    with override_settings(
        DNSMASQ_DIR=home, DNSMASQ_CONF=None, DNSMASQ_LEASES=None, DNSMASQ_LOG="", **more
    ):
        yield


def agent_with(**more):
    settings = {"DNSMASQ_DNS": None, **more}

    """A server in Berlin, whose agent runs with these settings."""

    def begin(net):
        for name, value in settings.items():
            settings[name] = value and value.replace("LAB", str(net.lab.pidfile))
        DhcpServer.objects.create(name="berlin", site="Berlin", run_by="agent")
        DhcpScope.objects.create(subnet=Subnet.objects.get(site="Berlin"))
        with site_of_agent(net, **settings):
            agent = Agent("berlin", net.clock)

        def rounds():
            with site_of_agent(net, **settings):
                agent.tick_all()
                beat = HeartbeatWorker(agent.targets)
                beat.work(), beat.work()

        net.agent = rounds

    return begin


def agent_dies(net):
    agent_with(DNSMASQ_RELOAD="none")(net)
    net.round()
    net.agent = None
    if not LONG:
        DhcpServer.objects.update(last_seen_at=timezone.now() - timedelta(seconds=70))
    server = Server.objects.get(hostname="berlin")
    server.mac_address = "02:00:00:00:00:82"
    server.save()  # a change that waits


def no_agent(net):
    net.agent = None
    DhcpScope.objects.filter(subnet__site="Berlin").delete()
    DhcpServer.objects.all().delete()


def relay_is_silent(net):
    """The machines behind it renewed a lease of twelve hours eight hours ago."""
    rows = Sighting.objects.filter(ip_address__in=[f"10.79.0.{n}" for n in range(11, 11 + RELAYED)])
    ago = timedelta(hours=8)
    rows.update(seen_at=F("seen_at") - ago, leased_until=F("leased_until") - ago)
    net.keeps_leases = net.worker.servers[None].leases
    net.worker.servers[None].leases = None  # the file says when they end, not when they began


def relay_speaks(net):
    net.worker.servers[None].leases = net.keeps_leases
    net.renew()
    net.worker.servers[None].leases.seen = None


def closed_directory(net):
    net.lab.files.chmod(0o700)


def open_directory(net):
    net.lab.files.chmod(0o755)


def other_hosts(net):
    other = net.lab.home / "elsewhere"
    other.write_text("")
    text = net.host.installed.read_text()
    net.host.installed.write_text(text.replace(f"={net.lab.hosts}", f"={other}"))
    reads, net.lab.reads = net.lab.reads, lambda: net.lab.log().count("elsewhere")
    net.host.configure()
    net.lab.reads = reads


def our_hosts(net):
    net.host.install()


def with_file(text, *lines):
    """dnsmasq's lines, in which OTHER is the path of a file of somebody else's in a directory of
    its own."""

    def do(net):
        directory = net.lab.home / "others"
        directory.mkdir(exist_ok=True)
        (directory / "hosts").write_text(text)
        net.host.configure(*(line.replace("OTHER", str(directory)) for line in lines))

    return do


def declined(net):
    answer = net.lab.client.discover(net.mac(12))
    net.lab.client.ask(do="decline", mac=net.mac(12), wanted=answer.ip, server=SERVER)


def acquired(net):
    """dnsmasq forgets at a restart what was declined."""
    plain(net)
    assert net.lab.client.acquire(net.mac(12)).ip == "10.77.0.12"


def wrong_relay(net):
    assert net.lab.client.discover(net.mac(160), giaddr="10.99.0.1", wait=0.5) is None


def right_relay(net):
    """dnsmasq does not log that a relay asks no more: the problem is past after a while."""
    net.renew()
    DhcpProblem.objects.update(expires_at=timezone.now())


def rogue_server(net):
    in_clients = ("ip", "netns", "exec", net.lab.clients)
    run("ip", "-n", net.lab.clients, "address", "add", "10.77.0.66/24", "dev", "eth0")
    command = [*in_clients, "dnsmasq", "-k", "-C", "/dev/null", "--port=0", "--no-ping"]
    command += ["--pid-file=", "--dhcp-leasefile=/dev/null", "--log-facility=/dev/null"]
    net.second = subprocess.Popen([*command, "--dhcp-range=10.77.0.210,10.77.0.220,1h"])
    net.rogue = LookForServers()


def no_rogue_server(net):
    no_second_server(net)
    run("ip", "-n", net.lab.clients, "address", "delete", "10.77.0.66/24", "dev", "eth0")


def squatter(net):
    """Somebody answers for an address that belongs to a machine of the ledger."""
    net.settings.EVIDENCE_SECONDS = 20
    SubnetDiscovery.objects.create(subnet=Subnet.objects.get(network="10.77.0.0/24"), enabled=True)
    run("ip", "-n", net.lab.clients, "address", "add", "10.77.0.40/24", "dev", "eth0")
    ask_by_arp("10.77.0.40")
    net.prober = Prober()


def no_squatter(net):
    """The machine itself has its address, and answers."""
    run("ip", "-n", net.lab.clients, "address", "delete", "10.77.0.40/24", "dev", "eth0")
    run("ip", "-n", net.lab.server, "neighbour", "flush", "dev", "eth0")
    assert net.lab.client.acquire(net.mac(40)).ip == "10.77.0.40"
    if not LONG:  # time passes
        Sighting.objects.filter(source="arp").update(seen_at=F("seen_at") - timedelta(minutes=1))
    net.lab.client.discover(net.mac(12), wait=0.1)  # it answers ARP while it waits
    ask_by_arp("10.77.0.40")
    net.lab.client.discover(net.mac(12), wait=0.5)


def ask_by_arp(ip):
    """Send anything there, so that the kernel asks by ARP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        anything.sendto(b"", (ip, 9))


def unknown_wire(net):
    """As raw SQL may do it: forms and API refuse it."""
    scope = DhcpScope.objects.create(subnet=Subnet.objects.get(network="10.81.0.0/24"))
    wire = Subnet.objects.get(network="10.77.0.0/24")
    DhcpScope.objects.filter(pk=scope.pk).update(wire=wire)


def no_wire(net):
    DhcpScope.objects.filter(subnet__network="10.81.0.0/24").delete()


def finding(kind, level):
    return rf'^ipmanager_dhcp_host_finding{{.*kind="{kind}".*}} {level}\.0$'


HOST, AT_RISK, DOWN = "IPManagerDhcpHost", "IPManagerDhcpHostAtRisk", "IPManagerDnsmasqDown"
DEAD = r'^ipmanager_dhcp_up{server="%s"} 0\.0$'
EDITED = "dnsmasq has not read"
WRONG_HOST = "02:00:00:00:00:0b,10.77.0.55\n"

TABLE = [
    # found.md, section 9
    Row(
        "dnsmasq killed",
        killed,
        started,
        "dnsmasq of default: dead since",
        DEAD % "default",
        DOWN,
        "dnsmasq: dead since",
        in_suite=True,
    ),
    Row(
        "dnsmasq hung",
        signalled(signal.SIGSTOP),
        signalled(signal.SIGCONT),
        "dnsmasq of default: hung since",
        DEAD % "default",
        DOWN,
        "dnsmasq: hung since",
    ),
    Row(
        "interface= removed",
        configured(replaced=("interface=eth0", "interface=lo")),
        plain,
        "of its configuration names eth0",
        finding("no_interface", 2),
        HOST,
        "of its configuration names eth0",
    ),
    Row(
        "dhcp-ignore in another file",
        configured("dhcp-ignore=tag:eth0"),
        plain,
        "dnsmasq ignores machines by",
        finding("foreign_ignore", 2),
        HOST,
        "dnsmasq ignores machines by",
        in_suite=True,
    ),
    Row(
        "foreign dhcp-range",
        configured("dhcp-range=10.77.0.150,10.77.0.160,255.255.255.0,1h"),
        plain,
        "hands out 10.77.0.150-10.77.0.160",
        finding("foreign_range", 2),
        HOST,
        "hands out 10.77.0.150-10.77.0.160",
    ),
    Row(
        "second dnsmasq on the host",
        second_server,
        no_second_server,
        "Another process answers DHCP requests",
        finding("other_server", 2),
        HOST,
        "Another process answers DHCP requests",
        in_suite=True,
    ),
    Row(
        "relay dead",
        relay_is_silent,
        relay_speaks,
        "or their relay is dead",
        finding("relay_silent", 1),
        AT_RISK,
        "or their relay is dead",
        machine="r11",
    ),
    Row(
        "agent's dnsmasq dead",
        agent_with(DNSMASQ_RELOAD="pidfile:/nowhere.pid"),
        no_agent,
        "dnsmasq of berlin: dead since",
        DEAD % "berlin",
        DOWN,
        "dnsmasq: dead since",
        machine="berlin",
    ),
    Row(
        "agent's configuration not installed",
        agent_with(DNSMASQ_RELOAD="pidfile:LAB"),
        no_agent,
        "berlin: dnsmasq reads",
        finding("reads_others", 2),
        HOST,
        "dnsmasq reads",
        machine="berlin",
    ),
    Row(
        "lease file emptied",
        leases_are(""),
        Network.renew,
        "no longer in its lease file",
        r'^ipmanager_dhcp_leases_lost{server="default"} [89]',
        "IPManagerLeasesLost",
        "has lost its lease",
        in_suite=True,
    ),
    Row(
        "lease file replaced by garbage",
        leases_are("GIF89a\n"),
        Network.renew,
        "lines that are no leases",
        finding("leases_garbled", 2),
        HOST,
        "lines that are no leases",
    ),
    Row(
        "lease file on another path",
        other_lease_file,
        our_lease_file,
        "dnsmasq writes its leases to",
        finding("leases_elsewhere", 2),
        HOST,
        "dnsmasq writes its leases to",
    ),
    Row(
        "range not installed",
        pool_ends(129),
        pool_is_back,
        "does not have the range",
        finding("range_missing", 2),
        HOST,
        "does not have the range",
    ),
    Row("configuration edited", edited, plain, EDITED, finding("conf_changed", 1), AT_RISK, EDITED),
    Row(
        "files edited",
        hand_edit,
        no_hand_edit,
        "1 edit by hand waits",
        r'^ipmanager_dhcp_hand_edits{server="default"} 1\.0$',
        "IPManagerHandEdits",
        "edited by hand",
        in_suite=True,
    ),
    Row(
        "worker stopped",
        worker_stops,
        worker_runs,
        "Nobody has looked since",
        r'^ipmanager_dhcp_heartbeat{server="default",state="unknown"} 1\.0$',
        "IPManagerWorkerSilent",
        "",
    ),
    Row(
        "agent dead",
        agent_dies,
        no_agent,
        "The agent of the DHCP server berlin",
        r'^ipmanager_dhcp_agent_seen_seconds{server="berlin"} [5-9]\d',
        "IPManagerAgentSilent",
        "its agent was last seen",
        machine="berlin",
    ),
    Row(
        "rogue server on the segment",
        rogue_server,
        no_rogue_server,
        "A foreign DHCP server answers at",
        r"^ipmanager_rogue_dhcp_servers{.*} 1\.0$",
        "IPManagerRogueDHCP",
        "",
    ),
    Row(
        "relay with a wrong giaddr",
        wrong_relay,
        right_relay,
        "dnsmasq has no range for them",
        r'^ipmanager_dhcp_log_problems{kind="no_range",.*} 1\.0$',
        "IPManagerDhcpProblem",
        "",
    ),
    Row(
        "squatter",
        squatter,
        no_squatter,
        "conflict between network and ledger: 10.77.0.40",
        r"^ipmanager_conflicts{.*} 1\.0$",
        "IPManagerNetworkConflicts",
        "10.77.0.40",
        machine="m40",
    ),
    Row(
        "DECLINE",
        declined,
        acquired,
        "Machines have declined addresses",
        r'^ipmanager_dhcp_log_problems{kind="decline",.*} 1\.0$',
        "IPManagerDhcpProblem",
        "in use by another machine",
        machine="m12",
    ),
    Row(
        "shared wire whose interface is not known",
        unknown_wire,
        no_wire,
        "It shares the wire of",
        r'^ipmanager_health{check="shared wires"} 2\.0$',
        "IPManagerUnhealthy",
        "wire",
        machine="leak",
    ),
    # further ones
    Row(
        "dhcp-host that contradicts ours",
        configured("dhcp-host=" + WRONG_HOST.strip()),
        plain,
        "a reservation that contradicts ours",
        finding("foreign_host", 2),
        HOST,
        "a reservation that contradicts ours",
    ),
    Row(
        "another dhcp-hostsfile",
        with_file(WRONG_HOST, "dhcp-hostsfile=OTHER/hosts"),
        plain,
        "others/hosts:1",
        finding("foreign_host", 2),
        HOST,
        "others/hosts:1",
    ),
    Row(
        "dhcp-hostsdir",
        with_file(WRONG_HOST, "dhcp-hostsdir=OTHER"),
        plain,
        "others/hosts:1",
        finding("foreign_host", 2),
        HOST,
        "others/hosts:1",
    ),
    Row(
        "no-dhcp-interface",
        configured("no-dhcp-interface=eth0"),
        plain,
        "no-dhcp-interface=eth0",
        finding("excluded_interface", 2),
        HOST,
        "no-dhcp-interface=eth0",
    ),
    Row(
        "leasefile-ro",
        configured("leasefile-ro", "dhcp-script=/bin/true"),
        plain_and_renewed,
        "dnsmasq writes no lease file",
        finding("leases_unwritten", 2),
        HOST,
        "dnsmasq writes no lease file",
    ),
    Row(
        "lease file replaced by a copy",
        replaced_leases,
        kept_leases,
        "to another file than the one now",
        finding("leases_replaced", 2),
        HOST,
        "to another file than the one now",
    ),
    Row(
        "lease file removed",
        removed_leases,
        kept_leases,
        "There is no lease file",
        finding("leases_missing", 2),
        HOST,
        "There is no lease file",
    ),
    Row(
        "directory that dnsmasq cannot enter",
        closed_directory,
        open_directory,
        "dnsmasq's user cannot enter",
        finding("cannot_enter", 2),
        HOST,
        "dnsmasq's user cannot enter",
    ),
    Row(
        "dnsmasq reads another hosts file",
        other_hosts,
        our_hosts,
        "not our",
        finding("reads_others", 2),
        HOST,
        "not our",
        in_suite=True,
    ),
    Row(
        "an older range of ours",
        old_range,
        pool_is_back,
        "by an older range of ours",
        finding("old_range", 2),
        HOST,
        "by an older range of ours",
    ),
    Row(
        "file added to conf-dir",
        added,
        not_added,
        EDITED,
        finding("conf_changed", 1),
        AT_RISK,
        EDITED,
    ),
]


# --- the test -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared_lab():
    with laboratory() as lab:
        lab.route("10.79.0.0/24")
        yield lab


@pytest.fixture
def net(shared_lab, settings, admin_client):
    """Everything is well, and told to be."""
    settings.DNSMASQ_DIR = shared_lab.files
    settings.DNSMASQ_RELOAD = shared_lab.reload_setting
    settings.DNSMASQ_DNS = (SERVER, 53)
    settings.DNSMASQ_LEASES = shared_lab.leases
    settings.DNSMASQ_LOG = str(shared_lab.logfile)
    settings.DHCP_SYNC = "worker"
    fill_ledger()
    with shared_lab.inside():
        call_command("sync_dnsmasq")
        net = Network(shared_lab, Host(shared_lab, settings), settings, admin_client)
        for number in range(11, 11 + MACHINES):
            assert shared_lab.client.acquire(net.mac(number)).ip == f"10.77.0.{number}"
        for number in range(11, 11 + RELAYED):
            net.relayed(number)
        net.round()
        net.round()
        assert net.findings() == []
        yield net


def fill_ledger():
    subnet = Subnet.objects.create(network="10.77.0.0/24")
    Pool.objects.create(subnet=subnet, first="10.77.0.100", last="10.77.0.119", kind="dhcp")
    relayed = Subnet.objects.create(network="10.79.0.0/24", gateway=RELAY)
    Subnet.objects.create(network="10.80.0.0/24", site="Berlin")
    for one in (subnet, relayed):
        DhcpScope.objects.create(subnet=one)
    Subnet.objects.create(network="10.81.0.0/24")
    add_server("berlin", "02:00:00:00:00:80", "10.80.0.9")
    add_server("leak", "02:00:00:00:00:81", "10.81.0.9")
    add_server("m40", "02:00:00:00:00:28", "10.77.0.40")
    for number in range(11, 11 + MACHINES):
        add_server(f"m{number}", f"02:00:00:00:00:{number:02x}", f"10.77.0.{number}")
    for number in range(11, 11 + RELAYED):
        add_server(f"r{number}", f"02:00:00:00:00:{100 + number:02x}", f"10.79.0.{number}")


def add_server(name, mac, ip):
    return Server.objects.create(hostname=name, mac_address=mac, ip_address=ip)


def test_every_divergence_is_told_within_a_minute_and_gone_within_one(net):
    quiet, results, failures = metrics.Tables().text().decode(), [], []
    for row in TABLE:
        if LONG or row.in_suite:
            try:
                results.append((row, *played(net, row)))
            except AssertionError as failure:
                failures.append(f"{row.name}: {failure}")
    show(results)
    assert not failures, "\n".join(failures)
    check_alerts(quiet, results)


def played(net, row):
    """When each channel told of it, the metrics then, and after how many seconds none did."""
    told, began = {}, net.clock()
    row.do(net)

    def all_tell():
        for channel in row.channels(net):
            told.setdefault(channel, net.clock() - began)
        return set(told) == row.all

    try:
        seen = net.until(all_tell)
        text, said = metrics.Tables().text().decode(), net.findings()
        state = net.state(row.machine) if row.state else ""
    finally:
        row.mend(net)
    gone = net.until(lambda: not row.channels(net) and not net.findings())
    assert seen is not None, (f"only {sorted(told)} of {sorted(row.all)}", said, state)
    assert gone is not None, ("still told", net.findings(), sorted(row.channels(net)))
    return told, text, gone


def show(results):
    """The table, as the proof prints it."""
    print(f"\n{'divergence':40}{'first page':>12}{'metric':>8}{'doctor':>8}{'state':>8}{'gone':>8}")
    for row, told, _text, gone in results:
        times = [told.get(name) for name in ("first page", "metric", "doctor", "state")]
        cells = ["-" if one is None else f"{one:.0f} s" for one in (*times, gone)]
        print("".join([f"{row.name:40}{cells[0]:>12}", *(f"{one:>8}" for one in cells[1:])]))


# --- alerts ---------------------------------------------------------------------------------------


def check_alerts(quiet, results):
    """promtool: each row's metrics make its alert fire, and those of the quiet network none."""
    require.part("promtool")
    tests = [alert_test("quiet", quiet, 'ALERTS{alertstate="firing"}', [])]
    for row, _told, text, _gone in results:
        query = f'max by (alertname) (ALERTS{{alertname="{row.alert}",alertstate="firing"}})'
        fires = [{"labels": f'{{alertname="{row.alert}"}}', "value": 1}]
        tests.append(alert_test(row.name, text, query, fires))
    document = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    done = subprocess.run(
        ["promtool", "test", "rules", "/dev/stdin"],
        input=yaml.safe_dump(document).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def alert_test(name, text, query, samples):
    return {
        "name": name,
        "interval": "1m",
        "input_series": list(series_of(text)),
        "promql_expr_test": [{"expr": query, "eval_time": "130m", "exp_samples": samples}],
    }


SCRAPED = r'ipmanager_(dhcp|worker|conflicts|rogue|health{check="shared)'


def series_of(text):
    """What was scraped of DHCP, as it would stay; time goes on for those who have stopped."""
    for line in text.splitlines():
        name, _blank, value = line.rpartition(" ")
        if re.match(SCRAPED, name):
            grows = "+60" if "_seen" in name and float(value) > 40 else ""
            yield {"series": name, "values": f"{float(value):g}{grows}x140"}


# --- no false alarm -------------------------------------------------------------------------------


def test_a_network_in_peace_is_told_to_be_so(net):
    """50 machines of the pool's and of the ledger's own renew in turn."""
    number, minutes = (50, QUIET_MINUTES) if LONG else (8, QUIET_MINUTES)
    Pool.objects.update(last="10.77.0.199")
    call_command("sync_dnsmasq")
    net.host.install()
    assert net.until(lambda: not net.findings()) is not None
    clients = {net.mac(150 + n): "" for n in range(number)}
    for mac in clients:
        clients[mac] = net.lab.client.acquire(mac).ip
    until, turn = net.clock() + 60 * minutes, 0
    while net.clock() < until:
        for mac in list(clients)[turn % number :: max(1, number // 2)]:
            # One that is not answered asks again, as in real life.
            assert any(net.lab.client.renew(mac, clients[mac]) for _attempt in range(3))
        net.round()
        turn += 1
        assert net.findings() == [], f"after {turn} rounds"
    assert not re.search("ipmanager_dhcp_host_finding{", metrics.Tables().text().decode())
