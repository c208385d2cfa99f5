"""The pages that hits lead to."""

from __future__ import annotations

from functools import cache

from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from ipam.addresses import Address
from ipam.admin.marks import change_url
from ipam.models import Subnet


def page(name: str, *args: object, **query: object) -> str:
    """The URL of a page of the admin."""
    url = reverse(f"admin:{name}", args=args)
    return f"{url}?{urlencode(query)}" if query else url


def row_page(row: Model) -> str:
    """The page of a row; that of a subnet shows it before it is edited."""
    if isinstance(row, Subnet) and _exists("network", 1):
        return page("network", row.pk)
    return change_url(row)


def list_page(model: type[Model], **query: object) -> str:
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
