"""Where a webhook may go: a URL that is plain, and addresses that are public.

Names are resolved here, all of their addresses are checked, and the connection is made to an
address that was checked. So a name that resolves to something else a moment later leads nowhere."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST = 2000  # characters of a URL
RESOLVE_TIMEOUT = 5.0
_PORTS = {"http": 80, "https": 443}
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

# Everything that is not public. Written out, because Python's own list differs by version.
_NOT_PUBLIC_4 = (
    ipaddress.IPv4Network("0.0.0.0/8"),  # this host
    ipaddress.IPv4Network("10.0.0.0/8"),
    ipaddress.IPv4Network("100.64.0.0/10"),  # behind a provider's NAT
    ipaddress.IPv4Network("127.0.0.0/8"),
    ipaddress.IPv4Network("169.254.0.0/16"),  # link-local; the metadata of clouds
    ipaddress.IPv4Network("172.16.0.0/12"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.0.2.0/24"),  # documentation
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4
    ipaddress.IPv4Network("192.168.0.0/16"),
    ipaddress.IPv4Network("198.18.0.0/15"),  # benchmarks
    ipaddress.IPv4Network("198.51.100.0/24"),
    ipaddress.IPv4Network("203.0.113.0/24"),
    ipaddress.IPv4Network("224.0.0.0/4"),  # multicast
    ipaddress.IPv4Network("240.0.0.0/4"),  # reserved, and broadcast
)
# Only this part of IPv6 is public. All forms that contain an IPv4 address lie outside of it, but
# for 6to4 and Teredo: ::ffff:0:0/96, ::/96, 64:ff9b::/96.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6 = (
    ipaddress.IPv6Network("2001::/23"),  # Teredo, ORCHID, benchmarks
    ipaddress.IPv6Network("2001:db8::/32"),  # documentation
    ipaddress.IPv6Network("2002::/16"),  # 6to4
    ipaddress.IPv6Network("3fff::/20"),  # documentation
)


class Refused(Exception):
    """A URL that no webhook may have, or an address that none may go to; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart. `host` is a name in ASCII without a final dot, or an address."""

    scheme: str
    host: str
    port: int
    path: str  # with the query

    @property
    def literal(self) -> Address | None:
        """The host, if it is an address."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def host_port(self) -> str:
        """HOST:PORT, as for the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port == _PORTS[self.scheme]:
            return host
        return f"{host}:{self.port}"


def parse(url: str) -> Target:
    """Take a URL apart. Raises Refused."""
    _refuse(not 0 < len(url) <= LONGEST, _("A URL has 1 to %d characters.") % LONGEST)
    _refuse(
        any(map(_is_stray, url)),
        _("The URL contains a blank, a control character, “\\” or “#”."),
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(_("This is not a URL.")) from None
    _refuse(parts.scheme not in _PORTS, _("The URL does not start with http:// or https://."))
    _refuse("@" in parts.netloc, _("The URL contains a user name or a password."))
    _refuse(port == 0, _("The port is 0."))
    path = parts.path or "/"
    if parts.query:
        path += f"?{parts.query}"
    _refuse(
        not _PRINTABLE.fullmatch(path),
        _("Behind the host, a URL is ASCII: write other characters as %XX."),
    )
    host = _host(parts.hostname or "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def _refuse(is_wrong: bool, text: str) -> None:
    if is_wrong:
        raise Refused(text)


def resolve(target: Target) -> list[Address]:
    """The addresses of the host, all of them allowed. Raises Refused, or OSError when the name
    cannot be resolved."""
    literal = target.literal
    found = [literal] if literal else _look_up(target)
    check(found)
    return found


def check(addresses: Iterable[Address]) -> None:
    """Raises Refused when one of the addresses is neither public nor allowed by the setting."""
    for address in addresses:
        if not (is_public(address) or _is_in(address, settings.WEBHOOK_ALLOW)):
            text = _("%s is not a public address, and IPMANAGER_WEBHOOK_ALLOW does not list it.")
            raise Refused(text % address)


def is_public(address: Address) -> bool:
    """Whether the address is one of the public Internet, and no disguise of another one."""
    if isinstance(address, ipaddress.IPv4Address):
        return not _is_in(address, _NOT_PUBLIC_4)
    if address.scope_id or address not in _PUBLIC_6:
        return False
    return not _is_in(address, _NOT_PUBLIC_6)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _is_stray(character: str) -> bool:
    return character in "\\#" or character.isspace() or not character.isprintable()


def _host(text: str) -> str:
    """The host in its plain form. Raises Refused for what only looks like a name."""
    if ":" in text:
        return _ipv6(text)
    try:
        # Wide digits and dots become plain ones here, so what follows sees what is meant.
        host = text.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise Refused(_("The host is not a name.")) from None
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise Refused(_("The host is not a name."))
    return host


def _ipv4(text: str) -> str:
    """Only the form 192.0.2.1: others, as 0x7f.1 or 2130706433, hide which address is meant."""
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise Refused(_("Write the address as four decimal numbers.")) from None


def _ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise Refused(_("The host is not an IPv6 address.")) from None
    if address.scope_id:
        raise Refused(_("The address names an interface."))
    return str(address)


def _look_up(target: Target) -> list[Address]:
    """Ask the resolver, which knows no time limit, in a thread that is left when it is late."""
    answers: list[list[Address]] = []
    thread = threading.Thread(target=_ask, args=(target, answers), daemon=True, name="resolve")
    thread.start()
    thread.join(RESOLVE_TIMEOUT)
    if thread.is_alive():
        raise TimeoutError(f"{target.host} was not resolved within {RESOLVE_TIMEOUT:g} s")
    if not answers or not answers[0]:
        raise OSError(f"{target.host} cannot be resolved")
    return answers[0]


def _ask(target: Target, answers: list[list[Address]]) -> None:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    texts = dict.fromkeys(str(entry[4][0]) for entry in found)
    answers.append(list(map(ipaddress.ip_address, texts)))
