"""The ledger's routes that are asked most, on the short way (`ipmanager.short`)."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import get_current_timezone

from ipam import allocate as verbs
from ipam import moment, shown
from ipam.addresses import parse_address
from ipam.models import IPAddress
from ipam.querysets import claim_sql
from ipmanager import pages, problems
from ipmanager.access import Right
from ipmanager.errors import IPManagerError
from ipmanager.rest import etag
from ipmanager.short import Caller, Route, said, sent

READ = Right("read", "ipam.view_ipaddress")
ALLOCATE = Right("allocate", "ipam.change_ipaddress")
_CLAIM = claim_sql(answer=f"SELECT {shown.COLUMNS} FROM claimed a JOIN subnets s ON s.id = a.subnet_id "
                          "LEFT JOIN hosts h ON false")  # fmt: skip


def address(request: HttpRequest, caller: Caller, key: str) -> HttpResponse | None:
    """GET ip-addresses/7/"""
    row = None if request.META.get("QUERY_STRING") else shown.one(int(key))
    return said(row, headers={"ETag": etag(row)}) if row else None


def addresses(request: HttpRequest, caller: Caller) -> HttpResponse | None:
    """GET ip-addresses/: a page by its number, or along the links."""
    asked = pages.asked(request.GET)
    return _page(request, asked) if asked else None


def _page(request: HttpRequest, asked: pages.Asked) -> HttpResponse | None:
    size, place, backwards = asked.size, asked.place, asked.backwards
    try:
        where = (parse_address(place.value), place.key) if place else None
    except ValueError:
        return None
    rows = shown.page(size + 1, where, backwards=backwards, offset=(asked.number - 1) * size)
    if asked.number > 1 and not rows:
        return None
    further, zone = len(rows) > size, get_current_timezone()
    results = [shown.shown(row, zone) for row in (rows[1:] if backwards and further else rows[:size])]
    count = place.count if place else moment.remembered("addresses", IPAddress.objects.count)

    def to(name: str, row: dict[str, Any]) -> str:
        return pages.link(request, name, pages.Place(row["ip_address"], row["id"], count).seal())

    previous: str | None = None
    following = to(pages.AFTER, results[-1]) if results and (further or backwards) else None
    if asked.number > 1:
        previous = pages.link(request, pages.PAGE, str(asked.number - 1))
    elif results and place and (further or not backwards):
        previous = to(pages.BEFORE, results[0])
    return said({"count": count, "next": following, "previous": previous, "results": results})


def next_free(request: HttpRequest, caller: Caller, key: str) -> HttpResponse | None:
    """POST subnets/7/next-free/: an address for a VM that has none yet, in one statement."""
    asked = sent(request, ("vm_id", "hostname", "mac_address"))
    if connection.vendor != "postgresql" or asked is None or not all(map(_is_plain, asked.values())):
        return None
    try:
        facts = verbs.facts(asked.get("vm_id"), asked.get("hostname") or "", asked.get("mac_address"))
        found = verbs.claim_at_once(_CLAIM, {**facts, "subnet": int(key), "user": caller.user})
    except (IPManagerError, ValidationError, IntegrityError):
        return None
    except problems.AWAY:  # whether it was done is not known: the long way might do it again
        status, body, headers = problems.database_away()
        return said(body, status, {**headers, "Content-Type": problems.CONTENT_TYPE})
    return said(shown.shown(found, get_current_timezone()), 201) if found else None


def _is_plain(text: Any) -> bool:
    return isinstance(text, str) and bool(text) and text == text.strip()


SHORT = [
    Route("GET", re.compile("/api/v1/ip-addresses/(?P<key>[0-9]{1,18})/", re.ASCII), READ, address),
    Route("GET", re.compile("/api/v1/ip-addresses/"), READ, addresses),
    Route("POST", re.compile("/api/v1/subnets/(?P<key>[0-9]{1,18})/next-free/", re.ASCII), ALLOCATE, next_free),
]
