"""A scripted DHCP client: any MAC, any message, the answer with all its options within
milliseconds.

Runs as a program inside a network namespace (tests/support/lab.py starts it) and imports the
standard library only: one JSON command on each line of stdin, one JSON answer on stdout.

    {"do": "discover", "mac": "02:00:00:00:00:01", "wait": 3}
    {"type": "OFFER", "ip": "10.77.0.9", "server": "10.77.0.1", "options": {...}, "ms": 1.2}

It talks through a packet socket, so one interface plays any number of machines; it answers ARP for
the addresses they hold, because dnsmasq sends the answer to a renewal to the client's own address.
With `giaddr` it is the relay, too, and holds that address."""

import json
import random
import select
import socket
import struct
import sys
import time

ETH_IP, ETH_ARP, ETH_ALL = 0x0800, 0x0806, 0x0003
BROADCAST = b"\xff" * 6
ANY, EVERYBODY = "0.0.0.0", "255.255.255.255"
COOKIE = b"\x63\x82\x53\x63"
MESSAGES = {"discover": 1, "request": 3, "decline": 4, "release": 7, "inform": 8}
ANSWERS = {2: "OFFER", 5: "ACK", 6: "NAK"}
ADDRESSES = {1: "netmask", 3: "router", 6: "dns", 28: "broadcast", 42: "ntp", 54: "server"}
TEXTS = {12: "hostname", 15: "domain", 56: "message", 66: "boot_server", 67: "boot_file"}
NUMBERS = {51: "lease_time", 58: "t1", 59: "t2"}


class Client:
    def __init__(self, interface: str) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.socket.bind((interface, 0))
        self.holders: dict[str, bytes] = {}

    def run(self, command: dict) -> dict | None:
        """Send one message, wait for its answer. None when nobody answered in time."""
        mac, transaction = pack_mac(command["mac"]), random.getrandbits(32)
        for address in filter(None, (command.get("ciaddr"), command.get("giaddr"))):
            self.holders[address] = mac
        started = time.monotonic()
        self.socket.send(frame(mac, message(mac, transaction, command)))
        if command["do"] in ("release", "decline"):
            return None
        answer = self.answer_to(transaction, started + command.get("wait", 3.0))
        if answer:
            answer["ms"] = round((time.monotonic() - started) * 1000, 2)
            if answer["type"] == "ACK":
                self.holders[answer["ip"]] = mac
        return answer

    def answer_to(self, transaction: int, deadline: float) -> dict | None:
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                break
            packet = self.socket.recv(4096)
            kind = struct.unpack_from("!H", packet, 12)[0]
            if kind == ETH_ARP:
                self.answer_arp(packet)
            elif kind == ETH_IP and (answer := parse(packet, transaction)):
                return answer
        return None

    def answer_arp(self, packet: bytes) -> None:
        operation, sender_mac, sender_ip, _, target_ip = struct.unpack_from(
            "!H6s4s6s4s", packet, 20
        )
        mac = self.holders.get(socket.inet_ntoa(target_ip))
        if operation == 1 and mac and mac != sender_mac:
            head = sender_mac + mac + struct.pack("!HHHBBH", ETH_ARP, 1, ETH_IP, 6, 4, 2)
            self.socket.send(head + mac + target_ip + sender_mac + sender_ip)


def message(mac: bytes, transaction: int, command: dict) -> bytes:
    """A BOOTP packet with the DHCP options that the command asks for."""
    ciaddr = socket.inet_aton(command.get("ciaddr") or ANY)
    giaddr = socket.inet_aton(command.get("giaddr") or ANY)
    head = struct.pack(
        "!BBBBIHH4s4s4s4s16s", 1, 1, 6, 0, transaction, 0, 0, ciaddr, b"", b"", giaddr, mac
    )
    options = option(53, bytes([MESSAGES[command["do"]]]))
    if command.get("wanted"):
        options += option(50, socket.inet_aton(command["wanted"]))
    if command.get("server"):
        options += option(54, socket.inet_aton(command["server"]))
    if command.get("hostname"):
        options += option(12, command["hostname"].encode())
    for number, value in command.get("options", {}).items():
        options += option(int(number), bytes.fromhex(value))
    if command["do"] != "release":
        options += option(55, bytes([1, 3, 6, 12, 15, 28, 42, 51, 54, 66, 67]))
    return (head + b"\0" * 192 + COOKIE + options + b"\xff").ljust(300, b"\0")


def option(number: int, value: bytes) -> bytes:
    return bytes([number, len(value)]) + value


def frame(mac: bytes, payload: bytes) -> bytes:
    """Ethernet, IPv4 and UDP around the payload, to everybody. UDP's checksum may be left out."""
    datagram = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0) + payload
    addresses = socket.inet_aton(ANY) + socket.inet_aton(EVERYBODY)
    head = (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 64, socket.IPPROTO_UDP, 0)
        + addresses
    )
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return BROADCAST + mac + struct.pack("!H", ETH_IP) + head + datagram


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def parse(packet: bytes, transaction: int) -> dict | None:
    """The DHCP answer with this transaction number, or None for any other packet."""
    start = 14 + (packet[14] & 0x0F) * 4
    if packet[23] != socket.IPPROTO_UDP or struct.unpack_from("!H", packet, start + 2)[0] not in (
        67,
        68,
    ):
        return None
    bootp = packet[start + 8 :]
    if len(bootp) < 241 or bootp[0] != 2 or struct.unpack_from("!I", bootp, 4)[0] != transaction:
        return None
    options = parse_options(bootp[240:])
    kind = ANSWERS.get(options.pop(53, b"\0")[0], "?")
    readable = {
        name: value for number, raw in options.items() for name, value in [explain(number, raw)]
    }
    server, ip = readable.get("server"), socket.inet_ntoa(bootp[16:20])
    return {
        "type": kind,
        "ip": ip,
        "next": socket.inet_ntoa(bootp[20:24]),
        "server": server,
        "options": readable,
    }


def parse_options(data: bytes) -> dict[int, bytes]:
    found, place = {}, 0
    while place + 1 < len(data) and data[place] != 255:
        if data[place] == 0:
            place += 1
            continue
        length = data[place + 1]
        found[data[place]] = data[place + 2 : place + 2 + length]
        place += 2 + length
    return found


def explain(number: int, raw: bytes) -> tuple[str, object]:
    if number in ADDRESSES:
        return ADDRESSES[number], ",".join(
            socket.inet_ntoa(raw[at : at + 4]) for at in range(0, len(raw), 4)
        )
    if number in TEXTS:
        return TEXTS[number], raw.decode("latin-1").rstrip("\0")
    if number in NUMBERS:
        return NUMBERS[number], int.from_bytes(raw, "big")
    return str(number), raw.hex()


def pack_mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def main() -> None:
    client = Client(sys.argv[1])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(client.run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
