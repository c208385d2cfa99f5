"""A network whose truth is known, discovered in two rounds: who answers, who contradicts the
ledger, whom the ledger does not know, which DHCP server is foreign; precision and recall of each.

The long form (`make proof`) has 1,000 hosts in a /21."""

import ipaddress
import os
import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone

from discovery.conflicts.models import Conflict
from discovery.conflicts.worker import FindConflicts
from discovery.inbox.models import UnknownDevice
from discovery.models import DiscoveryRound, SubnetDiscovery
from discovery.rogue.models import RogueServer
from discovery.rogue.watch import LookForServers
from discovery.rounds import Prober
from ipam.models import IPAddress, Server, Sighting, Subnet
from tests.discovery.network import arp_helper, network, simulated_hosts
from tests.discovery.test_rogue import foreign_dnsmasq

pytestmark = [pytest.mark.django_db, pytest.mark.needs("root", "namespaces", "dnsmasq")]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
HOSTS, PREFIX = (1000, 21) if LONG else (90, 24)
SQUATTERS, DUPLICATES, STRANGERS, MOVERS = (20, 5, 10, 20) if LONG else (5, 2, 4, 4)
NETWORK = ipaddress.ip_network(f"10.77.0.0/{PREFIX}")
LEAST = 0.99
_DOCUMENTED = ("hostname", "ip_address", "mac_address", "description", "location", "enabled")
_HELD = (
    "ip_address",
    "status",
    "hostname",
    "mac_address",
    "description",
    "server_id",
    "reservation",
)


@dataclass
class World:
    """Who is there, and what is to be found."""

    hosts: list = field(default_factory=list)  # IP, MAC, what it answers
    before: list = field(default_factory=list)  # of machines that move: at first, and then
    after: list = field(default_factory=list)
    conflicts: set = field(default_factory=set)
    unknown: set = field(default_factory=set)

    @property
    def answering(self):
        return {(ip, mac) for ip, mac, _answers in [*self.hosts, *self.before, *self.after]}


def mac(kind, number):
    return f"02:{kind:02x}:00:00:{number >> 8:02x}:{number & 255:02x}"


def answers():
    return random.choice(["arp ping"] * 4 + ["arp"])


