"""The pages that hits lead to."""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import Any

from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from ipam.addresses import Address
from ipam.admin.marks import row_url
from ipam.models import Subnet

# The pages that show a row before one edits it, where the site has them.
_READ_FIRST: dict[type[Model], str] = {Subnet: "network"}


def page(name: str, *args: object, **query: Any) -> str:
    """The URL of a page of the admin, with those values of the query that say something."""
    return with_query(reverse(f"admin:{name}", args=args), **query)


def with_query(url: str, **query: Any) -> str:
    said = dict(filter(itemgetter(1), query.items()))
    return "?".join(filter(None, [url, urlencode(said)]))


def row_page(row: Model) -> str:
    name = _READ_FIRST.get(type(row), "")
    return page(name, row.pk) if _exists(name, 1) else row_url(row)


def list_page(model: type[Model], **query: Any) -> str:
    return page(f"{model._meta.app_label}_{model._meta.model_name}_changelist", **query)


def address_page(ip: Address) -> str:
    """The page of an address, whether it has a row or not."""
    if _exists("network_address", "192.0.2.1"):
        return page("network_address", ip)
    return page("ipam_ipaddress_changelist", q=ip)


@cache
def _exists(name: str, *args: object) -> bool:
    try:
        return bool(page(name, *args))
    except NoReverseMatch:
        return False
