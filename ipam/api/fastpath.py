"""The ledger's routes that are asked most, on the short way (`api.fastpath.routes`)."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpRequest
from django.utils.timezone import get_default_timezone
from django.utils.translation import get_language_from_request, override

from api import pagination, problems
from api.access import Right
from api.fastpath.routes import Question, Route, Row, Told, said, sent
from api.resources import etag
from core import prepared
from core.errors import IPManagerError
from ipam import allocate as verbs
from ipam.addresses import parse_address
from ipam.api import address_json
from ipam.fields import AddressField
from ipam.models import IPAddress
from ipam.placement import pool_rows
from ipam.querysets import claim_sql
from ipam.sql import cached_counts

READ = Right("read", "ipam.view_ipaddress")
ALLOCATE = Right("allocate", "ipam.change_ipaddress")
BY_CALLER = {
    "by": "(SELECT id FROM caller)",
    "only": " AND EXISTS (SELECT FROM caller)",
    "within": "",
}
# Whose chunk of rows it came from; `settle.keep_ahead` wants to know.
POOL = """(claimed a JOIN subnets s ON s.id = a.subnet_id
    LEFT JOIN pools p ON p.subnet_id = s.id AND p.kind = 'static' AND a.ip_address BETWEEN p.first AND p.last)"""
_CLAIM = claim_sql(
    **BY_CALLER,
    answer=f"SELECT caller.*, p.id, p.materialised_to - a.ip_address, {address_json.NOBODYS} FROM caller, {POOL}",
)


def address(request: HttpRequest, key: str) -> Question | None:
    """GET ip-addresses/7/"""

    def tell(rows: list[Row]) -> Told:
        row = address_json.shown(rows[0], get_default_timezone())
        return said(row, headers={"ETag": etag(row)})

    return (
        None
        if request.META.get("QUERY_STRING")
        else Question(address_json.ONE, {"key": int(key)}, tell)
    )


def addresses(request: HttpRequest) -> Question | None:
    """GET ip-addresses/: a page by its number, or along the links."""
    asked = pagination.asked(request.GET)
    if not asked:
        return None
    params: dict[str, Any] = {"size": asked.size + 1, "offset": (asked.number - 1) * asked.size}
    if asked.place:
        try:
            beyond = AddressField().get_db_prep_value(parse_address(asked.place.value), connection)
        except ValueError:
            return None
        params |= {"address": beyond, "id": asked.place.key}
    counted = (
        f"({cached_counts.NOW})"
        if prepared.vendor() == "postgresql" and not asked.place
        else "NULL"
    )
    sql = address_json.page(
        prepared.vendor(), more=counted, beyond=bool(asked.place), backwards=asked.backwards
    )
    return Question(
        sql, params, lambda rows: said(_page(request, asked, rows[0][0], [row[1:] for row in rows]))
    )


def _page(
    request: HttpRequest, asked: pagination.Asked, now: int | None, rows: list[Row]
) -> dict[str, Any]:
    size, place, backwards = asked.size, asked.place, asked.backwards
    further, zone = len(rows) > size, get_default_timezone()
    results = [
        address_json.shown(row, zone)
        for row in (rows[1:] if backwards and further else rows[:size])
    ]
    count = (
        place.count
        if place
        else cached_counts.remembered("addresses", IPAddress.objects.count, now)
    )

    def to(name: str, row: dict[str, Any]) -> str:
        return pagination.link(
            request, name, pagination.Place(row["ip_address"], row["id"], count).seal()
        )

    previous: str | None = None
    following = to(pagination.AFTER, results[-1]) if further or backwards else None
    if asked.number > 1:
        previous = pagination.link(request, pagination.PAGE, str(asked.number - 1))
    elif place and (further or not backwards):
        previous = to(pagination.BEFORE, results[0])
    return {"count": count, "next": following, "previous": previous, "results": results}


def next_free(request: HttpRequest, key: str) -> Question | None:
    """POST subnets/7/next-free/: an address for a VM that has none yet."""
    asked = sent(request, ("vm_id", "hostname", "mac_address"))
    if (
        prepared.vendor() != "postgresql"
        or asked is None
        or not all(map(_is_plain, asked.values()))
    ):
        return None
    try:
        facts = verbs.facts(
            asked.get("vm_id"), asked.get("hostname") or "", asked.get("mac_address")
        )
    except (IPManagerError, ValidationError):
        return None

    def lost() -> Told:  # the long way might give it a second address
        with override(get_language_from_request(request)):
            status, body, headers = problems.database_away()
        return said(body, status, {**headers, "Content-Type": problems.CONTENT_TYPE})

    def tell(rows: list[Row]) -> Told:
        pool, left, *row = rows[0]
        given = address_json.shown(tuple(row), get_default_timezone())
        pool_rows.keep_ahead(pool, given["ip_address"], left)
        return said(given, 201)

    return Question(_CLAIM, {**facts, "subnet": int(key)}, tell, repeat="vm_id" in asked, lost=lost)


def _is_plain(text: Any) -> bool:
    return isinstance(text, str) and bool(text) and text == text.strip()


SHORT = [
    Route("GET", re.compile("/api/v1/ip-addresses/(?P<key>[0-9]{1,18})/", re.ASCII), READ, address),
    Route("GET", re.compile("/api/v1/ip-addresses/"), READ, addresses),
    Route(
        "POST",
        re.compile("/api/v1/subnets/(?P<key>[0-9]{1,18})/next-free/", re.ASCII),
        ALLOCATE,
        next_free,
    ),
]
