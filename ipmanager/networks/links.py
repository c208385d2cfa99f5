"""The addresses of these pages, and of forms that begin with what they show."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from ipam.addresses import Network


def page(view: str, *args: object, **query: Any) -> str:
    """A page of the admin; what is None is left out of its query."""
    url = reverse(f"admin:{view}", args=args)
    return with_query(url, **query)


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
