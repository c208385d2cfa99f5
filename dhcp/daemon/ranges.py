"""The networks that a running dnsmasq serves by its own configuration, whoever has written it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from dhcp.daemon import process
from dhcp.daemon.process import Daemon
from dhcp.files.targets import Target
from ipam.addresses import Address, Network


def served_networks(target: Target) -> frozenset[Network]:
    """Those of every `dhcp-range`. Empty where the process cannot be seen from here."""
    if found := _daemon(target):
        return frozenset(_networks(found))
    return frozenset()


def _daemon(target: Target) -> Daemon | None:
    found = process.find(target)
    if found is None or target.reload.startswith("pidfile"):
        return found
    return found if found.reads(target.hosts, "dhcp-hostsfile") else None


def _networks(daemon: Daemon) -> Iterator[Network]:
    for option in daemon.values("dhcp-range"):
        if found := _network(list(map(str.strip, option.value.split(",")))):
            yield found


def _network(words: list[str]) -> Network | None:
    """The network around a range: by its netmask or prefix length, or else the smallest one with
    its first and last address."""
    addresses: list[Address] = list(filter(None, map(_address, words)))
    if not addresses:
        return None
    first = addresses[0]
    for size in (*map(str, addresses[1:]), *filter(str.isdecimal, words)):
        try:
            return ip_network(f"{first}/{size}", strict=False)
        except ValueError:
            continue  # the last address, or a lease time in seconds
    last = max(addresses, key=int)
    length = first.max_prefixlen - (int(first) ^ int(last)).bit_length()
    return ip_network(f"{first}/{length}", strict=False)


def _address(word: str) -> Address | None:
    try:
        return ip_address(word)
    except ValueError:
        return None
