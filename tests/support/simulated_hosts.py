"""Any number of simulated hosts behind one network interface: they answer ARP and ping, or one of
the two, or neither. Runs as a program inside a network namespace; standard library only.

    python3 -I simulated_hosts.py INTERFACE

Reads one line of JSON: {"hosts": [[IP, MAC, "arp ping"], ...]}; two rows of one IP are duplicates.
Writes `ready`. For a line `count` it writes what has arrived since the last one, as JSON: the
moment of each ARP request and echo request, and how often each address was asked."""

import json
import select
import socket
import struct
import sys
from collections import Counter, defaultdict

ETHERNET, ARP = struct.Struct("!6s6sH"), struct.Struct("!HHBBH6s4s6s4s")
ETH_IP, ETH_ARP, ETH_ALL = 0x0800, 0x0806, 0x0003
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35


class SimulatedHosts:
    def __init__(self, interface: str, hosts: list) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((interface, 0))
        self.macs = defaultdict(list)
        self.pinged: dict[bytes, bool] = defaultdict(bool)
        for ip, mac, answers in hosts:
            packed, card = socket.inet_aton(ip), bytes.fromhex(mac.replace(":", ""))
            if "arp" in answers:
                self.macs[packed].append(card)
            self.pinged[packed] |= "ping" in answers
        self.packets: list[tuple[float, str]] = []

    def receive(self) -> None:
        frame, control, _flags, sender = self.socket.recvmsg(2048, 64)
        self.arrived = _moment(control)
        if sender[2] == socket.PACKET_OUTGOING:
            return
        _to, source, kind = ETHERNET.unpack_from(frame)
        if kind == ETH_ARP:
            self.arp(frame)
        elif kind == ETH_IP and frame[23] == 1 and frame[34] == 8:
            self.echo(frame, source)

    def arp(self, frame: bytes) -> None:
        *_, operation, mac, ip, _nobody, wanted = ARP.unpack_from(frame, ETHERNET.size)
        if operation != 1:
            return
        self.note(wanted)
        for card in self.macs[wanted]:
            answer = ARP.pack(1, ETH_IP, 6, 4, 2, card, wanted, mac, ip)
            self.socket.send(ETHERNET.pack(mac, card, ETH_ARP) + answer)

    def echo(self, frame: bytes, source: bytes) -> None:
        ip, wanted, icmp = frame[26:30], frame[30:34], frame[34:]
        self.note(wanted)
        if not self.pinged[wanted]:
            return
        (checksum,) = struct.unpack_from("!H", icmp, 2)
        checksum += 0x0800  # the type falls from 8 to 0 (RFC 1624)
        checksum = (checksum & 0xFFFF) + (checksum >> 16)
        reply = b"\0" + icmp[1:2] + struct.pack("!H", checksum) + icmp[4:]
        header = frame[14:26] + wanted + ip
        self.socket.send(ETHERNET.pack(source, frame[0:6], ETH_IP) + header + reply)

    def note(self, address: bytes) -> None:
        self.packets.append((self.arrived, socket.inet_ntoa(address)))

    def count(self) -> dict:
        packets, self.packets = self.packets, []
        times, asked = [at for at, _ip in packets], Counter(ip for _at, ip in packets)
        return {"times": times, "asked": asked, "packets": packets}


def _moment(control: list) -> float:
    """When the kernel has received the packet, however late we are."""
    seconds, nanoseconds = struct.unpack("=qq", control[0][2])
    return seconds + nanoseconds / 1e9


def main() -> None:
    hosts = SimulatedHosts(sys.argv[1], json.loads(sys.stdin.readline())["hosts"])
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([hosts.socket, sys.stdin], [], [])
        if hosts.socket in ready:
            hosts.receive()
        if sys.stdin in ready:
            if not sys.stdin.readline():
                return
            print(json.dumps(hosts.count()), flush=True)


if __name__ == "__main__":
    main()
