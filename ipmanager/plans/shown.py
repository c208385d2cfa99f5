"""What will happen, for a page: only what its reader may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

from changes.log.rights import Reader
from changes.plans.told import Told
from changes.plans.verb import Plan
from changes.undo.kinds import references
from changes.undo.words import label
from dhcp.admin.generations import coloured
from ipam.models import Sighting

CLIENTS = 20  # that are named


def context(request: HttpRequest, plan: Plan[Any]) -> dict[str, Any]:
    """What the template `admin/plans/result.html` needs."""
    reader = Reader.of(request)
    rows = list(_rows(plan, reader))
    user: Any = request.user
    shows_diff = user.has_perm("dhcp.view_generation")
    clients = plan.renewing.clients
    return {
        "plan": plan,
        "rows": rows,
        "hidden": len(plan.rows) - len(rows),
        "renewing": clients,
        "renewing_named": clients[:CLIENTS] if reader.may_view(Sighting) else (),
        "shows_diff": shows_diff,
        "diff": _diff(plan.told) if shows_diff and plan.told else "",
    }


def _rows(plan: Plan[Any], reader: Reader) -> Iterator[dict[str, Any]]:
    for item, row in zip(plan.effect.items, plan.rows, strict=False):
        if reader.may_view(item.model):
            unseen = set(_unseen(item.model, reader))
            yield {**row, "columns": [pair for pair in row["columns"] if pair[0] not in unseen]}


def _unseen(model: type[Model], reader: Reader) -> Iterator[str]:
    """The columns that name a row of a table which the reader may not see."""
    for column, target in references(model).items():
        if not reader.may_view(target):
            yield label(model, column)


def _diff(told: Sequence[Told]) -> SafeString | str:
    """What dnsmasq will be told; of several servers, each under its name."""
    headings = (f"# {one.server}\n" * (len(told) > 1) + one.diff for one in told)
    return coloured("\n".join(headings))
