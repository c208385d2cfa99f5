"""After any transaction the clients get exactly what the database says; until then the page tells
who is in the way.

Random edits by every road (ORM, bulk, CSV, raw SQL, rolled back) against a real dnsmasq with a
dozen clients. What is expected is worked out here from the rows, not by the code under test.
IPMANAGER_TEST_PROOF=1 (`make proof`) does 300 of them from a fresh seed, which it prints."""

import io
import os
import random
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from ipaddress import ip_address

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from core.errors import IPManagerError
from dhcp.leases.ingest import ingest, read_stable
from dhcp.leases.lease_file import parse_leases
from dhcp.models import DhcpChange, DhcpScope
from dhcp.state import machines
from dhcp.worker import DhcpWorker
from ipam.models import Interface, Pool, Server, Subnet
from ipam.transfer.columns import SERVERS
from ipam.transfer.files import open_sheet
from ipam.transfer.servers import import_servers
from tests.support import by_hand
from tests.support.lab import laboratory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs("dhcp_release")]

PROOF = os.environ.get("IPMANAGER_TEST_PROOF") == "1"
TRANSACTIONS, SEED = (300, random.randrange(10**6)) if PROOF else (15, 11)
RANGE = "set:s7,10.77.0.0,static,255.255.255.0,1h"
NETWORK, CHILD = "10.77.0.0/24", "10.77.0.64/26"
MACS = [f"02:00:00:00:00:{n:02x}" for n in range(1, 13)]
# Few enough to meet again and again; .64 and .127 become no host's addresses with the child subnet.
ADDRESSES = [ip_address(f"10.77.0.{n}") for n in (*range(10, 20), 63, 64, 65, 126, 127)]
MEANINGFUL = ["ignore", "12h", "Infinite", "9"]  # names that dnsmasq would take for something else
SILENCE = 0.1


@dataclass(frozen=True)
class Due:
    """What a machine is to get, and which machines may share the address."""

    ip: str
    name: str
    among: frozenset


@dataclass(frozen=True)
class Row:
    """A server, or an interface of one, as it stands in the database."""

    kind: str
    id: int
    server_id: int
    mac: str
    ip: object
    name: str


def rows_to_serve():
    """Servers by age, then interfaces by age."""
    on = Server.objects.filter(vrf=None, enabled=True)
    for s in on.exclude(mac_address=None).exclude(ip_address=None).order_by("pk"):
        yield Row("server", s.pk, s.pk, s.mac_address, s.ip_address, s.hostname)
    nics = (
        Interface.objects.filter(server__in=on).exclude(mac_address=None).exclude(ip_address=None)
    )
    for n in nics.select_related("server").order_by("pk"):
        yield Row(
            "interface",
            n.pk,
            n.server_id,
            n.mac_address,
            n.ip_address,
            f"{n.server.hostname}-{n.name}",
        )


def dues():
    """{mac: Due} by the rules of docs and manual: the older row wins, a network's ends are
    nobody's."""
    groups = defaultdict(list)
    for row in rows_to_serve():
        groups[row.server_id, row.ip].append(row)
    networks = [subnet.network for subnet in Subnet.objects.filter(vrf=None)]
    found, names = {}, set()
    for group in sorted(
        groups.values(), key=lambda group: (group[0].kind != "server", group[0].id)
    ):
        ip, name = group[0].ip, group[0].name.lower()
        home = max(
            (net for net in networks if ip in net), key=lambda net: net.prefixlen, default=None
        )
        if (
            home is None
            or ip in (home[0], home[-1])
            or any(due.ip == str(ip) for due in found.values())
        ):
            continue
        name = "" if name in ("ignore", "12h", "infinite", "9") or name in names else name
        names.add(name)
        among = frozenset(row.mac for row in group)
        found |= {mac: Due(str(ip), name, among) for mac in among}
    return found


def domain():
    scope = DhcpScope.objects.filter(subnet=7, enabled=True).select_related("subnet").first()
    return (scope.domain or scope.subnet.domain) if scope else ""


