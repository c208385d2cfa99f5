"""Order and filter subnets and pools by their usage.

The figures are worked out from plain numbers, and the database gets them as one parameter: only the
rows of a page are loaded. A row that has nothing to hand out has no such figure."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from django.db.models import F, FloatField, Func, QuerySet
from django.db.models.expressions import OrderBy

from ipam.models import Pool, Subnet
from ipam.usage.measure import Share, Usage, usage_of_all, usage_of_all_pools

KINDS = ("static", "dhcp")
PARTS = ("total", "used", "free", "percent")
SUBNET_FIGURES = tuple(f"{kind}_{part}" for kind in KINDS for part in PARTS)
FIGURES = {Subnet: SUBNET_FIGURES, Pool: PARTS}


class Figure(Func):
    """A number of each row, looked up by the row's key."""

    output_field = FloatField()

    def __init__(self, name: str, numbers: Mapping[int, float]) -> None:
        super().__init__(F("pk"))
        self.name, self.numbers = name, numbers

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        key, params = compiler.compile(self.source_expressions[0])
        return f"((%s::jsonb ->> {key}::text)::double precision)", [
            json.dumps(self.numbers),
            *params,
        ]

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """A function of this connection, which the statement being compiled calls."""
        connection.ensure_connection()
        function = f"ipam_{self.name}"
        connection.connection.create_function(function, 1, self.numbers.get)
        key, params = compiler.compile(self.source_expressions[0])
        return f"{function}({key})", params


def with_figures(rows: QuerySet, names: set[str]) -> QuerySet:
    """The subnets or pools with these figures, to filter by."""
    if not names:
        return rows
    shares = _shares(rows.model)
    for name in sorted(names):
        rows = rows.annotate(**{name: Figure(name, _numbers(shares, name))})
    return rows


def by_figures(model: type[Subnet | Pool], ordering: Sequence[Any]) -> list[Any]:
    """The ordering with expressions in place of the names of figures; `-name` is descending. Rows
    without the figure come last."""
    shares, found = None, []
    for order in ordering:
        name = figure_of(model, order)
        if name:
            shares = shares or _shares(model)
            figure = Figure(name, _numbers(shares, name))
            order = OrderBy(figure, descending=order.startswith("-"), nulls_last=True)
        found.append(order)
    return found


def figure_of(model: type[Subnet | Pool], order: Any) -> str:
    """The figure that an entry of an ordering names; empty for everything else."""
    name = order.removeprefix("-") if isinstance(order, str) else ""
    return name if name in FIGURES[model] else ""


def fullest(number: int) -> list[tuple[Subnet, Usage]]:
    """The subnets with the smallest part left, static or DHCP: first those whose static addresses
    have run out. Subnets that nobody uses are left out."""
    ranked = []
    for key, used in usage_of_all().items():
        if used.static.used or used.dhcp.used:
            left = min(used.static.left, used.dhcp.left)
            ranked.append((left, used.static.left, used.static.free, key, used))
    first = heapq.nsmallest(number, ranked, key=itemgetter(0, 1, 2, 3))
    subnets = Subnet.objects.select_related("vrf").in_bulk(list(map(itemgetter(3), first)))
    found = []
    for *_rank, key, used in first:
        if key in subnets:
            found.append((subnets[key], used))
    return found


def _shares(model: Any) -> dict[str, dict[int, Share]]:
    """The shares of all rows by their kind; those of pools have no kind."""
    if model is Pool:
        return {"": usage_of_all_pools()}
    shares: dict[str, dict[int, Share]] = {"static": {}, "dhcp": {}}
    for key, used in usage_of_all().items():
        shares["static"][key], shares["dhcp"][key] = used.static, used.dhcp
    return shares


def _numbers(shares: dict[str, dict[int, Share]], name: str) -> dict[int, float]:
    kind, _, part = name.rpartition("_")
    found = {}
    for key, share in shares[kind].items():
        if share.total:
            found[key] = float(getattr(share, part))
    return found
