"""Proof of service: ask dnsmasq, as a machine would, for the address that it was just given.

Only DHCPDISCOVER is sent, so no lease comes of it. The frame bears this host's own Ethernet
address, so that no switch learns the machine's address on our port, and asks for a broadcast, so
that the answer does not go to the machine (RFC 2131, 4.1)."""

from __future__ import annotations

import fcntl
import logging
import random
import secrets
import select
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dhcp.files import check
from dhcp.files.check import Row
from dhcp.models import Generation
from dhcp.state import machines
from dhcp.state.network_cards import cards_with_macs
from ipam.addresses import Address

logger = logging.getLogger("dhcp.probe")

MOST = 3  # machines that are probed after one generation
WAIT = 1.0  # seconds for all answers
FRESH = timedelta(minutes=1)  # an older generation says nothing about how fast it was applied
_ETHERTYPE_IP, _UDP, _EVERYBODY = 0x0800, 17, b"\xff" * 6
_BROADCAST_FLAG = 0x8000
_COOKIE = b"\x63\x82\x53\x63"
_DISCOVER, _OFFER = 1, 2
_BOOTREPLY = 2
_PAD, _MESSAGE_TYPE, _SERVER, _END = 0, 53, 54, 255
_ETHERNET_HEADER, _UDP_HEADER, _FIXED_FIELDS = 14, 8, 236
_SIOCGIFADDR, _SIOCGIFNETMASK = 0x8915, 0x891B


@dataclass(frozen=True, slots=True)
class Reservation:
    """The address that a card should be offered."""

    name: str
    mac: str
    ip: Address


@dataclass(frozen=True, slots=True)
class Offer:
    """The address that a server offered, `ms` after it was asked."""

    ip: IPv4Address
    server: IPv4Address | None
    ms: float


def probe_newest(server_id: int | None = None) -> None:
    """Probe a server's newest generation once, while it is fresh. For the worker, never within a
    request. Raises DatabaseError only: no sync waits for a probe."""
    try:
        if settings.DHCP_PROBE:
            _probe_newest(server_id)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("a bug; the next generation is probed again")


def _probe_newest(server_id: int | None) -> None:
    generation = Generation.objects.unprobed(server_id, timezone.now() - FRESH)
    if generation is None:
        return
    generation.probes = probe(generation, settings.DHCP_PROBE)
    generation.save(update_fields=["probes"])
    for result in generation.probes:
        logger.info("generation %d: %s", generation.pk, sentence(result))


def probe(generation: Generation, interface: str) -> list[dict[str, Any]]:
    """Ask for the addresses of some of the generation's new lines; one result for each."""
    reservations = choose_reservations(generation, network_of(interface))
    if not reservations:
        return []
    since = _last_change_at(generation)
    error = ""
    offers: dict[str, list[Offer]] = {}
    try:
        offers = collect_offers(interface, reservations)
    except OSError as refused:
        error = _why_not_probed(refused)
    return [
        _result(reservation, offers.get(reservation.mac, []), error, since)
        for reservation in reservations
    ]


def choose_reservations(generation: Generation, network: IPv4Network | None) -> list[Reservation]:
    """At most MOST of the generation's new reservations, with nothing in the way of their
    machines."""
    reservations = _new_reservations(generation, network)
    macs = random.sample(list(reservations), min(len(reservations), MOST))
    cards = cards_with_macs(macs)
    states = machines.states_of_cards(cards)
    served = {card.mac for card in cards if states[card.key].is_served}
    return list(map(reservations.__getitem__, filter(served.__contains__, macs)))


def _new_reservations(
    generation: Generation, network: IPv4Network | None
) -> dict[str, Reservation]:
    """The reservations that the generation adds and that can be probed, by MAC."""
    found = {}
    for row in _added_rows(generation):
        if row.macs and _is_reachable(row.ip, network):
            mac = row.macs[0]
            found[mac] = Reservation(row.name or mac, mac, row.ip)
    return found


def _added_rows(generation: Generation) -> Iterator[Row]:
    """The reservations of the difference's new lines."""
    for line in generation.diff.splitlines():
        if not line.startswith("+"):
            continue
        row = check.host_row(line[1:].encode("ascii", "replace"))
        if isinstance(row, Row):
            yield row


def _is_reachable(ip: Address, network: IPv4Network | None) -> bool:
    """Without a relay, dnsmasq answers for the interface's own network only."""
    if network is None:
        return ip.version == 4
    return ip in network


def _last_change_at(generation: Generation) -> datetime:
    """When the newest of the generation's changes was committed."""
    times = [parse_datetime(change["at"]) for change in generation.changes]
    return max(filter(None, times), default=generation.created_at)


def _result(
    reservation: Reservation, offers: Sequence[Offer], error: str, since: datetime
) -> dict[str, Any]:
    offer = _best(offers, reservation.ip)
    result: dict[str, Any] = {
        "name": reservation.name,
        "mac": reservation.mac,
        "wanted": str(reservation.ip),
        "offered": None,
        "by": None,
        "ms": None,
        "after_ms": None,
        "reason": error or f"no answer within {WAIT:g} s",
    }
    if offer is None:
        return result
    result |= {"offered": str(offer.ip), "ms": round(offer.ms, 1)}
    if offer.server:
        result["by"] = str(offer.server)
    if offer.ip != reservation.ip:
        result["reason"] = error or f"{offer.server or 'a server'} offers {offer.ip} instead"
        return result
    after = round((timezone.now() - since).total_seconds() * 1000)
    return result | {"after_ms": max(after, 0), "reason": ""}


