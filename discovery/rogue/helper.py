"""Ask by DHCP on some interfaces, and print who answers: one JSON line for each interface.

    helper.py eth0 eth1
    {"interface": "eth0", "mac": "02:…", "own": ["10.77.0.1"], "error": "", "offers": [
        {"server": "10.77.0.66", "mac": "02:…", "ip": "10.66.0.10", "router": "10.66.0.1",
         "prefix": 24}]}

A program of its own, so that only it needs CAP_NET_RAW: it imports the standard library only and
reads nothing but its arguments. It sends one DHCPDISCOVER on each interface and never a
DHCPREQUEST, so no lease comes of it. The MAC address in the message is that of the interface with
the locally administered bit set, always the same: a server keeps one address for it."""

import fcntl
import json
import re
import secrets
import select
import socket
import struct
import sys
import time
from typing import Any

WAIT = 6.0  # seconds for all answers: a server may ping an address for 3 s before it offers it
MOST = 32  # interfaces
NAME = re.compile(r"[A-Za-z0-9._:@-]{1,15}")
ETHERTYPE_IP, UDP, EVERYBODY = 0x0800, 17, b"\xff" * 6
BROADCAST_FLAG = 0x8000
COOKIE = b"\x63\x82\x53\x63"
FIXED_FIELDS = 236
OFFER, BOOTREPLY = 2, 2
MASK, ROUTER, KIND, SERVER, PARAMETERS, END = 1, 3, 53, 54, 55, 255
SIOCGIFADDR = 0x8915


def main(names: list[str]) -> int:
    """Ask on each interface at once; print what came back."""
    asked = [Interface(name) for name in names[:MOST] if NAME.fullmatch(name)]
    for one in asked:
        one.ask()
    deadline = time.monotonic() + WAIT
    while (left := deadline - time.monotonic()) > 0:
        wires = {one.wire: one for one in asked if one.wire}
        if not wires:
            break
        for wire in select.select(list(wires), [], [], left)[0]:
            wires[wire].receive()
    for one in asked:
        print(json.dumps(one.report()), flush=True)
    return 0


class Interface:
    """One interface: what it has asked, and who has answered."""

    def __init__(self, name: str) -> None:
        self.name, self.mac = name, b""
        self.wire: socket.socket | None = None
        self.transaction = secrets.randbits(32)
        self.error = ""
        self.offers: dict[tuple[str, str], dict[str, Any]] = {}

    def ask(self) -> None:
        try:
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_IP))
            self.wire = wire
            wire.bind((self.name, ETHERTYPE_IP))
            self.mac = wire.getsockname()[4]
            wire.send(frame(self.mac, discover(self.mac, self.transaction)))
        except OSError as error:
            self.fail(error)

    def receive(self) -> None:
        assert self.wire
        try:
            packet = self.wire.recv(4096)
        except OSError as error:
            self.fail(error)
            return
        if offer := parse(packet, self.transaction):
            self.offers[offer["server"], offer["mac"]] = offer

    def fail(self, error: OSError) -> None:
        self.error = error.strerror or str(error)
        if isinstance(error, PermissionError):
            self.error = "this needs CAP_NET_RAW"
        if self.wire:
            self.wire.close()
        self.wire = None

    def report(self) -> dict[str, Any]:
        return {
            "interface": self.name,
            "mac": self.mac.hex(":"),
            "own": own_addresses(self.name),
            "error": self.error,
            "offers": list(self.offers.values()),
        }


def own_addresses(name: str) -> list[str]:
    """The interface's first IPv4 address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            raw = fcntl.ioctl(any_socket, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
        except OSError:
            return []
    return [socket.inet_ntoa(raw[20:24])]


def discover(mac: bytes, transaction: int) -> bytes:
    """A DHCPDISCOVER that asks for a broadcast answer (RFC 2131, 2)."""
    card = bytes([mac[0] | 2]) + mac[1:]
    head = struct.pack("!BBBBIHH16x16s192x", 1, 1, 6, 0, transaction, 0, BROADCAST_FLAG, card)
    options = bytes([KIND, 1, 1, PARAMETERS, 3, MASK, ROUTER, SERVER, END])
    return (head + COOKIE + options).ljust(300, b"\0")


def frame(mac: bytes, message: bytes) -> bytes:
    """Ethernet, IPv4 and UDP headers around the message, from this host to everybody."""
    datagram = struct.pack("!4H", 68, 67, 8 + len(message), 0) + message
    length = 20 + len(datagram)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, UDP, 0, bytes(4), b"\xff" * 4)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return EVERYBODY + mac + struct.pack("!H", ETHERTYPE_IP) + head + datagram


def checksum(data: bytes) -> int:
    """The Internet checksum of an even number of bytes (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def parse(packet: bytes, transaction: int) -> dict[str, Any] | None:
    """The DHCPOFFER of this transaction; None for every other packet."""
    if len(packet) < 42 or packet[12:14] != b"\x08\x00" or packet[23] != UDP:
        return None
    start = 14 + (packet[14] & 0x0F) * 4
    if packet[start : start + 4] != struct.pack("!HH", 67, 68):
        return None
    message = packet[start + 8 :]
    if len(message) <= FIXED_FIELDS + 4 or message[0] != BOOTREPLY:
        return None
    if message[FIXED_FIELDS : FIXED_FIELDS + 4] != COOKIE:
        return None
    if struct.unpack_from("!I", message, 4)[0] != transaction:
        return None
    options = parse_options(message[FIXED_FIELDS + 4 :])
    if options.get(KIND) != bytes([OFFER]):
        return None
    sender = socket.inet_ntoa(packet[26:30])
    return {
        "server": first_address(options.get(SERVER, b"")) or sender,
        "mac": packet[6:12].hex(":"),
        "ip": socket.inet_ntoa(message[16:20]),
        "router": first_address(options.get(ROUTER, b"")),
        "prefix": prefix_length(options.get(MASK, b"")),
    }


def parse_options(data: bytes) -> dict[int, bytes]:
    """Type, length, value, until the end option or the end of the data (RFC 2132, 2)."""
    found: dict[int, bytes] = {}
    place = 0
    while place + 1 < len(data) and data[place] != END:
        if data[place] == 0:
            place += 1
            continue
        length = data[place + 1]
        found[data[place]] = data[place + 2 : place + 2 + length]
        place += 2 + length
    return found


def first_address(data: bytes) -> str | None:
    return socket.inet_ntoa(data[:4]) if len(data) >= 4 else None


def prefix_length(data: bytes) -> int | None:
    """Of a network mask; None for anything else."""
    if len(data) != 4:
        return None
    bits = f"{int.from_bytes(data, 'big'):032b}"
    return None if "01" in bits else bits.count("1")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
