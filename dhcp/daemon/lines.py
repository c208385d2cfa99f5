"""What a `dhcp-range` and a `dhcp-host` say, whoever has written them (dnsmasq(8))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from ipam.addresses import Address, Network

_TAG = re.compile(r"(?:(tag|set|net):)(.*)")
_OUR_TAG = re.compile(r"s[0-9]+")
_MASK = re.compile(r"[0-9]+(\.[0-9]+){3}|[0-9]{1,3}")
_MAC = re.compile(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}")


@dataclass(frozen=True, slots=True)
class Range:
    """The addresses of a `dhcp-range`; without a `last` one it serves reservations only. The
    network is not known where the line leaves the mask to the interface."""

    first: Address
    last: Address | None = None
    network: Network | None = None
    tags: tuple[str, ...] = ()  # under which conditions
    sets: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it has a tag as we write them."""
        return any(map(_OUR_TAG.fullmatch, self.sets))

    def overlaps(self, network: Network) -> bool:
        if self.first.version != network.version:
            return False
        last = self.last or self.first
        return int(self.first) <= int(network[-1]) and int(network[0]) <= int(last)


@dataclass(frozen=True, slots=True)
class Host:
    """Whom a `dhcp-host` is for, and what it gives."""

    macs: tuple[str, ...] = ()
    ips: tuple[Address, ...] = ()
    is_ignored: bool = False


def parse_range(value: str) -> Range | None:
    """`[tag:X,][set:Y,]FIRST[,LAST or mode][,more modes][,MASK][,TIME]`; None where the addresses
    follow from an interface."""
    words, tags, sets = [], [], []
    for word in _words(value):
        found = _TAG.fullmatch(word)
        if found is None:
            words.append(word)
        elif found[1] == "set":
            sets.append(found[2])
        else:
            tags.append(found[2])
    first = _address(words[0]) if words else None
    if first is None:
        return None
    last = _address(words[1]) if len(words) > 1 else None
    size = next(filter(_MASK.fullmatch, words[1 if last is None else 2 :]), "")
    return Range(first, last, _network(first, size), tuple(tags), tuple(sets))


def parse_host(value: str) -> Host:
    """Every MAC and address in it, in whatever order."""
    macs, ips, is_ignored = [], [], False
    for word in _words(value):
        if _MAC.fullmatch(word):
            macs.append(_full_mac(word))
        elif ip := _address(word):
            ips.append(ip)
        elif word == "ignore":
            is_ignored = True
    return Host(tuple(macs), tuple(ips), is_ignored)


def _words(value: str) -> list[str]:
    return list(map(str.strip, value.split(",")))


def _address(word: str) -> Address | None:
    try:
        return ip_address(word.strip("[]"))
    except ValueError:
        return None


def _network(first: Address, size: str) -> Network | None:
    """A mask of IPv4, or the length of a prefix of IPv6, which is 64 by default."""
    if first.version == 6:
        size = size or "64"
    elif "." not in size:  # a lease time
        return None
    try:
        return ip_network(f"{first}/{size}", strict=False)
    except ValueError:
        return None


def _full_mac(word: str) -> str:
    """dnsmasq takes a digit for two."""
    return ":".join(part.zfill(2) for part in word.lower().split(":"))
