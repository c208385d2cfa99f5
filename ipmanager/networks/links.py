"""The addresses of these pages, and of forms that begin with what they show."""

from __future__ import annotations

import functools
from typing import Any

from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.http import urlencode

from ipam.addresses import Network


def page(view: str, *args: object, **query: Any) -> str:
    """A page of the admin; what is None is left out of its query."""
    url = _path(f"admin:{view}", args, get_urlconf(), get_script_prefix())
    return with_query(url, **query)


@functools.lru_cache(maxsize=10_000)
def _path(view: str, args: tuple[object, ...], *_where: str | None) -> str:
    """A map has hundreds of links, and `reverse` takes longer than the rest of a link."""
    return reverse(view, args=args)


def with_query(url: str, **query: Any) -> str:
    given = {name: str(value) for name, value in query.items() if value is not None}
    if not given:
        return url
    return f"{url}?{urlencode(given)}"


def address_url(ip: object, vrf_id: int | None) -> str:
    """The page of an address."""
    return page("network_address", ip, vrf=vrf_id)


def create_url(network: Network, vrf_id: int | None) -> str:
    """The form of a new subnet with this network."""
    return page("ipam_subnet_add", network=network, vrf=vrf_id)
