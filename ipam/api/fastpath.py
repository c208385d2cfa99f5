"""The routes of the ledger that are asked most, on the fast path (`api.fastpath`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpRequest
from django.utils.timezone import get_default_timezone

from api import pagination, problems
from api.access import Right
from api.fastpath.request import json_object
from api.fastpath.response import FastResponse, json_response, problem_response
from api.fastpath.route import DatabaseRow, FastQuery, FastRoute
from api.resources import etag
from core.database import prepared
from core.errors import IPManagerError
from core.logs import REQUEST
from ipam import allocate as verbs
from ipam import available_prefix, search
from ipam.addresses import parse_address, parse_mac
from ipam.api import address_json, search_sql
from ipam.fields import AddressField, unpack
from ipam.models import IPAddress
from ipam.placement import pool_rows
from ipam.querysets import claim_for_caller, claim_on_sqlite
from ipam.sql import cached_counts

READ = Right("read", "ipam.view_ipaddress")
READ_SUBNET = Right("read", "ipam.view_subnet")
_LONGEST = {"q": 200, "mac": 64}  # characters of the filters that search
_LENGTH = re.compile("length=([1-9][0-9]{0,2})", re.ASCII)
_OCCUPIED = (
    available_prefix.occupied("postgresql")
    .replace("SELECT s.network", "SELECT caller.*, s.network", 1)
    .replace("FROM subnets s WHERE s.id", "FROM caller, subnets s WHERE s.id")
)
ALLOCATE = Right("allocate", "ipam.change_ipaddress")
# The pool whose row was claimed; `pool_rows.create_rows_ahead` needs it.
_POOL = """JOIN subnets s ON s.id = a.subnet_id
    LEFT JOIN pools p ON p.subnet_id = s.id AND p.kind = 'static'
        AND a.ip_address BETWEEN p.first AND p.last"""
CLAIMED = f"(claimed a {_POOL})"
TAKEN = f"ip_addresses a {_POOL} WHERE a.id = %(chosen)s"  # on SQLite
_CLAIM = {
    "postgresql": (
        claim_for_caller(
            answer=f"""SELECT caller.*, p.id, p.materialised_to - a.ip_address,
                {address_json.COLUMNS_WITHOUT_SERVER} FROM caller, {CLAIMED}"""
        ),
    ),
    "sqlite": claim_on_sqlite(
        answer=f"""SELECT p.id, p.materialised_to,
            {address_json.COLUMNS_WITHOUT_SERVER} FROM {TAKEN}"""
    ),
}


# --- GET ip-addresses/7/ --------------------------------------------------------------------------


def prepare_address(request: HttpRequest, key: str) -> FastQuery | None:
    """One address row. `fields=` goes to Django."""
    if request.META.get("QUERY_STRING"):
        return None
    return FastQuery(address_json.ONE, {"key": int(key)}, render_address)


def render_address(rows: list[DatabaseRow]) -> FastResponse:
    row = address_json.from_columns(rows[0], get_default_timezone())
    return json_response(row, headers={"ETag": etag(row)})


# --- GET ip-addresses/ ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddressPage:
    """The page that a request asks for, made from one row more than it shows."""

    request: HttpRequest
    asked: pagination.RequestedPage

    def render(self, rows: list[DatabaseRow]) -> FastResponse:
        """The first column is the ledger's state, by which the count is remembered."""
        asked = self.asked
        found, further = [row[1:] for row in rows], len(rows) > asked.size
        shown = found[: asked.size]
        if asked.backwards and further:
            shown = found[1:]
        zone = get_default_timezone()
        results = [address_json.from_columns(row, zone) for row in shown]
        count = self.count(rows[0][0])
        body = {
            "count": count,
            "next": self.next_link(results, count, further),
            "previous": self.previous_link(results, count, further),
            "results": results,
        }
        return json_response(body)

    def count(self, state: int | None) -> int:
        """How many rows there are; the links carry it along."""
        if self.asked.cursor:
            return self.asked.cursor.count
        return cached_counts.remembered("addresses", IPAddress.objects.count, state)

    def next_link(self, results: list[dict[str, Any]], count: int, further: bool) -> str | None:
        if further or self.asked.backwards:
            return self.link(pagination.AFTER, results[-1], count)
        return None

    def previous_link(self, results: list[dict[str, Any]], count: int, further: bool) -> str | None:
        if self.asked.number > 1:
            return pagination.page_link(self.request, pagination.PAGE, str(self.asked.number - 1))
        if self.asked.cursor and (further or not self.asked.backwards):
            return self.link(pagination.BEFORE, results[0], count)
        return None

    def link(self, name: str, row: dict[str, Any], count: int) -> str:
        cursor = pagination.Cursor(row["ip_address"], row["id"], count)
        return pagination.page_link(self.request, name, cursor.encode())


@dataclass(frozen=True, slots=True)
class FoundPage(AddressPage):
    """The first page of what a search finds."""

    def count(self, state: int | None) -> int:
        """The first column of each row."""
        return state or 0


