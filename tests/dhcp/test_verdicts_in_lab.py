"""What `why` says of a machine is what its DHCP client really gets: 22 situations, with a real
dnsmasq and real clients.

The long form (`make proof`) plays all of them, with busybox's client where a client stands on
dnsmasq's own wire."""

import os
import signal
from dataclasses import dataclass, field

import pytest

from dhcp.daemon.beat import HeartbeatWorker
from dhcp.files import scopes, snapshot
from dhcp.files.sync import sync
from dhcp.files.targets import Target
from dhcp.generations import rollback
from dhcp.leases.ingest import LeaseFileWatcher
from dhcp.log.reader import LogReader
from dhcp.models import DhcpScope, DhcpServer
from dhcp.state.why import why
from ipam.models import Interface, Pool, Server
from tests.dhcp.records import scoped
from tests.support.lab import laboratory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("unhurried"),
    pytest.mark.needs("root", "namespaces", "dnsmasq"),
]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
SILENCE = 0.3  # seconds that a client waits for an answer
IGNORED = "02:00:00:00:00:aa"  # by a line of somebody else's
HERE, NO_SCOPE, DISABLED, RELAYED, BERLIN, SHARED = (
    f"10.{number}.0" for number in (77, 78, 79, 80, 82, 88)
)


def mac(number):
    return f"02:00:00:00:01:{number:02x}"


@dataclass
class World:
    """A ledger, its dnsmasq, and what is read of them."""

    lab: object
    settings: object
    leases: LeaseFileWatcher
    beats: HeartbeatWorker = field(
        default_factory=lambda: HeartbeatWorker(lambda: [Target.from_settings()])
    )

    def server(self, number, net=HERE, **more):
        facts = {"mac_address": mac(number), "ip_address": f"{net}.{number}", **more}
        return Server.objects.create(hostname=f"m{number}", **facts)

    def gets(self, number, net=HERE):
        """The address that this machine gets there; None for silence."""
        relay = {} if net in (HERE, SHARED) else {"giaddr": f"{net}.1"}
        if LONG and not relay:
            found = self.lab.udhcpc(mac(number))
            return found if found.startswith("10.") else None
        answer = self.lab.client.acquire(mac(number), wait=SILENCE, **relay)
        return answer.ip if answer else None

    def why(self, asked):
        """After everything was read that dnsmasq has written."""
        self.leases.not_before = 0
        self.leases.poll()
        LogReader(Target.from_settings()).work()
        return why(str(asked))

    def beat(self):
        for _ in range(2):
            self.beats.work()


@pytest.fixture
def world(settings, target):
    """All situations stand in one ledger. The clients of other subnets ask through a relay."""
    berlin = DhcpServer.objects.create(name="berlin", run_by="agent")
    here = scoped(f"{HERE}.0/24", gateway=f"{HERE}.254")
    pool(here, 100, 139)
    DhcpScope.objects.filter(subnet=here).update(interface="eth0")
    shared = scoped(f"{SHARED}.0/24", gateway=f"{SHARED}.254")
    facts = {"wire": here, "wire_address": f"{HERE}.1", "interface": "eth0"}
    DhcpScope.objects.filter(subnet=shared).update(**facts)
    scoped(f"{DISABLED}.0/24", enabled=False)
    pool(scoped(f"{RELAYED}.0/24"), 100, 100)
    without = scoped(f"{NO_SCOPE}.0/24")
    without.dhcp_scope.delete()
    scoped(f"{BERLIN}.0/24")
    DhcpScope.objects.filter(subnet__network=f"{BERLIN}.0/24").update(server=berlin)
    conf = scopes.conf_file(snapshot.take().scopes, settings.DNSMASQ_DIR, "").decode()
    foreign = [f"dhcp-mac=set:bad,{IGNORED}", "dhcp-ignore=tag:bad"]
    with laboratory([], [*conf.splitlines()[5:], *foreign]) as lab:
        settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD = lab.files, lab.reload_setting
        settings.DNSMASQ_LEASES, settings.DNSMASQ_LOG = lab.leases, lab.logfile
        settings.DNSMASQ_DNS = ("10.77.0.1", 53)
        for net in (NO_SCOPE, DISABLED, RELAYED, BERLIN):
            lab.route(f"{net}.0/24")
        with lab.inside():
            sync(force=True)  # on PostgreSQL, this directory takes the sync lease
            yield World(lab, settings, LeaseFileWatcher(lab.leases))


