"""The usage of a subnet on the fast path, on PostgreSQL, while the tree of all subnets is
remembered (`ipam.usage.measure.whole_tree`). Otherwise Django answers."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

from django.http import HttpRequest

from api.access import Right
from api.fastpath.response import FastResponse, json_response
from api.fastpath.route import DatabaseRow, FastQuery, FastRoute
from core.database import prepared, sql
from ipam.addresses import parse_address
from ipam.api.usage import of_subnet
from ipam.sql import cached_counts
from ipam.usage import history
from ipam.usage.measure import WHOLE, Lease, usage_in

_SQL = Path(__file__).parent.parent / "sql" / "postgresql" / "usage.sql"


def prepare_usage(request: HttpRequest, key: str) -> FastQuery | None:
    """The usage with the usual number of days; others go to Django."""
    if request.META.get("QUERY_STRING") or prepared.vendor() != "postgresql":
        return None
    number, since = int(key), history.since(history.DAYS)

    def render(rows: list[DatabaseRow]) -> FastResponse | None:
        return render_usage(number, rows[0])

    return FastQuery(sql.statement(_SQL), {"key": number, "since": since.isoformat()}, render)


def render_usage(key: int, row: DatabaseRow) -> FastResponse | None:
    vrf, state, leased, past = row
    tree = cached_counts.known(WHOLE, state)
    if tree is None or key not in tree.nodes:
        return None
    found = set()
    for text in (leased or "").split():
        address = parse_address(text)
        found.add(Lease((vrf, address.version), int(address)))
    days = []
    for day, *figures in json.loads(past or "[]"):
        days.append(history.day_of((date.fromisoformat(day), *figures)))
    return json_response(of_subnet(usage_in(tree, key, found), days))


ROUTES = [
    FastRoute(
        "GET",
        re.compile("/api/v1/subnets/(?P<key>[0-9]{1,18})/usage/", re.ASCII),
        Right("read", "ipam.view_subnet"),
        prepare_usage,
    )
]
