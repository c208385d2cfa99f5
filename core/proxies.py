"""Who is calling: forwarded headers count only when they come from a proxy that we trust."""

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.env import Address

_PORT = re.compile(
    r"\[([0-9a-fA-F:.]+)\](?::\d+)?\Z|([0-9.]+):\d+\Z", re.ASCII
)  # some proxies tell it, too


class TrustedProxies:
    """Put the client's own address and scheme where Django looks for them (REMOTE_ADDR,
    wsgi.url_scheme).

    Without a trusted proxy in front, X-Forwarded-For and X-Forwarded-Proto are words of a stranger:
    ignored."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        believe(request.META)
        return self.get_response(request)


def believe(meta: dict[str, Any]) -> None:
    """What a trusted proxy says of its client."""
    caller = parse(meta.get("REMOTE_ADDR", ""))
    if caller and is_trusted(caller):
        meta["REMOTE_ADDR"] = str(client_behind(caller, meta.get("HTTP_X_FORWARDED_FOR", "")))
        if meta.get("HTTP_X_FORWARDED_PROTO") in ("http", "https"):
            meta["wsgi.url_scheme"] = meta["HTTP_X_FORWARDED_PROTO"]


def client_address(request: HttpRequest) -> str:
    """The address that the request came from, after TrustedProxies has seen it; empty on a Unix
    socket."""
    return str(parse(request.META.get("REMOTE_ADDR", "")) or "")


def client_behind(proxy: Address, forwarded: str) -> Address:
    """The right-most hop that is no proxy of ours; the last proxy we believe when a hop is
    unreadable.

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
    """Is this one of the proxies that IPMANAGER_TRUSTED_PROXIES lists?"""
    return any(address in network for network in settings.TRUSTED_PROXIES)


@lru_cache(1024)
def parse(text: str) -> Address | None:
    """The address in one hop; IPv4 as seen by a dual-stack socket (::ffff:192.0.2.1) is IPv4."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