def pool(subnet, first, last):
    ends = {"first": subnet.network[first], "last": subnet.network[last]}
    Pool.objects.create(subnet=subnet, kind="dhcp", **ends)


# --- the situations: what was reserved, what the client got, and what was said --------------------


def told(world):
    world.server(10)
    said = world.why(mac(10))
    return f"{HERE}.10", world.gets(10), said


def leased(world):
    world.server(11)
    got = world.gets(11)
    return f"{HERE}.11", got, world.why("m11")


def in_a_subnet_without_a_scope(world):
    world.server(12, NO_SCOPE)
    return f"{NO_SCOPE}.12", world.gets(12, NO_SCOPE), world.why(mac(12))


def in_a_subnet_with_a_disabled_scope(world):
    world.server(13, DISABLED)
    return f"{DISABLED}.13", world.gets(13, DISABLED), world.why(mac(13))


def on_dnsmasq_s_own_address(world):
    world.server(14, ip_address=f"{HERE}.1")
    return f"{HERE}.1", world.gets(14), world.why(mac(14))


def on_another_wire(world):
    world.server(15)
    return f"{HERE}.15", world.gets(15, RELAYED), world.why(mac(15))


def disabled(world):
    world.server(16, enabled=False)
    return f"{HERE}.16", world.gets(16), world.why(mac(16))


def disabled_and_ignored(world):
    world.server(17, enabled=False, when_disabled="ignored")
    return f"{HERE}.17", world.gets(17), world.why(mac(17))


def on_a_shared_wire(world):
    world.server(18, SHARED)
    return f"{SHARED}.18", world.gets(18, SHARED), world.why(mac(18))


def of_an_agent_that_was_never_seen(world):
    world.server(19, BERLIN)
    return f"{BERLIN}.19", world.gets(19, BERLIN), world.why(mac(19))


def on_an_address_that_somebody_uses_unasked(world):
    """Its client notices that, and declines."""
    world.server(20)
    world.lab.client.acquire(mac(20))
    world.lab.client.ask(do="decline", mac=mac(20), wanted=f"{HERE}.20", server="10.77.0.1")
    return f"{HERE}.20", world.gets(20), world.why(mac(20))


def with_two_cards_on_one_address(world):
    web = world.server(21)
    Interface.objects.create(server=web, name="wifi", mac_address=mac(22), ip_address=f"{HERE}.21")
    world.gets(21)
    got = world.gets(22)
    assert world.why(mac(21)).good
    return f"{HERE}.21", got, world.why(mac(22))


def in_a_line_that_was_added_by_hand(world):
    sync()
    hosts = world.lab.hosts
    hosts.write_text(f"{hosts.read_text()}{mac(23)},{HERE}.23,by-hand\n")
    assert sync().good
    return f"{HERE}.23", world.gets(23), world.why(mac(23))


def unknown_where_the_pool_is_full(world):
    world.gets(24, RELAYED)
    return f"{RELAYED}.100", world.gets(25, RELAYED), world.why(mac(25))


def ignored_by_somebody_else_s_line(world):
    world.server(26, mac_address=IGNORED)
    answer = world.lab.client.discover(IGNORED, wait=SILENCE)
    return f"{HERE}.26", answer and answer.ip, world.why(IGNORED)


def without_a_connected_dnsmasq(world):
    world.settings.DNSMASQ_RELOAD, world.settings.DNSMASQ_DNS = "none", None
    world.server(27)
    said = world.why(mac(27))
    world.settings.DNSMASQ_RELOAD = world.lab.reload_setting
    world.settings.DNSMASQ_DNS = ("10.77.0.1", 53)
    got = world.gets(27)
    sync(force=True)
    return f"{HERE}.27", got, said


def an_address_that_a_stranger_has_leased(world):
    got = world.gets(28)
    said = world.why(got)
    assert said.mac == mac(28)
    return got, got, said


def an_address_of_a_pool_that_is_free(world):
    ip = f"{HERE}.139"
    said = world.why(ip)
    world.lab.client.discover(mac(29), wanted=ip)
    return ip, world.lab.client.request(mac(29), ip).ip, said


