"""After any transaction dnsmasq answers for every name and address as a model does that knows
nothing of our code. The long form (`make proof`) makes 300 transactions."""

import os
import random
from ipaddress import ip_address

import pytest
from django.core.exceptions import ValidationError

from core.errors import IPManagerError
from dhcp.files.sync import sync
from ipam.models import Interface, IPAddress, Server, Subnet
from names.models import NamesOff, Record, Zone
from tests.ipam.factories import SubnetFactory
from tests.support.named import name_server

pytestmark = [pytest.mark.django_db]
LONG = bool(os.environ.get("IPMANAGER_TEST_PROOF"))
TRANSACTIONS = 300 if LONG else 15
DOMAINS = {
    "10.1.0.0/28": "corp.example",
    "10.1.1.0/28": "lab.corp.example",
    "fd00:1::/64": "corp.example",
}
LABELS = [f"m{number}" for number in range(8)]
HOSTNAMES = [*LABELS, *(f"{label}.corp.example" for label in LABELS[:3]), "m1.other.example"]
ADDRESSES = [f"10.1.{third}.{last}" for third in (0, 1) for last in range(2, 8)]
ADDRESSES += [f"fd00:1::{last}" for last in range(2, 6)]
EVERY_NAME = [
    f"{label}{tail}.{domain}"
    for label in LABELS
    for tail in ("", "-b0")
    for domain in ("corp.example", "lab.corp.example")
]


def wants():
    """Every row that wants a name: whether it is an allocation, and since when; its rank and key,
    the name, the address."""
    for row in Server.objects.exclude(ip_address=None):
        yield (False, row.created_at), 0, row.pk, row.hostname, row.ip_address
    for row in Interface.objects.exclude(ip_address=None).select_related("server"):
        head, dot, tail = row.server.hostname.partition(".")
        yield (False, row.created_at), 1, row.pk, f"{head}-{row.name}{dot}{tail}", row.ip_address
    named = IPAddress.objects.filter(server=None, status__in=["allocated", "reserved"])
    for row in named.exclude(hostname=""):
        yield (True, row.created_at), 2, row.pk, row.hostname, row.ip_address
    for row in Subnet.objects.exclude(gateway=None):
        name = "gw-" + str(row.gateway).replace(":", "-").replace(".", "-")
        yield (False, row.created_at), 3, row.pk, name, row.gateway
    for row in Record.objects.filter(type__in=["A", "AAAA"]).select_related("zone"):
        yield (
            (False, row.created_at),
            4,
            row.pk,
            f"{row.name}.{row.zone.name}",
            ip_address(row.value),
        )


def named_here():
    """The same with whole names, of those in our zone."""
    off = set(NamesOff.objects.values_list("subnet__network", flat=True))
    domains = dict(Subnet.objects.values_list("network", "domain"))
    for since, rank, pk, name, ip in wants():
        home = next((net for net in domains if ip in net), None)
        if "." not in name:
            name = f"{name}.{domains.get(home, '')}"
        if name.endswith(".corp.example") and (rank == 4 or home not in off):
            yield since, rank, pk, name, ip


def model():
    """The addresses of each name, the name of each address: the oldest row keeps its name, the
    machine's own name leads back."""
    forward, owners, order = {}, {}, {}
    for _since, rank, pk, name, ip in sorted(named_here(), key=lambda one: one[:3]):
        holders = owners.setdefault(name, [])
        if all(shared(rank, ip.version, *holder) for holder in holders):
            holders.append((rank, ip.version))
            forward.setdefault(name, set()).add(str(ip))
            order.setdefault(ip, []).append((rank, pk, name))
    return forward, {ip: min(names)[2] for ip, names in order.items()}


def shared(rank, version, other_rank, other_version):
    """Records share a name, and an IPv4 and an IPv6 allocation."""
    return rank == other_rank == 4 or (rank == other_rank == 2 and version != other_version)


def change(chance):
    """One transaction; those that a rule refuses change nothing."""
    name, ip = chance.choice(HOSTNAMES), chance.choice(ADDRESSES)
    servers = list(Server.objects.order_by("pk"))
    kind = chance.randrange(10)
    if kind <= 2:
        Server.objects.create(hostname=name, ip_address=ip)
    elif kind == 3 and servers:
        Interface.objects.create(server=chance.choice(servers), name="b0", ip_address=ip)
    elif kind == 4 and servers:
        row = chance.choice(servers)
        row.hostname, row.ip_address = name, chance.choice([ip, None])
        row.save()
    elif kind == 5 and servers:
        chance.choice(servers).delete()
    elif kind == 6:
        row = IPAddress.objects.filter(ip_address=ip).first() or IPAddress(ip_address=ip)
        row.status, row.hostname = chance.choice([("reserved", name), ("allocated", name)])
        row.save()
    elif kind == 7:
        subnet = chance.choice(list(Subnet.objects.order_by("pk")))
        subnet.gateway = chance.choice([subnet.network[1], None])
        subnet.save()
    elif kind == 8:
        subnet = chance.choice(list(Subnet.objects.order_by("pk")))
        if not NamesOff.objects.filter(subnet=subnet).delete()[0]:
            NamesOff.objects.create(subnet=subnet)
    else:
        kind = "AAAA" if ":" in ip else "A"
        zone = Zone.objects.get(name="corp.example")
        Record.objects.create(zone=zone, name=chance.choice(LABELS), type=kind, value=ip)


@pytest.fixture
def ask(settings, tmp_path, zone):
    for network, domain in DOMAINS.items():
        SubnetFactory(network=network, domain=domain)
    with name_server(settings, tmp_path) as server:
        yield server


def test_dnsmasq_says_what_the_model_says(ask):
    seed = random.randrange(2**32)
    chance, made = random.Random(seed), 0
    while made < TRANSACTIONS:
        try:
            change(chance)
        except (ValidationError, IPManagerError):
            continue
        made += 1
        assert sync(force=True).good
        forward, reverse = model()
        where = f"seed {seed}, transaction {made}"
        for name in {*EVERY_NAME, *forward}:
            assert set(ask.both(name)) == forward.get(name, set()), (where, name)
        for ip in {*map(ip_address, ADDRESSES), *reverse}:
            assert ask.ptr(str(ip)) == [reverse.get(ip, "NXDOMAIN")], (where, ip)
