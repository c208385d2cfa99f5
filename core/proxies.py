"""The client's address behind proxies: forwarded headers count only from a trusted proxy."""

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.env import Address

# Some proxies append the port.
_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d+)?\Z|([0-9.]+):\d+\Z", re.ASCII)


class TrustedProxies:
    """Middleware: put the client's address and scheme into REMOTE_ADDR and wsgi.url_scheme.

    X-Forwarded-For and X-Forwarded-Proto are ignored unless a trusted proxy sent them: anyone can
    write them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        apply_forwarded(request.META)
        return self.get_response(request)


def apply_forwarded(meta: dict[str, Any]) -> None:
    """Apply the forwarded headers of a trusted proxy to a WSGI environ."""
    caller = parse(meta.get("REMOTE_ADDR", ""))
    if caller is None or not is_trusted(caller):
        return
    meta["REMOTE_ADDR"] = str(client_behind(caller, meta.get("HTTP_X_FORWARDED_FOR", "")))
    scheme = meta.get("HTTP_X_FORWARDED_PROTO")
    if scheme in ("http", "https"):
        meta["wsgi.url_scheme"] = scheme


def client_address(request: HttpRequest) -> str:
    """The client's address, after TrustedProxies; empty on a Unix socket."""
    return str(parse(request.META.get("REMOTE_ADDR", "")) or "")


def client_network(request: HttpRequest) -> str:
    """The client's address; of IPv6 its /64, because a host there can use all of it. Empty on a
    Unix socket."""
    text = client_address(request)
    return source_network(text) if text else ""


def source_network(address: str) -> str:
    """An IPv4 address as it is; of an IPv6 address its /64."""
    if ipaddress.ip_address(address).version == 4:
        return address
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))


def client_behind(proxy: Address, forwarded: str) -> Address:
    """The right-most untrusted hop; the last trusted proxy if the next hop cannot be parsed.

    Each proxy appends the address that it saw, so everything left of the first untrusted hop may be
    forged."""
    client = proxy
    for hop in reversed(forwarded.split(",")):
        address = parse(_PORT.sub(r"\1\2", hop.strip()))
        if address is None:
            break
        client = address
        if not is_trusted(address):
            break
    return client


def is_trusted(address: Address) -> bool:
    """Whether IPMANAGER_TRUSTED_PROXIES lists this address."""
    return any(address in network for network in settings.TRUSTED_PROXIES)


@lru_cache(1024)
def parse(text: str) -> Address | None:
    """The address in one hop, or None. ::ffff:192.0.2.1, from a dual-stack socket, is IPv4."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