def on_an_address_that_another_machine_has_leased(world):
    web = world.server(30)
    world.gets(30)
    web.mac_address = mac(31)
    web.save()
    return f"{HERE}.30", world.gets(31), world.why(mac(31))


def held_back_by_a_rollback(world):
    first = sync(force=True).generation
    world.server(32)
    rollback.rollback(first, force=True)
    said, got = world.why(mac(32)), world.gets(32)
    rollback.release()
    return f"{HERE}.32", got, said


def of_a_dnsmasq_that_hangs(world):
    world.server(33)
    world.lab.process.send_signal(signal.SIGSTOP)
    world.beat()
    said, got = world.why(mac(33)), world.gets(33)
    world.lab.process.send_signal(signal.SIGCONT)
    world.beat()
    return f"{HERE}.33", got, said


def of_a_dnsmasq_that_has_died(world):
    world.server(34)
    world.lab.stop()
    world.beat()
    return f"{HERE}.34", world.gets(34), world.why(mac(34))


# Where it was found, the situation, the verdict, and a word of its sentence.
SITUATIONS = (
    ("T6", told, "told", "has confirmed its line"),
    ("T6", leased, "live", "It uses its address, until"),
    ("T1", in_a_subnet_without_a_scope, "unserved", "has no DHCP scope"),
    ("W4", in_a_subnet_with_a_disabled_scope, "unserved", "scope of its subnet is disabled"),
    ("W4", on_dnsmasq_s_own_address, "unserved", "dnsmasq's own host has 10.77.0.1"),
    ("W4", on_another_wire, "unserved", "It is on another wire: it uses 10.80.0.100"),
    ("W3", disabled, "unserved", "may get an address of a pool"),
    ("W3", disabled_and_ignored, "blocked", "disabled and ignored"),
    ("W2", on_a_shared_wire, "live", "It uses its address, until"),
    ("W5", of_an_agent_that_was_never_seen, "pending", "its agent has never been seen"),
    ("W6", on_an_address_that_somebody_uses_unasked, "pending", "in use by another machine"),
    ("W9", with_two_cards_on_one_address, "live", "It uses its address, until"),
    ("W9", in_a_line_that_was_added_by_hand, "live", "A hand edit serves it"),
    ("W9", unknown_where_the_pool_is_full, "unserved", "had no address for it"),
    ("W1", ignored_by_somebody_else_s_line, "unserved", "dnsmasq ignores it"),
    ("T2", without_a_connected_dnsmasq, "pending", "No dnsmasq is connected"),
    ("T5", an_address_that_a_stranger_has_leased, "leased", "in the DHCP pool"),
    ("T5", an_address_of_a_pool_that_is_free, "free", "in the DHCP pool"),
    ("T9", on_an_address_that_another_machine_has_leased, "pending", f"{mac(30)} holds"),
    ("W9", held_back_by_a_rollback, "pending", "held at an earlier generation"),
    ("W1", of_a_dnsmasq_that_hangs, "unserved", "hung since"),
    ("W1", of_a_dnsmasq_that_has_died, "unserved", "dead since"),
)
SHORT = {
    told,
    in_a_subnet_without_a_scope,
    on_another_wire,
    disabled_and_ignored,
    on_an_address_that_somebody_uses_unasked,
    of_a_dnsmasq_that_has_died,
}
GETS_IT = ("told", "live", "leased", "free")


def is_true(kind, reserved, got):
    """Whether the verdict foretells what the client gets."""
    if kind in GETS_IT:
        return got == reserved
    return got is None if kind == "blocked" else got != reserved


def test_why_says_what_the_client_gets(world, capsys):
    wrong = []
    for point, situation, kind, word in SITUATIONS:
        if not LONG and situation not in SHORT:
            continue
        reserved, got, said = situation(world)
        name = situation.__name__.replace("_", " ")
        line = f"{point} {name:45} {reserved:12} {got or '-':12} {said.kind:9} {said.verdict}"
        if (said.kind, word in said.verdict) != (kind, True) or not is_true(kind, reserved, got):
            wrong.append(line)
        if LONG:
            with capsys.disabled():
                print(f"\n{line}", end="")
    assert not wrong, "\n".join(wrong)