def make_world():
    """The ledger, and hosts of which most are as it says."""
    size = NETWORK.num_addresses
    pool = max(70, size // 10)  # addresses of the DHCP pool, and 20 behind it that are in none
    every = list(map(str, NETWORK))
    static = every[70 : size - pool - 20]
    leased, outside = every[size - pool - 20 : size - 20], every[size - 19 : size - 2]
    subnet = Subnet(network=NETWORK, gateway=NETWORK[1])
    subnet.static_ip_pools = [f"{static[0]}-{static[-1]}"]
    subnet.dhcp_pools = [f"{leased[0]}-{leased[-1]}"]
    subnet.save()
    random.shuffle(static)
    random.shuffle(leased)
    world, number = World(), HOSTS - SQUATTERS - DUPLICATES - STRANGERS - MOVERS
    add_servers(world, [static.pop() for _ in range(number)])
    add_squatters(world, [static.pop() for _ in range(SQUATTERS)])
    add_duplicates(world)
    add_strangers(world, outside, leased)
    add_movers(world, leased)
    return world


def add_servers(world, addresses):
    rows = []
    for number, ip in enumerate(addresses):
        rows.append(Server(hostname=f"host-{number}", ip_address=ip, mac_address=mac(1, number)))
        world.hosts.append([ip, mac(1, number), answers()])
    Server.objects.bulk_create(rows)


def add_squatters(world, addresses):
    """Three of four are unknown; the others are servers with a second address."""
    for number, ip in enumerate(addresses):
        card = mac(1, number) if number % 4 == 0 else mac(2, number)
        world.hosts.append([ip, card, answers()])
        world.conflicts.add(("squatter", ip))
        if number % 4:
            world.unknown.add(card)


def add_duplicates(world):
    """A second machine at the address of a server."""
    for number in range(DUPLICATES):
        ip = world.hosts[-SQUATTERS - 1 - 2 * number][0]
        world.hosts.insert(0, [ip, mac(3, number), "arp"])
        world.conflicts.add(("used", ip))
        world.unknown.add(mac(3, number))


def add_strangers(world, outside, leased):
    """Unknown devices, half of them with a lease."""
    for number in range(STRANGERS):
        ip = leased.pop() if number % 2 else outside.pop()
        world.hosts.append([ip, mac(4, number), answers()])
        world.unknown.add(mac(4, number))
        if number % 2:
            lease(ip, mac(4, number))


def add_movers(world, leased):
    """Servers without an address of their own, which have a lease, and later another one."""
    for number in range(MOVERS):
        card, first, second = mac(5, number), leased.pop(), leased.pop()
        Server.objects.create(hostname=f"laptop-{number}", mac_address=card)
        world.before.append([first, card, "arp ping"])
        world.after.append([second, card, "arp ping"])
        lease(first, card)


def lease(ip, card):
    until = timezone.now() + timedelta(hours=1)
    Sighting.objects.create(ip_address=ip, mac_address=card, source="lease", leased_until=until)


def move(world):
    for (first, card, _), (second, *_) in zip(world.before, world.after, strict=True):
        Sighting.objects.filter(ip_address=first, source="lease").update(
            leased_until=timezone.now()
        )
        lease(second, card)


def documented():
    servers = list(Server.objects.order_by("pk").values_list(*_DOCUMENTED))
    held = IPAddress.objects.filter(status="allocated").order_by("pk")
    return servers, list(held.values_list(*_HELD))


def one_round(net, prober, workers):
    """Discovery, then what follows from it."""
    DiscoveryRound.objects.update(due_at=timezone.now())
    with net.entered():
        for _step in range(200):
            if not prober.step():
                break
        for work in workers:
            work.work()
    FindConflicts().work()


def scores(found, truth):
    """Precision and recall."""
    right = len(found & truth)
    return right / max(len(found), 1), right / max(len(truth), 1)


def test_precision_and_recall_after_two_rounds(settings, tmp_path):
    tmp_path.chmod(0o777)
    settings.PROBE_RATE = 1000
    world = make_world()
    before = documented()
    discovery = SubnetDiscovery.objects.create(
        subnet=Subnet.objects.get(), enabled=True, rate=1000, interval=30
    )
    watch = LookForServers()
    with ExitStack() as stack:
        net = stack.enter_context(network(world.hosts, f"10.77.0.1/{PREFIX}"))
        settings.ARP_HELPER = str(stack.enter_context(arp_helper(net, "--rate", "1000")))
        prober = Prober()
        far = net.near.removesuffix("-n") + "-f"
        with simulated_hosts(far, world.before):
            one_round(net, prober, [])
        move(world)
        stack.enter_context(foreign_dnsmasq(far, tmp_path))
        stack.enter_context(simulated_hosts(far, world.after))
        one_round(net, prober, [watch])
    arp = Sighting.objects.filter(source="arp").values_list("ip_address", "mac_address")
    found = {
        "discovery": {(str(ip), card) for ip, card in arp} - {("10.77.0.66", server_mac())},
        "conflicts": {(row.kind, str(row.ip_address)) for row in Conflict.objects.open()},
        "unknown": {row.mac_address for row in UnknownDevice.objects.new()} - {server_mac()},
        "rogue": {str(row.ip_address) for row in RogueServer.objects.rogue()},
    }
    truth = {
        "discovery": world.answering,
        "conflicts": world.conflicts | {("rogue-dhcp", "10.77.0.66")},
        "unknown": world.unknown,
        "rogue": {"10.77.0.66"},
    }
    for name, expected in truth.items():
        precision, recall = scores(found[name], expected)
        print(f"{name}: {len(expected)} to find, precision {precision:.4f}, recall {recall:.4f}")
        assert min(precision, recall) >= LEAST, (name, found[name] ^ expected)
    discovery.round.refresh_from_db()
    assert discovery.round.rounds == 2
    assert documented() == before


def server_mac():
    """The foreign server has an address on the wire, too, at which its kernel answers."""
    return RogueServer.objects.values_list("mac_address", flat=True).first()