def _best(offers: Sequence[Offer], ip: Address) -> Offer | None:
    """The offer of this address, or else the first one."""
    for offer in offers:
        if offer.ip == ip:
            return offer
    return next(iter(offers), None)


def sentence(result: dict[str, Any]) -> str:
    """`web 10.0.0.9: live after 84 ms`."""
    outcome = result["reason"] or f"live after {result['after_ms']} ms"
    return f"{result['name']} {result['wanted']}: {outcome}"


def _why_not_probed(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "not probed: that needs CAP_NET_RAW"
    return f"not probed: {settings.DHCP_PROBE}: {error.strerror or error}"


# --- on the wire ----------------------------------------------------------------------------------


def collect_offers(interface: str, reservations: Sequence[Reservation]) -> dict[str, list[Offer]]:
    """Broadcast a DHCPDISCOVER for each card and return the offers by MAC, once every card was
    offered its address or WAIT is over. Raises OSError."""
    offers: dict[str, list[Offer]] = defaultdict(list)
    macs: dict[int, str] = {}  # by transaction
    missing = set(map(attrgetter("mac", "ip"), reservations))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHERTYPE_IP)) as wire:
        wire.bind((interface, _ETHERTYPE_IP))
        own_mac = wire.getsockname()[4]
        started = time.monotonic()
        for one in reservations:
            transaction = secrets.randbits(32)
            macs[transaction] = one.mac
            wire.send(ethernet_frame(own_mac, discover_message(one.mac, transaction)))
        while missing and (packet := _receive(wire, started + WAIT)):
            received = parse_offer(packet)
            if received is None or received[0] not in macs:
                continue
            transaction, ip, server = received
            mac = macs[transaction]
            offers[mac].append(Offer(ip, server, (time.monotonic() - started) * 1000))
            missing.discard((mac, ip))
    return offers


def _receive(wire: socket.socket, deadline: float) -> bytes | None:
    """The next packet; None at the deadline."""
    left = deadline - time.monotonic()
    if left <= 0 or not select.select([wire], [], [], left)[0]:
        return None
    return wire.recv(4096)


def discover_message(mac: str, transaction: int) -> bytes:
    """A card's DHCPDISCOVER that asks for a broadcast answer (RFC 2131, 2)."""
    card = bytes.fromhex(mac.replace(":", ""))
    head = struct.pack("!BBBBIHH16x16s192x", 1, 1, 6, 0, transaction, 0, _BROADCAST_FLAG, card)
    return (head + _COOKIE + bytes([_MESSAGE_TYPE, 1, _DISCOVER, _END])).ljust(300, b"\0")


def ethernet_frame(own_mac: bytes, message: bytes) -> bytes:
    """Ethernet, IPv4 and UDP headers around the message, from this host to everybody."""
    datagram = struct.pack("!4H", 68, 67, _UDP_HEADER + len(message), 0) + message
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, _UDP, 0, b"\0" * 4, b"\xff" * 4
    )
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return _EVERYBODY + own_mac + struct.pack("!H", _ETHERTYPE_IP) + head + datagram


def parse_offer(packet: bytes) -> tuple[int, IPv4Address, IPv4Address | None] | None:
    """The transaction, the address and the server of a DHCPOFFER; None for every other packet."""
    if len(packet) < _ETHERNET_HEADER + 20 or packet[23] != _UDP:
        return None
    start = _ETHERNET_HEADER + (packet[14] & 0x0F) * 4
    if packet[start : start + 4] != struct.pack("!HH", 67, 68):
        return None
    message = packet[start + _UDP_HEADER :]
    options_at = _FIXED_FIELDS + len(_COOKIE)
    if message[:1] != bytes([_BOOTREPLY]) or message[_FIXED_FIELDS:options_at] != _COOKIE:
        return None
    options = _parse_options(message[options_at:])
    if options.get(_MESSAGE_TYPE) != bytes([_OFFER]):
        return None
    transaction = struct.unpack_from("!I", message, 4)[0]
    server = None
    if len(options.get(_SERVER, b"")) == 4:
        server = IPv4Address(options[_SERVER])
    return transaction, IPv4Address(message[16:20]), server


def network_of(interface: str) -> IPv4Network | None:
    """The interface's first IPv4 network; None when it has no address, or does not exist."""
    name = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            ip = fcntl.ioctl(any_socket, _SIOCGIFADDR, name)[20:24]
            mask = fcntl.ioctl(any_socket, _SIOCGIFNETMASK, name)[20:24]
        except OSError:
            return None
    return IPv4Network((int.from_bytes(ip), str(IPv4Address(mask))), strict=False)


def _parse_options(data: bytes) -> dict[int, bytes]:
    """Type, length, value, until the end option or the end of the data (RFC 2132, 2)."""
    found, place = {}, 0
    while place + 1 < len(data) and data[place] != _END:
        if data[place] == _PAD:
            place += 1
            continue
        length = data[place + 1]
        found[data[place]] = data[place + 2 : place + 2 + length]
        place += 2 + length
    return found


def _checksum(data: bytes) -> int:
    """The Internet checksum of an even number of bytes (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
