"""Subnets that share a wire, and the interface of dnsmasq's host on that wire.

dnsmasq gives a subnet of `shared-network=` out on every interface that it has, with the wrong
router and to strangers too, unless its ranges name one: `dhcp-range=tag:eth1,set:s12,...`. So while
a dnsmasq has other wires, a shared one must know its interface. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import filterfalse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dhcp.models import DhcpScope

ANY = "*"  # every interface: dnsmasq has one only, or a relay asks
# No name of a tag of ours or of dnsmasq's own; at most 15 characters (IFNAMSIZ, netdevice(7)).
_INTERFACE = re.compile(r"(?!known$|s[0-9]+$)[A-Za-z0-9][A-Za-z0-9._-]{0,14}")


def is_interface(name: str) -> bool:
    return name == ANY or _INTERFACE.fullmatch(name) is not None


def interface_of(scope: DhcpScope) -> str:
    """Its own, or that of the scope whose wire it shares; empty where nobody knows. Costs no query
    for a served() row."""
    if scope.interface or scope.wire is None:
        return scope.interface
    there = getattr(scope.wire, "dhcp_scope", None)
    if there is None:
        return ""
    return str(there.interface)


def crossing(scopes: Iterable[DhcpScope]) -> list[DhcpScope]:
    """Of one DHCP server's scopes those that share a wire while the server has other ones."""
    mine = list(scopes)
    roots: dict[int, set[int]] = defaultdict(set)  # the first subnet of each wire, by IP version
    for scope in mine:
        roots[_version(scope)].add(_root(scope))
    return [scope for scope in mine if scope.wire_id and len(roots[_version(scope)]) > 1]


def unknown(scopes: Iterable[DhcpScope]) -> list[DhcpScope]:
    """Of those the ones whose interface is not known: they are not served."""
    return list(filterfalse(interface_of, crossing(scopes)))


def _root(scope: DhcpScope) -> int:
    return scope.wire_id or scope.subnet_id


def _version(scope: DhcpScope) -> int:
    return int(scope.subnet.network.version)
