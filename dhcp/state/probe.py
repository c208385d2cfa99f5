"""Proof of service: ask dnsmasq, as a machine would, for the address that it was just told about.

Only a DISCOVER is sent, so no lease comes of it. Its frame bears our own card's address, so that no
switch learns the machine's address anew, and asks for a broadcast, so that the answer does not go
to the machine (RFC 2131, 4.1)."""

from __future__ import annotations

import fcntl
import logging
import random
import secrets
import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dhcp.files import check
from dhcp.files.check import Row
from dhcp.models import Generation
from dhcp.state import machines
from dhcp.state.machines import Card
from ipam.models import Interface, Server

logger = logging.getLogger("dhcp.probe")

MOST = 3  # machines that are asked for after one apply
WAIT = 1.0  # seconds for all answers
FRESH = timedelta(minutes=1)  # what was applied longer ago tells nothing about how fast it was
_IP, _UDP, _ALL = 0x0800, 17, b"\xff" * 6
_BROADCAST = 0x8000
_COOKIE = b"\x63\x82\x53\x63"
_DISCOVER, _OFFER = 1, 2
_MESSAGE_TYPE, _SERVER, _END = 53, 54, 255
_SIOCGIFADDR, _SIOCGIFNETMASK = 0x8915, 0x891B


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that a card should be offered."""

    name: str
    mac: str
    ip: IPv4Address


@dataclass(frozen=True, slots=True)
class Offer:
    """Who offered what, `ms` after it was asked."""

    ip: IPv4Address
    server: IPv4Address | None
    ms: float


def look(server_id: int | None = None) -> None:
    """Probe a server's newest generation, if it is new and nobody has. For the worker: never within
    a request."""
    try:
        if settings.DHCP_PROBE:
            _look(server_id)
    except DatabaseError:
        raise
    except Exception:
        logger.exception(
            "a bug; the next generation is probed again"
        )  # no sync may wait because of that


def _look(server_id: int | None) -> None:
    generation = Generation.objects.unprobed(server_id, timezone.now() - FRESH)
    if generation:
        generation.probes = list(results(generation, settings.DHCP_PROBE))
        generation.save(update_fields=["probes"])
        for result in generation.probes:
            logger.info("generation %d: %s", generation.pk, sentence(result))


def results(generation: Generation, interface: str) -> Iterator[dict[str, Any]]:
    """What became of some of the generation's new lines."""
    wanted = sample(generation, network_of(interface))
    since = _told_at(generation)
    try:
        offers, error = ask(interface, wanted) if wanted else {}, ""
    except OSError as refused:
        offers, error = {}, _explained(refused)
    for one in wanted:
        yield _result(one, offers.get(one.mac, []), error, since)


def sample(generation: Generation, network: IPv4Network | None) -> list[Wanted]:
    """A few of the machines that the generation's difference tells of, none of which anybody is in
    the way of."""
    lines = [line[1:] for line in generation.diff.splitlines() if line.startswith("+")]
    rows = [
        row
        for line in lines
        if isinstance(row := check.host_row(line.encode("ascii", "replace")), Row)
    ]
    rows = [row for row in rows if row.macs and _is_reachable(row, network)]
    chosen = {row.macs[0]: row for row in random.sample(rows, min(len(rows), MOST))}
    cards = _cards(list(chosen))
    fates = machines.of_cards(cards)
    live = {card.mac for card in cards if fates[card.key].kind == machines.LIVE}
    return [
        Wanted(row.name or mac, mac, row.ip)
        for mac, row in chosen.items()
        if mac in live and isinstance(row.ip, IPv4Address)
    ]


def sentence(result: dict[str, Any]) -> str:
    """`web 10.0.0.9: live after 84 ms`."""
    what = f"{result['name']} {result['wanted']}"
    return (
        f"{what}: {result['reason']}"
        if result["reason"]
        else f"{what}: live after {result['after_ms']} ms"
    )


def _is_reachable(row: Row, network: IPv4Network | None) -> bool:
    """A server without a relay answers for the interface's own network only."""
    return row.ip.version == 4 and (network is None or row.ip in network)


def _cards(macs: Sequence[str]) -> list[Card]:
    servers = Server.objects.filter(vrf=None, mac_address__in=macs)
    nics = Interface.objects.filter(server__vrf=None, mac_address__in=macs).select_related("server")
    return [*map(Card.of_server, servers), *map(Card.of_interface, nics)]


def _told_at(generation: Generation) -> datetime:
    """When the newest of its changes was committed."""
    moments = [parse_datetime(change["at"]) for change in generation.changes]
    return max((at for at in moments if at), default=generation.created_at)


