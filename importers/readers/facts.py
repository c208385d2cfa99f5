"""What DHCP servers say of a subnet, as fields of the ledger. Options that the ledger keeps as
fields are told by their number; all others stay options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from importers.records import LeftOut, Net, Option, Record, Scope
from ipam.addresses import Address, Network, parse_address

LEASE_TIME, KNOWN_ONLY, BOOT_SERVER, BOOT_FILE = "lease-time", "known-only", "server", "file"

SHORTEST, LONGEST = 120, 31_536_000  # seconds of a lease


@dataclass(frozen=True, slots=True)
class Fact:
    """A parameter by its name, or an option by its number, with its place and its words. `type` is
    our kind of the value, where the number does not say it."""

    at: str
    what: str
    key: str | int
    value: str
    type: str = ""


class SubnetFacts:
    """A subnet and its DHCP scope on their way."""

    def __init__(self, at: str, network: Network, lease_time: int) -> None:
        self.at = at
        self.network = network
        self.net: dict[str, Any] = {}
        self.scope: dict[str, Any] = {"lease_time": lease_time}  # where the source says none
        self.options: dict[int, Option] = {}
        self.left_out: list[LeftOut] = []

    def take(self, fact: Fact) -> None:
        """Note a fact; a later one of the same key replaces it."""
        taker = _TAKERS[self.network.version].get(fact.key, SubnetFacts._option)
        try:
            taker(self, fact)
        except ValueError as error:
            self.leave(fact, error)

    def leave(self, fact: Fact, reason: object) -> None:
        self.left_out.append(LeftOut(fact.at, fact.what[:200], str(reason)))

    def records(self) -> Iterator[Record]:
        yield Net(self.at, self.network, **self.net)
        yield Scope(self.at, self.network, **self.scope)
        yield from self.options.values()
        yield from self.left_out

    def _option(self, fact: Fact) -> None:
        number = int(fact.key)
        self.options[number] = Option(fact.at, self.network, number, fact.value, fact.type)

    def _lease_time(self, fact: Fact) -> None:
        seconds = int(fact.value)
        self.scope["lease_time"] = min(max(seconds, SHORTEST), LONGEST)
        if seconds < SHORTEST:
            self.leave(fact, _("dnsmasq grants no lease below %d s.") % SHORTEST)

    def _known_only(self, fact: Fact) -> None:
        self.scope["known_only"] = bool(fact.value)

    def _routers(self, fact: Fact) -> None:
        first, *others = _addresses(fact)
        if first not in self.network:
            raise ValueError(_("The router is outside of %s.") % self.network)
        self.net["gateway"] = first
        if others:
            self.leave(fact, _("A subnet has one router; the first one is kept."))

    def _addresses(self, fact: Fact, place: str, name: str) -> None:
        getattr(self, place)[name] = tuple(_addresses(fact))

    def _domain(self, fact: Fact) -> None:
        first, *others = fact.value.split(",")
        self.net["domain"] = first.strip().rstrip(".")
        if others:
            self.leave(fact, _("A subnet has one domain; the first one is kept."))

    def _boot_server(self, fact: Fact) -> None:
        self.scope["boot_server"] = parse_address(fact.value)

    def _boot_file(self, fact: Fact) -> None:
        self.scope["boot_file"] = fact.value

    def _given(self, fact: Fact, wanted: Callable[[Network], Address]) -> None:
        """An option that follows from the network."""
        if fact.value != str(wanted(self.network)):
            self.leave(fact, _("dnsmasq sends the value that follows from the network."))


def _addresses(fact: Fact) -> Sequence[Address]:
    return list(map(parse_address, fact.value.split(",")))


def _netmask(network: Network) -> Address:
    return network.netmask


def _broadcast(network: Network) -> Address:
    return network.broadcast_address


def _list(place: str, name: str) -> Callable[[SubnetFacts, Fact], None]:
    return partial(SubnetFacts._addresses, place=place, name=name)


_COMMON: dict[str | int, Callable[[SubnetFacts, Fact], None]] = {
    LEASE_TIME: SubnetFacts._lease_time,
    KNOWN_ONLY: SubnetFacts._known_only,
    BOOT_SERVER: SubnetFacts._boot_server,
    BOOT_FILE: SubnetFacts._boot_file,
}
_TAKERS: dict[int, dict[str | int, Callable[[SubnetFacts, Fact], None]]] = {
    4: {
        **_COMMON,
        1: partial(SubnetFacts._given, wanted=_netmask),
        3: SubnetFacts._routers,
        6: _list("net", "dns_servers"),
        15: SubnetFacts._domain,
        28: partial(SubnetFacts._given, wanted=_broadcast),
        42: _list("scope", "ntp_servers"),
        51: SubnetFacts._lease_time,
        66: SubnetFacts._boot_server,
        67: SubnetFacts._boot_file,
    },
    6: {
        **_COMMON,
        23: _list("net", "dns_servers"),
        24: SubnetFacts._domain,
        31: _list("scope", "ntp_servers"),
        59: SubnetFacts._boot_file,
    },
}