def prepare_search(request: HttpRequest, name: str) -> FastQuery | None:
    """The first page of the addresses that `q` or `mac` finds, on PostgreSQL."""
    rest = request.GET.copy()
    texts = rest.pop(name)
    asked, text = pagination.requested_page(rest), texts[0].strip()
    if prepared.vendor() != "postgresql" or len(texts) > 1 or not asked:
        return None
    if asked.cursor or asked.number > 1 or not 0 < len(text) <= _LONGEST[name]:
        return None
    try:
        term = search.meaning(text) if name == "q" else search.SearchTerm(mac=parse_mac(text))
    except ValueError:
        return None
    if term is None:
        return None
    render = FoundPage(request, asked).render

    def render_found(rows: list[DatabaseRow]) -> FastResponse:
        found = [row for row in rows if row[1] is not None]
        if not found:
            return json_response({"count": 0, "next": None, "previous": None, "results": []})
        return render(found)

    return FastQuery(*search_sql.page(term, asked.size + 1), render_found)


def prepare_addresses(request: HttpRequest) -> FastQuery | None:
    """A page by its number, or along the links, or of a search."""
    for name in _LONGEST:
        if name in request.GET:
            return prepare_search(request, name)
    asked = pagination.requested_page(request.GET)
    if not asked:
        return None
    params: dict[str, Any] = {"size": asked.size + 1, "offset": (asked.number - 1) * asked.size}
    if asked.cursor:
        try:
            address = parse_address(asked.cursor.value)
        except ValueError:
            return None
        params["address"] = AddressField().get_db_prep_value(address, connection)
        params["id"] = asked.cursor.key
    vendor, state = prepared.vendor(), "NULL"
    if vendor == "postgresql" and not asked.cursor:
        state = f"({cached_counts.NOW})"
    sql = address_json.page(
        vendor, more=state, beyond=bool(asked.cursor), backwards=asked.backwards
    )
    return FastQuery(sql, params, AddressPage(request, asked).render)


# --- POST subnets/7/next-free/ --------------------------------------------------------------------


def prepare_next_free(request: HttpRequest, key: str) -> FastQuery | None:
    """An address for a VM that has none yet. One with a MAC address goes to Django, because DHCP is
    to serve it; so does one that is asked for an answer before."""
    asked = json_object(request, ("vm_id", "hostname"))
    if (
        asked is None
        or settings.ASK_BEFORE_HANDOUT
        or not all(map(_is_trimmed_text, asked.values()))
    ):
        return None
    vm_id, hostname = asked.get("vm_id"), asked.get("hostname", "")
    try:
        facts = verbs.facts(vm_id, hostname, None)
    except (IPManagerError, ValidationError):
        return None
    outcome_unknown = None
    if vm_id is None:  # a repeat would allocate a second address
        outcome_unknown = partial(problem_response, request, problems.database_unavailable)
    claim, *then = _CLAIM[prepared.vendor()]
    params = {
        **facts,
        "subnet": int(key),
        "answered": settings.SKIP_ANSWERED,
        "change": REQUEST.get(),
    }
    return FastQuery(claim, params, render_next_free, outcome_unknown, tuple(then))


def render_next_free(rows: list[DatabaseRow]) -> FastResponse:
    pool, left, *columns = rows[0]
    row = address_json.from_columns(tuple(columns), get_default_timezone())
    create_rows_ahead(pool, row["ip_address"], left)
    return json_response(row, 201)


def create_rows_ahead(pool: int | None, given: str, left: Any) -> None:
    """Create the pool's next rows when few are left: how many lie between the address given and the
    mark of the pool's walk, or on SQLite the mark itself."""
    if isinstance(left, bytes):
        left = int(unpack(left)) - int(parse_address(given))
    pool_rows.create_rows_ahead(pool, given, left)


# --- GET subnets/7/next-free-subnet/ --------------------------------------------------------------


def prepare_next_free_subnet(request: HttpRequest, key: str) -> FastQuery | None:
    """The next available network of a length, on PostgreSQL. Django says why there is none."""
    asked = _LENGTH.fullmatch(request.META.get("QUERY_STRING", ""))
    if prepared.vendor() != "postgresql" or asked is None:
        return None
    length = int(asked[1])

    def render(rows: list[DatabaseRow]) -> FastResponse | None:
        network = ip_network(rows[0][0])
        if not network.prefixlen < length <= network.max_prefixlen:
            return None
        found = available_prefix.first_available(network, length, rows[0][1:])
        if found is None:
            return None
        return json_response({"network": str(found)})

    return FastQuery(_OCCUPIED, {"key": int(key)}, render)


def _is_trimmed_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value == value.strip()


ROUTES = [
    FastRoute(
        "GET",
        re.compile("/api/v1/ip-addresses/(?P<key>[0-9]{1,18})/", re.ASCII),
        READ,
        prepare_address,
    ),
    FastRoute("GET", re.compile("/api/v1/ip-addresses/"), READ, prepare_addresses),
    FastRoute(
        "POST",
        re.compile("/api/v1/subnets/(?P<key>[0-9]{1,18})/next-free/", re.ASCII),
        ALLOCATE,
        prepare_next_free,
    ),
    FastRoute(
        "GET",
        re.compile("/api/v1/subnets/(?P<key>[0-9]{1,18})/next-free-subnet/", re.ASCII),
        READ_SUBNET,
        prepare_next_free_subnet,
    ),
]
