"""What readers of DHCP servers share: reservations as machines."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import starmap

from importers.records import Card, Held, Machine, Record
from ipam.addresses import Address, parse_mac, parse_range


def mac_of(text: str) -> str:
    """A MAC address; the digits of a pair may be one, as in 0:0:c0:5d:bd:95. Raises ValueError."""
    if text.count(":") == 5:
        text = whole_bytes(text)
    return parse_mac(text)


def whole_bytes(text: str) -> str:
    """`1:a:ff` as `01:0a:ff`."""
    return re.sub(r"\b[0-9a-f]\b", r"0\g<0>", text.lower())


def range_of(texts: Sequence[str]) -> tuple[Address, Address]:
    """The ends of a range: a network, one address, or two. Raises ValueError."""
    text = "-".join(texts).replace(" ", "")
    if "/" in text:
        network = ipaddress.ip_network(text)
        return network[0], network[-1]
    return parse_range(text)


def reservation(
    at: str,
    name: str,
    addresses: Iterable[Address],
    mac: str | None = None,
    duid: str = "",
    description: str = "",
) -> Machine:
    """A machine with a reservation: its first IPv4 address is its own; the others, and what has a
    DUID, are cards."""
    wanted: list[Address | None] = list(addresses)
    if duid:
        wanted = [None, *wanted]
    elif 6 in map(_version, wanted[:1]):
        wanted.insert(0, None)
    own, *others = [*wanted, None][: max(1, len(wanted))]
    if duid and not others:
        others = [None]
    cards = [Card(at, f"net{number}", mac, ip, duid) for number, ip in enumerate(others, 2)]
    return Machine(at, name, ip=own, mac=mac, description=description, cards=tuple(cards))


def _version(ip: Address | None) -> int:
    return getattr(ip, "version", 0)


def merged(machines: Iterable[Machine]) -> Iterator[Record]:
    """Machines of one name as one machine: what the later ones say is of its further cards. One
    without a name is an address with a MAC address, which DHCP serves as it stands."""
    by_name: dict[str, list[Machine]] = defaultdict(list)
    for machine in machines:
        if machine.hostname:
            by_name[machine.hostname.lower()].append(machine)
        else:
            yield from addresses_of(machine)
    yield from starmap(_joined, by_name.values())


def _joined(first: Machine, *others: Machine) -> Machine:
    """The first machine with the cards of the other ones that it does not have yet."""
    known = {_values(_own_card(first)), _NOTHING}
    cards = {_values(card): card for card in first.cards}
    for other in others:
        for card in (_own_card(other), *other.cards):
            if _values(card) not in known:
                cards.setdefault(_values(card), replace(card, name=f"net{len(cards) + 2}"))
    return replace(first, cards=tuple(cards.values()))


_NOTHING = (None, None, "")


def _own_card(machine: Machine) -> Card:
    """Its own card; without an address, only where no further card has the MAC address."""
    macs = {card.mac for card in machine.cards}
    if machine.ip is None and machine.mac in macs:
        return Card(machine.at, "")
    return Card(machine.at, "", machine.mac, machine.ip)


def _values(card: Card) -> tuple[object, ...]:
    return card.mac, card.ip, card.duid


def addresses_of(machine: Machine) -> Iterator[Held]:
    """The addresses of a machine that cannot be a server, for which DHCP needs no name."""
    own = Card(machine.at, "", machine.mac, machine.ip)
    for card in (own, *machine.cards):
        if card.ip:
            yield Held(card.at, card.ip, machine.vrf, "allocated", mac=card.mac)