def _result(one: Wanted, offers: Sequence[Offer], error: str, since: datetime) -> dict[str, Any]:
    right = next((offer for offer in offers if offer.ip == one.ip), None)
    offer = right or next(iter(offers), None)
    after = round((timezone.now() - since).total_seconds() * 1000)
    return {
        "name": one.name,
        "mac": one.mac,
        "wanted": str(one.ip),
        "offered": str(offer.ip) if offer else None,
        "by": str(offer.server) if offer and offer.server else None,
        "ms": round(offer.ms, 1) if offer else None,
        "after_ms": max(after, 0) if right else None,
        "reason": "" if right else error or _why_not(offer),
    }


def _why_not(offer: Offer | None) -> str:
    if offer is None:
        return f"no answer within {WAIT:g} s"
    return f"{offer.server or 'a server'} offers {offer.ip} instead"


def _explained(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "not probed: that needs CAP_NET_RAW"
    return f"not probed: {settings.DHCP_PROBE}: {error.strerror or error}"


# --- on the wire ----------------------------------------------------------------------------------


def ask(interface: str, wanted: Sequence[Wanted], wait: float = WAIT) -> dict[str, list[Offer]]:
    """The offers for each MAC, until all are offered what they want or the time is over. Raises
    OSError."""
    offers: dict[str, list[Offer]] = {one.mac: [] for one in wanted}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_IP)) as wire:
        wire.bind((interface, _IP))
        ours = wire.getsockname()[4]
        asked = {secrets.randbits(32): one for one in wanted}
        started = time.monotonic()
        for number, one in asked.items():
            wire.send(frame(ours, discover(one.mac, number)))
        while missing(offers, wanted) and (left := started + wait - time.monotonic()) > 0:
            if select.select([wire], [], [], left)[0] and (said := read(wire.recv(4096))):
                number, ip, server = said
                if number in asked:
                    offers[asked[number].mac].append(
                        Offer(ip, server, (time.monotonic() - started) * 1000)
                    )
    return offers


def missing(offers: dict[str, list[Offer]], wanted: Sequence[Wanted]) -> bool:
    return any(one.ip not in [offer.ip for offer in offers[one.mac]] for one in wanted)


def discover(mac: str, number: int) -> bytes:
    """RFC 2131: a DHCPDISCOVER of this card that asks for a broadcast answer."""
    card = bytes.fromhex(mac.replace(":", ""))
    head = struct.pack("!BBBBIHH16x16s192x", 1, 1, 6, 0, number, 0, _BROADCAST, card)
    return (head + _COOKIE + bytes([_MESSAGE_TYPE, 1, _DISCOVER, _END])).ljust(300, b"\0")


def frame(ours: bytes, message: bytes) -> bytes:
    """Ethernet, IPv4 and UDP around the message, from our own card to everybody."""
    datagram = struct.pack("!4H", 68, 67, 8 + len(message), 0) + message
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, _UDP, 0, b"\0" * 4, b"\xff" * 4
    )
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return _ALL + ours + struct.pack("!H", _IP) + head + datagram


def read(packet: bytes) -> tuple[int, IPv4Address, IPv4Address | None] | None:
    """The number, the address and the server of an offer; None for every other packet."""
    if len(packet) < 34 or packet[23] != _UDP:
        return None
    start = 14 + (packet[14] & 0x0F) * 4
    message = packet[start + 8 :]
    if (
        len(message) < 241
        or packet[start : start + 4] != struct.pack("!HH", 67, 68)
        or message[0] != 2
    ):
        return None
    options = _options(message[240:])
    if message[236:240] != _COOKIE or options.get(_MESSAGE_TYPE) != bytes([_OFFER]):
        return None
    server = options.get(_SERVER, b"")
    number = struct.unpack_from("!I", message, 4)[0]
    return number, IPv4Address(message[16:20]), IPv4Address(server) if len(server) == 4 else None


def network_of(interface: str) -> IPv4Network | None:
    """The interface's first IPv4 network; None when it has no address, or does not exist."""
    name = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            ip, mask = (
                fcntl.ioctl(any_socket, call, name)[20:24]
                for call in (_SIOCGIFADDR, _SIOCGIFNETMASK)
            )
        except OSError:
            return None
    return IPv4Network((int.from_bytes(ip), str(IPv4Address(mask))), strict=False)


def _options(data: bytes) -> dict[int, bytes]:
    found, place = {}, 0
    while place + 1 < len(data) and data[place] != _END:
        if data[place] == 0:
            place += 1
            continue
        length = data[place + 1]
        found[data[place]] = data[place + 2 : place + 2 + length]
        place += 2 + length
    return found


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
