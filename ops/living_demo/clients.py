"""Simulated machines at the wires of the living demo: those of the ledger, some visitors, and one
that finds its address in use each time and declines it."""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from ops.living_demo import dhcp
from ops.living_demo.network import LivingNetwork, Wire

RENEWS = 60.0  # seconds from one request to the next
RETRIES = 5.0
VISITORS = 3  # on each wire with a DHCP pool
_ETH_IP = 0x0800


@dataclass
class Machine:
    """A DHCP client. `declines`: another machine uses its address, as its ARP probe shows."""

    wire: str
    mac: str
    name: str = ""
    own: str = ""  # the address of the ledger
    declines: bool = False  # its own address only
    ip: str = ""
    due: float = 0.0  # of the monotonic clock
    transaction: int = 0

    def ask(self, now: float) -> bytes:
        """Its next message: for its address again, or for any."""
        self.transaction, self.due = random.getrandbits(32), now + RETRIES
        options = {dhcp.HOST_NAME: self.name.encode()}
        if self.ip:
            options[dhcp.WANTED] = socket.inet_aton(self.ip)
            return self._message(dhcp.REQUEST, options)
        return self._message(dhcp.DISCOVER, options)

    def hear(self, reply: dhcp.Reply, now: float) -> bytes | None:
        """What it says to a reply to its own message; None where it is content."""
        wanted = {dhcp.WANTED: socket.inet_aton(reply.ip), dhcp.SERVER: reply.server}
        if reply.kind == dhcp.OFFER:
            return self._message(dhcp.REQUEST, {**wanted, dhcp.HOST_NAME: self.name.encode()})
        if reply.kind == dhcp.NAK:
            self.ip = ""
            return None
        if reply.kind != dhcp.ACK:
            return None
        self.due = now + RENEWS
        if self.declines and reply.ip == self.own:
            return self._message(dhcp.DECLINE, wanted)
        self.ip = reply.ip
        return None

    def _message(self, kind: int, options: dict[int, bytes]) -> bytes:
        return dhcp.message(kind, self.mac, self.transaction, options)


@dataclass
class Clients:
    """All machines, on one packet socket for each wire."""

    network: LivingNetwork
    machines: list[Machine] = field(default_factory=list)
    sockets: dict[str, socket.socket] = field(default_factory=dict)

    def connect(self) -> None:
        for wire in self.network.wires:
            name = wire.interface
            self.sockets[name] = self.network.in_clients(lambda: _packet_socket(name))  # noqa: B023

    def close(self) -> None:
        for made in self.sockets.values():
            made.close()

    def add(self, machines: Iterable[Machine]) -> None:
        """Those with a MAC address that is not there yet."""
        known = {machine.mac for machine in self.machines}
        self.machines += [machine for machine in machines if machine.mac not in known]

    def keep(self, macs: set[str]) -> None:
        """Forget machines of the ledger that are not in it any more."""
        self.machines = [one for one in self.machines if one.mac in macs or not one.name]

    def play(self, seconds: float) -> None:
        """Send what is due, and answer what comes, for so long."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for machine in self.machines:
                if machine.due <= now:
                    self.sockets[machine.wire].send(machine.ask(now))
            ready = select.select(list(self.sockets.values()), [], [], min(0.2, end - now))[0]
            for wire in ready:
                self._answer(wire, wire.recv(4096))

    def _answer(self, wire: socket.socket, packet: bytes) -> None:
        reply = dhcp.reply(packet)
        if reply is None:
            return
        for machine in self.machines:
            if machine.transaction == reply.transaction:
                if answer := machine.hear(reply, time.monotonic()):
                    wire.send(answer)
                return


def visitors(wire: Wire) -> list[Machine]:
    """Machines that the ledger does not know, always the same."""
    number = int(wire.network.network_address) >> 8 & 0xFFFF
    return [
        Machine(wire.interface, f"02:00:5e:66:{number >> 8:02x}:{number + index & 255:02x}")
        for index in range(VISITORS)
    ]


def _packet_socket(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_IP))
    made.bind((interface, _ETH_IP))
    return made
