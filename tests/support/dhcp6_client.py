"""A scripted DHCPv6 client (RFC 8415): any MAC, any DUID, the answer with all its options.

Runs as a program inside a network namespace (tests/support/lab.py starts it) and imports the
standard library only: one JSON command on each line of stdin, one JSON answer on stdout.

    {"do": "solicit", "mac": "02:00:00:00:00:01", "duid": "00:03:00:01:02:00:00:00:00:01",
     "wait": 3}
    {"type": "ADVERTISE", "ips": ["fd00::9"], "server": "0001...", "status": 0,
     "options": {"23": "fd00..."}}

It talks through a packet socket from a link-local address made of the MAC, and answers neighbour
solicitations for it: that is how dnsmasq learns a DHCPv6 client's MAC."""

import ipaddress
import json
import random
import select
import socket
import struct
import sys
import time

ETH_IPV6, ETH_ALL = 0x86DD, 0x0003
UDP, ICMP6 = socket.IPPROTO_UDP, socket.IPPROTO_ICMPV6
SERVERS, ROUTERS = "ff02::1:2", "ff02::2"
MESSAGES = {"solicit": 1, "request": 3, "confirm": 4, "renew": 5, "rebind": 6, "release": 8}
ANSWERS = {2: "ADVERTISE", 7: "REPLY"}
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, WISHES, STATUS = 1, 2, 3, 5, 6, 13
ASKED = (21, 22, 23, 24, 27, 31, 32, 41, 42, 56, 59, 60)  # all that a scope can say


class Client:
    def __init__(self, interface: str) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.socket.bind((interface, 0))

    def run(self, command: dict) -> dict | None:
        """Send one message, wait for its answer. None when nobody answered in time."""
        mac = bytes.fromhex(command["mac"].replace(":", ""))
        deadline = time.monotonic() + command.get("wait", 3.0)
        if command["do"] == "routers":
            self.socket.send(frame(mac, ROUTERS, ICMP6, struct.pack("!BBHI", 133, 0, 0, 0)))
            return self.answer(mac, deadline, advertisement)
        transaction = random.getrandbits(24)
        self.socket.send(frame(mac, SERVERS, UDP, message(mac, transaction, command)))
        return self.answer(mac, deadline, lambda kind, data: reply(kind, data, transaction))

    def answer(self, mac: bytes, deadline: float, understand) -> dict | None:
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                break
            packet = self.socket.recv(4096)
            if (
                len(packet) < 62
                or struct.unpack_from("!H", packet, 12)[0] != ETH_IPV6
                or packet[6:12] == mac
            ):
                continue
            kind, data = packet[20], packet[54:]
            if kind == ICMP6 and data[0] == 135:
                self.tell_neighbour(mac, packet)
            elif found := understand(kind, data):
                return found
        return None

    def tell_neighbour(self, mac: bytes, packet: bytes) -> None:
        target, asking = packet[62:78], socket.inet_ntop(socket.AF_INET6, packet[22:38])
        if target == socket.inet_pton(socket.AF_INET6, link_local(mac)):
            body = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + target + b"\x02\x01" + mac
            self.socket.send(frame(mac, asking, ICMP6, body, to=packet[6:12], hops=255))


def message(mac: bytes, transaction: int, command: dict) -> bytes:
    """UDP with a DHCPv6 message that asks for one address."""
    duid = bytes.fromhex(command.get("duid", "").replace(":", "")) or b"\0\3\0\1" + mac
    wanted = b"".join(
        option(IA_ADDRESS, socket.inet_pton(socket.AF_INET6, ip) + struct.pack("!II", 0, 0))
        for ip in command.get("wanted", [])
    )
    options = option(CLIENT_ID, duid) + option(8, b"\0\0")
    options += option(IA_NA, struct.pack("!III", command.get("iaid", 1), 0, 0) + wanted)
    options += option(WISHES, struct.pack(f"!{len(ASKED)}H", *ASKED))
    if command.get("server"):
        options += option(SERVER_ID, bytes.fromhex(command["server"]))
    body = struct.pack("!I", MESSAGES[command["do"]] << 24 | transaction) + options
    return struct.pack("!HHHH", 546, 547, 8 + len(body), 0) + body


def option(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value


def frame(
    mac: bytes, target: str, kind: int, payload: bytes, to: bytes = b"", hops: int = 255
) -> bytes:
    """Ethernet and IPv6 around the payload, its checksum filled in."""
    source, goal = (socket.inet_pton(socket.AF_INET6, ip) for ip in (link_local(mac), target))
    place = 6 if kind == UDP else 2
    pseudo = source + goal + struct.pack("!II", len(payload), kind)
    payload = (
        payload[:place]
        + struct.pack("!H", checksum(pseudo + payload) or 0xFFFF)
        + payload[place + 2 :]
    )
    head = struct.pack("!IHBB", 6 << 28, len(payload), kind, hops) + source + goal
    return (to or b"\x33\x33" + goal[-4:]) + mac + struct.pack("!H", ETH_IPV6) + head + payload


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def link_local(mac: bytes) -> str:
    ends = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + b"\0" * 6 + ends))


def reply(kind: int, data: bytes, transaction: int) -> dict | None:
    """The DHCPv6 answer with this transaction number, or None for any other packet."""
    if kind != UDP or struct.unpack_from("!HH", data)[1] != 546:
        return None
    first = struct.unpack_from("!I", data, 8)[0]
    if first & 0xFFFFFF != transaction or first >> 24 not in ANSWERS:
        return None
    options = dict(parse(data[12:]))
    inner = list(parse(options.get(IA_NA, b"")[12:]))
    leases = [value for number, value in inner if number == IA_ADDRESS]
    statuses = [value for number, value in [*options.items(), *inner] if number == STATUS]
    return {
        "type": ANSWERS[first >> 24],
        "ips": [socket.inet_ntop(socket.AF_INET6, value[:16]) for value in leases],
        "seconds": [struct.unpack_from("!I", value, 20)[0] for value in leases],
        "server": options.get(SERVER_ID, b"").hex(),
        "status": max([struct.unpack_from("!H", value)[0] for value in statuses], default=0),
        "options": {str(number): value.hex() for number, value in options.items()},
    }


def parse(data: bytes) -> list[tuple[int, bytes]]:
    found, place = [], 0
    while place + 4 <= len(data):
        number, length = struct.unpack_from("!HH", data, place)
        found.append((number, data[place + 4 : place + 4 + length]))
        place += 4 + length
    return found


def advertisement(kind: int, data: bytes) -> dict | None:
    """A router advertisement (RFC 4861): what it tells machines to do, and for which prefixes."""
    if kind != ICMP6 or data[0] != 134:
        return None
    flags, lifetime, place, prefixes = data[5], struct.unpack_from("!H", data, 6)[0], 16, {}
    while place + 8 <= len(data) and data[place + 1]:
        if data[place] == 3:
            network = socket.inet_ntop(socket.AF_INET6, data[place + 16 : place + 32])
            prefixes[f"{network}/{data[place + 2]}"] = {"by_itself": bool(data[place + 3] & 0x40)}
        place += data[place + 1] * 8
    return {
        "managed": bool(flags & 0x80),
        "other": bool(flags & 0x40),
        "lifetime": lifetime,
        "prefixes": prefixes,
    }


def main() -> None:
    client = Client(sys.argv[1])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(client.run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
