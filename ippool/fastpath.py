"""The routes of the pool that are asked most, on the fast path (`api.fastpath`)."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from api.access import Right
from api.fastpath.request import json_object
from api.fastpath.response import FastResponse, json_response
from api.fastpath.route import DatabaseRow, FastQuery, FastRoute
from core.database import prepared
from core.errors import Invalid
from core.logs import REQUEST
from ipam import allocate as verbs
from ipam.addresses import Network
from ipam.api.address_json import address_text
from ipam.api.fastpath import CLAIMED, TAKEN, create_rows_ahead
from ipam.fields import NetworkField
from ipam.querysets import claim_for_caller, claim_on_sqlite
from ipam.sql import cached_counts
from ippool import api
from ippool import pool as vmpool

ALLOCATE = Right("allocate", "ipam.change_ipaddress")
_CLAIM = {
    "postgresql": (
        claim_for_caller(
            subnet="(SELECT id FROM subnets WHERE network = %(network)s::cidr AND vrf_id IS NULL)",
            answer=f"""SELECT caller.*, p.id, p.materialised_to - a.ip_address, a.ip_address,
                s.gateway FROM caller, {CLAIMED}""",
        ),
    ),
    "sqlite": claim_on_sqlite(
        subnet="(SELECT id FROM subnets WHERE network = %(network)s AND vrf_id IS NULL)",
        answer=f"SELECT p.id, p.materialised_to, a.ip_address, s.gateway FROM {TAKEN}",
    ),
}
_SHOW = """
SELECT caller.*, ip_address, hostname FROM caller, ip_addresses
WHERE vm_id = %(vm_id)s AND vrf_id IS NULL AND ip_address BETWEEN %(first)s AND %(last)s
"""
_STATS = {
    "postgresql": f"SELECT caller.*, ({cached_counts.NOW}) FROM caller",
    "sqlite": "SELECT caller.*, NULL FROM caller",
}


def cors() -> dict[str, str]:
    """As `api.allows_origins`; the fast path answers a guarded pool only with a token."""
    return {} if api.is_open() else {"Access-Control-Allow-Origin": "*"}


@dataclass(frozen=True, slots=True)
class Allocation:
    """What the response repeats of the request."""

    vm_id: str
    hostname: str | None
    network: str

    def render(self, rows: list[DatabaseRow]) -> FastResponse:
        pool, left, address, gateway = rows[0]
        ip = address_text(address)
        create_rows_ahead(pool, ip, left)
        body = {
            "ip": ip,
            "vm_id": self.vm_id,
            "gateway": address_text(gateway) or "",
            "network": self.network,
        }
        if self.hostname is not None:
            body["hostname"] = self.hostname
        return json_response(body, 201, cors())


def prepare_allocate(request: HttpRequest) -> FastQuery | None:
    """An address for a VM that has none yet. Repeatable: a VM has one address."""
    asked = json_object(request, ("vm_id", "hostname"))
    if asked is None or settings.ASK_BEFORE_HANDOUT:
        return None
    if int(request.META.get("CONTENT_LENGTH") or 0) > api.LARGEST_BODY:
        return None
    try:
        vm_id, hostname = api.vm_and_hostname(asked)
        facts = verbs.facts(vm_id, hostname or "", None)
    except Invalid:
        return None
    network = settings.POOL_NETWORK
    render = Allocation(vm_id, hostname, str(network)).render
    claim, *then = _CLAIM[prepared.vendor()]
    params = {
        **facts,
        "network": _network_value(network),
        "answered": settings.SKIP_ANSWERED,
        "change": REQUEST.get(),
    }
    return FastQuery(claim, params, render, then=tuple(then))


@cache
def _network_value(network: Network) -> Any:
    """The network as a parameter of a statement."""
    return NetworkField().get_db_prep_value(network, connection)


def prepare_show(request: HttpRequest, vm_id: str) -> FastQuery | None:
    if not verbs.is_safe(vm_id):
        return None

    def render(rows: list[DatabaseRow]) -> FastResponse:
        ip, hostname = rows[0]
        return json_response(api.shown(address_text(ip), vm_id, hostname), headers=cors())

    first, last = vmpool.ends(settings.POOL_NETWORK)
    return FastQuery(_SHOW, {"vm_id": vm_id, "first": first, "last": last}, render)


def prepare_stats(request: HttpRequest) -> FastQuery:
    def render(rows: list[DatabaseRow]) -> FastResponse:
        key, state = ("pool", settings.POOL_NETWORK), rows[0][0]
        stats: Any = cached_counts.remembered(key, lambda: api.stats(request)[1], state)
        return json_response(stats, headers=cors())

    return FastQuery(_STATS[prepared.vendor()], {}, render)


_FIXED = r"(?:allocate|allocations|stats)\Z|release/|release-by-ip/"
ROUTES = [
    FastRoute("POST", re.compile("/api/v1/ip/allocate"), ALLOCATE, prepare_allocate, api.is_open),
    FastRoute("GET", re.compile("/api/v1/ip/stats"), ALLOCATE, prepare_stats, api.is_open),
    FastRoute(
        "GET",
        re.compile(f"/api/v1/ip/(?!{_FIXED})(?P<vm_id>.+)"),
        ALLOCATE,
        prepare_show,
        api.is_open,
    ),
]
