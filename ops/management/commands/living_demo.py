"""Run the network of the living demo: `IPMANAGER_DEMO=live make run` starts this."""

import socket
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import DatabaseError

from core import commands
from core.stopping import call_on_signals
from dhcp.files.targets import Target
from dhcp.models import DhcpScope
from ipam.models import Pool, Server, Subnet
from ops.living_demo.clients import Clients, Machine, visitors
from ops.living_demo.network import LivingNetwork, Relay, Wire

MOST_WIRES, MOST_MACHINES = 8, 50
LOOK = 2.0  # seconds between two looks at the ledger


class Command(commands.Command):
    help = """Run a real dnsmasq on our files, and simulated DHCP clients, in network namespaces.
Needs root. They end with this process.

Example: IPMANAGER_DEMO=live make run"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--relay", type=int, required=True, help="the socket for DNS queries")

    def handle(self, **options: Any) -> None:
        wires = find_wires()
        network = LivingNetwork(Path(settings.DNSMASQ_LEASES).parent, wires)
        stopping: list[bool] = []
        call_on_signals(lambda: stopping.append(True))
        try:
            network.start()
            Relay(socket.socket(fileno=options["relay"]), network).start()
            self._play(network, stopping)
        finally:
            network.end()

    def _play(self, network: LivingNetwork, stopping: list[bool]) -> None:
        clients = Clients(network)
        clients.connect()
        try:
            self._simulate(clients, network, stopping)
        finally:
            clients.close()

    def _simulate(self, clients: Clients, network: LivingNetwork, stopping: list[bool]) -> None:
        look_at = 0.0
        with_pool = served_with_pool()
        for wire in network.wires:
            if wire.network in with_pool:
                clients.add(visitors(wire))
        while not stopping:
            network.keep_dnsmasq(Target.from_settings().conf)
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK
                self._follow_ledger(clients, with_pool)
            clients.play(0.5)

    def _follow_ledger(self, clients: Clients, with_pool: set[Any]) -> None:
        """Servers that come, go or move are simulated as they are now."""
        try:
            found = machines(clients.network.wires, with_pool)
        except DatabaseError as error:
            self.stderr.write(f"living demo: {error}")
            return
        clients.keep({machine.mac for machine in found})
        clients.add(found)


def find_wires() -> list[Wire]:
    """A wire for each IPv4 subnet that the default server serves; dnsmasq has its gateway's
    address there, or the first one."""
    wires: list[Wire] = []
    scopes = DhcpScope.objects.served().filter(server=None).order_by("subnet__network")
    for scope in scopes:
        network = scope.subnet.network
        if network.version == 4 and len(wires) < MOST_WIRES:
            address = scope.subnet.gateway or network[1]
            wires.append(Wire(f"eth{len(wires)}", network, address))
    return wires


def served_with_pool() -> set[Any]:
    pools = Pool.objects.filter(kind=Pool.Kind.DHCP, subnet__vrf=None)
    return set(
        Subnet.objects.filter(pk__in=pools.values("subnet")).values_list("network", flat=True)
    )


def machines(wires: list[Wire] | Any, with_pool: set[Any]) -> list[Machine]:
    """The servers at the wires, as clients. The first one of a subnet with a DHCP pool finds its
    address in use."""
    rows = Server.objects.filter(vrf=None, mac_address__isnull=False, ip_address__isnull=False)
    found: list[Machine] = []
    in_use = ""
    for mac, ip, name in rows.order_by("ip_address").values_list(
        "mac_address", "ip_address", "hostname"
    )[: MOST_MACHINES * 4]:
        around = [wire for wire in wires if ip in wire.network]
        if not around or len(found) == MOST_MACHINES:
            continue
        wire = max(around, key=lambda one: one.network.prefixlen)
        if not in_use and wire.network in with_pool:
            in_use = mac
        found.append(Machine(wire.interface, mac, name, str(ip), mac == in_use))
    return found
