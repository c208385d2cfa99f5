"""The messages of a DHCP client (RFC 2131), for clients that need no interface of their own: they
ask for broadcast answers and read them from a packet socket."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK = 1, 2, 3, 4, 5, 6
HOST_NAME, WANTED, MESSAGE_TYPE, SERVER, END = 12, 50, 53, 54, 255
_COOKIE = b"\x63\x82\x53\x63"
_BROADCAST = 0x8000
_ETHERNET, _UDP, _FIXED = 14, 8, 236  # bytes of headers


@dataclass(frozen=True, slots=True)
class Reply:
    """What a DHCP server answered."""

    kind: int
    transaction: int
    ip: str
    server: bytes


def message(kind: int, mac: str, transaction: int, options: dict[int, bytes]) -> bytes:
    """An Ethernet frame with one message, to everybody."""
    card = bytes.fromhex(mac.replace(":", ""))
    head = struct.pack("!BBBBIHH16x16s192x", 1, 1, 6, 0, transaction, 0, _BROADCAST, card)
    body = head + _COOKIE + _option(MESSAGE_TYPE, bytes([kind]))
    body += b"".join(_option(number, value) for number, value in options.items() if value)
    return _frame(card, (body + bytes([END])).ljust(300, b"\0"))


def _option(number: int, value: bytes) -> bytes:
    return bytes([number, len(value)]) + value


def _frame(card: bytes, body: bytes) -> bytes:
    datagram = struct.pack("!4H", 68, 67, _UDP + len(body), 0) + body
    length = 20 + len(datagram)
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0, b"\0" * 4, b"\xff" * 4
    )
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return b"\xff" * 6 + card + b"\x08\0" + head + datagram


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def reply(packet: bytes) -> Reply | None:
    """The answer in a packet; None for any other packet."""
    start = _ETHERNET + (packet[14] & 0x0F) * 4 if len(packet) > _ETHERNET else 0
    body = packet[start + _UDP :]
    if packet[start : start + 4] != struct.pack("!HH", 67, 68) or len(body) <= _FIXED + 4:
        return None
    options = _options(body[_FIXED + 4 :])
    kind = int.from_bytes(options.get(MESSAGE_TYPE, b""))
    transaction = struct.unpack_from("!I", body, 4)[0]
    return Reply(kind, transaction, socket.inet_ntoa(body[16:20]), options.get(SERVER, b""))


def _options(data: bytes) -> dict[int, bytes]:
    found, place = {}, 0
    while place + 1 < len(data) and data[place] != END:
        length = data[place + 1] if data[place] else -1
        found[data[place]] = data[place + 2 : place + 2 + max(length, 0)]
        place += 2 + length
    return found