class Administrator:
    """Knows every road into the database, and takes any."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.serial = 0
        self.roads = [
            self.add,
            self.add,
            self.add,
            self.move,
            self.move,
            self.swap,
            self.rename,
            self.change_mac,
            self.delete,
            self.turn,
            self.add_nic,
            self.add_nic,
            self.move_nic,
            self.delete_nic,
            self.create_many,
            self.move_many,
            self.turn_many,
            self.delete_some,
            self.bring,
            self.insert,
            self.insert,
            self.rewrite,
            self.rewrite,
            self.remove,
            self.change_subnet,
            self.change_child,
            self.change_pool,
            self.change_scope,
        ]

    def act(self):
        """One transaction; what the rules refuse is none."""
        road = self.random.choice(self.roads)
        undo = self.random.random() < 0.15
        try:
            with transaction.atomic():
                road()
                transaction.set_rollback(undo)
        except (ValidationError, IPManagerError, DatabaseError) as refusal:
            return f"{road.__name__}, refused: {refusal}", True
        return f"{road.__name__}{', rolled back' if undo else ''}", undo

    # --- chances

    def one(self, model):
        return self.random.choice(list(model.objects.order_by("pk")) or [None])

    def address(self):
        """A free one, mostly."""
        used = {*Server.objects.values_list("ip_address", flat=True)}
        used |= {*Interface.objects.values_list("ip_address", flat=True)}
        return self.random.choice(
            ADDRESSES if self.random.random() < 0.2 else [*({*ADDRESSES} - used)] or ADDRESSES
        )

    def spare_mac(self):
        used = {*Server.objects.values_list("mac_address", flat=True)}
        used |= {*Interface.objects.values_list("mac_address", flat=True)}
        return self.random.choice([mac for mac in MACS if mac not in used] or [None])

    def name(self):
        self.serial += 1
        return (
            self.random.choice([*MEANINGFUL, "web"])
            if self.random.random() < 0.2
            else f"h{self.serial}"
        )

    def server(self):
        return Server(hostname=self.name(), mac_address=self.spare_mac(), ip_address=self.address())

    def change(self, model, **facts):
        if row := self.one(model):
            for name, value in facts.items():
                setattr(row, name, value)
            row.save()

    # --- roads

    def add(self):
        self.server().save()

    def move(self):
        self.change(Server, ip_address=self.random.choice([self.address(), self.address(), None]))

    def rename(self):
        self.change(Server, hostname=self.name())

    def change_mac(self):
        self.change(Server, mac_address=self.spare_mac())

    def turn(self):
        if server := self.one(Server):
            server.enabled = not server.enabled
            server.save()

    def delete(self):
        if server := self.one(Server):
            server.delete()

    def swap(self):
        one, other = self.one(Server), self.one(Server)
        if one and one != other:
            first, second = one.ip_address, other.ip_address
            Server.objects.filter(pk=one.pk).update(ip_address=None)
            other.ip_address, one.ip_address = first, second
            other.save()
            one.save()

    def add_nic(self):
        if server := self.one(Server):
            self.serial += 1
            ip = self.random.choice([self.address(), server.ip_address])
            Interface(
                server=server, name=f"e{self.serial}", mac_address=self.spare_mac(), ip_address=ip
            ).save()

    def move_nic(self):
        self.change(Interface, ip_address=self.address())

    def delete_nic(self):
        if nic := self.one(Interface):
            nic.delete()

    def create_many(self):
        servers = [self.server(), self.server()]
        servers[1].mac_address = (
            None if servers[0].mac_address == servers[1].mac_address else servers[1].mac_address
        )
        Server.objects.bulk_create(servers)

    def move_many(self):
        servers = list(Server.objects.order_by("?")[:2])
        for server in servers:
            server.ip_address = self.address()
        Server.objects.bulk_update(servers, ["ip_address"])

    def turn_many(self):
        Server.objects.filter(ip_address__lt=self.address()).update(
            enabled=self.random.random() < 0.7
        )

    def delete_some(self):
        Server.objects.filter(ip_address__in=self.random.sample(ADDRESSES, 3)).delete()

    def bring(self):
        ips = self.random.sample(ADDRESSES, 2)
        text = "hostname,ip_address,mac_address\n" + "".join(
            f"{self.name()},{ip},{mac}\n"
            for ip, mac in zip(ips, [self.spare_mac() or "", ""], strict=True)
        )
        with open_sheet(io.BytesIO(text.encode()), SERVERS) as sheet:
            import_servers(sheet, self.random.choice(["skip-bad", "all-or-nothing"]))

    def insert(self):
        if mac := self.spare_mac():
            by_hand.insert(Server, hostname=self.name(), ip_address=self.address(), mac_address=mac)

    def rewrite(self):
        fact = self.random.choice(["ip_address", "hostname", "enabled", "mac_address"])
        values = {
            "ip_address": self.address(),
            "hostname": self.name(),
            "enabled": self.random.random() < 0.7,
        }
        if server := self.one(Server):
            by_hand.update(server, **{fact: values.get(fact, self.spare_mac())})

    def remove(self):
        if row := self.one(self.random.choice([Server, Interface])):
            by_hand.delete(row)

    def change_subnet(self):
        Subnet.objects.get(pk=7).save()
        subnet = Subnet.objects.get(pk=7)
        subnet.domain = self.random.choice(["", "one.example", "two.example"])
        subnet.save()

    def change_child(self):
        if child := Subnet.objects.filter(network=CHILD).first():
            child.delete(force=True)
        else:
            Subnet(network=CHILD).save()

    def change_pool(self):
        if pool := self.one(Pool):
            pool.delete()
        else:
            first = self.random.choice(ADDRESSES)
            kind = self.random.choice(["static", "dhcp"])
            Pool(subnet_id=7, first=first, last=first + 3, kind=kind).save()

    def change_scope(self):
        scope = DhcpScope.objects.filter(subnet=7).first() or DhcpScope(subnet_id=7)
        scope.domain = self.random.choice(["", "three.example"])
        scope.enabled = self.random.random() < 0.8
        scope.save()


class Network:
    """dnsmasq, its clients, and what it wrote into its log since one last looked."""

    def __init__(self, lab):
        self.lab = lab
        self.read_to = 0

    def leases(self):
        """{ip: mac} of the lease file."""
        return {str(lease.ip): lease.mac for lease in parse_leases(read_stable(self.lab.leases))}

    def new_complaints(self):
        log = self.lab.log()
        new, self.read_to = log[self.read_to :], len(log)
        words = ("bad ", "duplicate", "cannot read", "failed to load", "not using")
        return [line for line in new.splitlines() if any(word in line for word in words)]

    def evict(self, ip, mac):
        command = ["ip", "netns", "exec", self.lab.server, "dhcp_release", "eth0", ip, mac]
        subprocess.run(command, check=True, capture_output=True)
        self.lab.wait(lambda: self.leases().get(ip) != mac, f"{mac} keeps its lease of {ip}")

    def gets(self, mac, wait):
        answer = self.lab.client.acquire(mac, wait=wait)
        if answer is None:
            return None
        return (
            answer.type,
            answer.ip,
            answer.options.get("hostname", ""),
            answer.options.get("domain", ""),
        )


@pytest.fixture
def network(settings, target):
    with laboratory([RANGE]) as lab, lab.inside():
        settings.DNSMASQ_DIR = lab.files
        settings.DNSMASQ_RELOAD = lab.reload_setting
        settings.DNSMASQ_LEASES = lab.leases
        settings.DNSMASQ_DNS = ("10.77.0.1", 53)
        lab.leases.touch()
        yield Network(lab)


def test_after_any_transaction_the_clients_get_what_the_database_says(network):
    print(f"seed {SEED}")
    Subnet.objects.create(pk=7, network=NETWORK)
    administrator, worker = Administrator(SEED), DhcpWorker()
    bring_in_step(worker)
    for number in range(TRANSACTIONS):
        before = network.lab.hosts.read_bytes(), network.lab.opts.read_bytes()
        what, nothing = administrator.act()
        where = f"transaction {number} of seed {SEED}: {what}"
        bring_in_step(worker)
        if nothing:
            assert (network.lab.hosts.read_bytes(), network.lab.opts.read_bytes()) == before, where
        assert_page_tells_who_is_in_the_way(network, where)
        assert_clients_get_what_is_due(network, where)


def bring_in_step(worker):
    """As in life: the commit has synced already, and the worker looks every second for what was
    left."""
    deadline = time.monotonic() + 20
    worker.tick_all()
    while DhcpChange.objects.exists():
        assert time.monotonic() < deadline
        worker.tick_all()


def assert_page_tells_who_is_in_the_way(network, where):
    ingest(parse_leases(read_stable(network.lab.leases)))
    leases, due = network.leases(), dues()
    cards = [machines.NetworkCard.of_server(server) for server in Server.objects.all()]
    cards += [
        machines.NetworkCard.of_interface(nic) for nic in Interface.objects.select_related("server")
    ]
    states = machines.states_of_cards(cards)
    for card in cards:
        told = states[card.key]
        assert (told.kind, told.holder) == expected_state(card, due, leases), (where, card, told)
        assert told.kind != machines.PENDING or told.until, (where, card, told)


def expected_state(card, due, leases):
    mine = due.get(card.mac)
    if card.is_ignored:
        return machines.BLOCKED, ""
    if not card.enabled:
        return machines.UNSERVED, ""
    if mine is None or mine.ip != str(card.ip):
        return machines.UNSERVED, ""
    holder = leases.get(mine.ip)
    if holder and holder not in mine.among:
        return machines.PENDING, holder
    if holder is None and card.mac in leases.values():  # all subnets are on one wire
        return machines.PENDING, ""
    return (machines.LIVE if holder else machines.TOLD), ""


def assert_clients_get_what_is_due(network, where):
    due, leases = dues(), network.leases()
    wrong = {ip: mac for ip, mac in leases.items() if mac not in due or due[mac].ip != ip}
    pending = {
        mac: mine.ip for mac, mine in due.items() if leases.get(mine.ip, mac) not in mine.among
    }
    for mac in pending:
        assert network.lab.client.discover(mac, wait=SILENCE) is None, where
    for line in network.new_complaints():
        assert "not using" in line and any(f" {ip} " in line for ip in pending.values()), (
            where,
            line,
        )
    for ip, mac in wrong.items():
        assert network.lab.client.renew(mac, ip, wait=3).type == "NAK", where
        if ip in pending.values():  # any other may wait until it is in somebody's way
            network.evict(ip, mac)
    for mac, mine in due.items():
        assert network.gets(mac, 3) == ("ACK", mine.ip, mine.name, domain()), (where, mac)
    for mac in {*wrong.values(), MACS[-1]} - {*due}:
        assert network.gets(mac, SILENCE) is None, (where, mac)
    assert network.new_complaints() == [], where
    assert network.lab.alive(), where
