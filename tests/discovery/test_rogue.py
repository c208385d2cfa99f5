"""Foreign DHCP servers: a real second dnsmasq on the wire is found by one DHCPDISCOVER, which takes
no address, and is told until it no longer answers."""

import subprocess
import sys
from contextlib import contextmanager
from ipaddress import IPv4Address

import pytest
from django.utils import timezone

from core.findings import ERROR
from discovery.conflicts import derive, health_checks
from discovery.conflicts.models import Conflict
from discovery.rogue import ask, interfaces, watch
from discovery.rogue.ask import Answer, Offer
from discovery.rogue.models import DhcpWatch, RogueServer
from discovery.rogue.watch import LookForServers
from ipam.models import Subnet
from ipam.signals import foreign_dhcp_server
from tests.support import lab as labs
from tests.support.api import with_token

pytestmark = pytest.mark.django_db
OURS, FOREIGN, MAC = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.66"), "02:00:00:00:00:66"
OFFER = Offer(FOREIGN, MAC, IPv4Address("192.168.9.10"), IPv4Address("192.168.9.1"), 24)


@pytest.fixture
def subnet():
    made = Subnet(network="10.77.0.0/24")
    made.dhcp_pools = ["10.77.0.100-10.77.0.109"]
    made.save()
    return made


def answers(*offers, error=""):
    return lambda names: [
        Answer(name, "02:00:00:00:00:01", (OURS,), error, offers) for name in names
    ]


def look(*offers, error="", settings):
    settings.DHCP_WATCH = "eth7"
    LookForServers(question=answers(*offers, error=error)).work()
    derive.full_round(timezone.now())
    return list(Conflict.objects.open().filter(kind="rogue-dhcp"))


@contextmanager
def foreign_dnsmasq(namespace, home):
    """A DHCP server that somebody has plugged in."""
    labs.run("ip", "-n", namespace, "address", "add", f"{FOREIGN}/24", "dev", "eth0")
    command = ["ip", "netns", "exec", namespace, "dnsmasq", "--keep-in-foreground", "--port=0"]
    command += [
        "--conf-file=/dev/null",
        "--interface=eth0",
        "--no-ping",
        "--user=root",
        "--log-facility=-",
    ]
    command += ["--dhcp-range=10.77.0.200,10.77.0.210,1h", f"--dhcp-leasefile={home}/foreign"]
    command += [f"--pid-file={home}/foreign.pid"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        while "IP range" not in (line := process.stderr.readline()):
            assert line, "it has ended"
        yield
    finally:
        labs.stop(process)
        process.stderr.close()


@pytest.mark.needs("root", "namespaces", "dnsmasq")
def test_a_second_dnsmasq_is_found_and_none_of_its_addresses_is_taken(subnet, tmp_path, settings):
    tmp_path.chmod(0o777)
    with labs.laboratory(ranges=[labs.POOL]) as lab, lab.inside():
        assert interfaces.served() == ["eth0"]
        worker = LookForServers()
        worker.work()
        assert DhcpWatch.objects.get().error == ""
        assert not RogueServer.objects.exists()  # our own has answered
        with foreign_dnsmasq(lab.clients, tmp_path):
            worker.work()
        row = RogueServer.objects.get()
        assert (row.ip_address, row.router, row.prefix) == (FOREIGN, FOREIGN, 24)
        assert row.offered in Subnet.objects.get().network
        assert (tmp_path / "foreign").read_text() == ""  # no lease came of it
        worker.work()
        assert RogueServer.objects.get().gone_at


@pytest.mark.once
@pytest.mark.needs("root", "namespaces")
def test_without_the_capability_it_says_so(tmp_path):
    dropped = ["setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all"]
    command = [*dropped, "--regid=65534", sys.executable, "-I", "-S", str(ask.HELPER), "lo"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert '"error": "this needs CAP_NET_RAW"' in said


def test_a_foreign_server_is_a_conflict_and_a_finding_until_it_is_silent(subnet, settings):
    (row,) = look(OFFER, settings=settings)
    assert (row.ip_address, row.mac_address) == (FOREIGN, MAC)
    (finding,) = health_checks.rogue_servers()
    assert finding.level == ERROR
    assert "192.168.9.10/24" in finding.msg
    text = with_token("read").get("/metrics").content.decode()
    assert 'ipmanager_conflicts{kind="rogue-dhcp"}' in text
    assert look(settings=settings) == []
    assert list(health_checks.rogue_servers()) == []
    assert Conflict.objects.get().state == "ended"


def test_our_own_and_those_that_the_settings_allow_are_not_foreign(subnet, settings):
    ours = Offer(OURS, "02:00:00:00:00:01", IPv4Address("10.77.0.100"), None, 24)
    assert look(ours, settings=settings) == []
    settings.DHCP_ALLOWED = [Subnet.objects.get().network]
    assert look(OFFER, settings=settings) == []


def test_allowed_in_the_list_of_conflicts(subnet, settings):
    (row,) = look(OFFER, settings=settings)
    asked = {"remedy": "allow", "note": "the lab's"}
    answer = with_token("addresses").post(f"/api/v1/conflicts/{row.pk}/resolve/", asked)
    assert answer.json()["state"] == "ended"
    assert look(OFFER, settings=settings) == []
    assert RogueServer.history.first().allowed == "the lab's"


def test_where_nobody_can_ask_doctor_says_why(subnet, settings):
    from discovery.rogue.health_checks import watch as check

    assert look(error="this needs CAP_NET_RAW", settings=settings) == []
    (finding,) = check()
    assert "this needs CAP_NET_RAW" in finding.msg


def test_the_log_is_a_hint_for_ten_minutes(subnet, settings):
    at = timezone.now()
    facts = {"server_id": None, "interface": "eth7", "mac": MAC, "ip": "192.168.9.10"}
    foreign_dhcp_server.send("dhcp", at=at, **facts)
    (row,) = look(settings=settings)
    assert row.ip_address is None
    assert row.seen[0]["client"] == MAC
    watch.forget_past(at + watch.HINT_LASTS * 2)
    assert look(settings=settings) == []


def test_a_hint_says_nothing_where_an_allowed_server_answers(subnet, settings):
    look(OFFER, settings=settings)
    RogueServer.objects.update(allowed="ours")
    foreign_dhcp_server.send(
        "dhcp", server_id=None, interface="eth7", mac=MAC, ip="10.0.0.1", at=timezone.now()
    )
    assert RogueServer.objects.count() == 1
