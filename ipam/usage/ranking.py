"""Order and filter subnets and pools by their usage.

The figures are worked out from plain numbers, and the database gets them as one parameter: only the
rows of a page are loaded. A row that has nothing to hand out has no such figure."""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
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
    return rows.annotate(**{name: Figure(name, _numbers(shares, name)) for name in sorted(names)})


def by_figures(model: type[Subnet | Pool], ordering: Sequence[Any]) -> list[Any]:
    """The ordering with expressions in place of the names of figures; `-name` is descending. Rows
    without the figure come last."""
    if not any(figure_of(model, order) for order in ordering):
        return list(ordering)
    shares, found = _shares(model), []
    for order in ordering:
        if name := figure_of(model, order):
            figure = Figure(name, _numbers(shares, name))
            found.append(OrderBy(figure, descending=order.startswith("-"), nulls_last=True))
        else:
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
    first = heapq.nsmallest(number, ranked, key=lambda line: line[:4])
    keys = [line[3] for line in first]
    subnets = Subnet.objects.select_related("vrf").in_bulk(keys)
    return [(subnets[line[3]], line[4]) for line in first if line[3] in subnets]


def _shares(model: Any) -> dict[str, dict[int, Share]]:
    """The shares of all rows by their kind; those of pools have no kind."""
    if model is Pool:
        return {"": usage_of_all_pools()}
    used = usage_of_all()
    return {kind: {key: getattr(found, kind) for key, found in used.items()} for kind in KINDS}


def _numbers(shares: dict[str, dict[int, Share]], name: str) -> dict[int, float]:
    kind, _, part = name.rpartition("_")
    found = {}
    for key, share in shares[kind].items():
        if share.total:
            found[key] = float(getattr(share, part))
    return found
