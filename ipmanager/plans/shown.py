"""What will happen, for a page: only what its reader may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString

from changes.log.rights import Reader
from changes.plans.told import Told
from changes.plans.verb import Plan
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
            yield row


def _diff(told: Sequence[Told]) -> SafeString | str:
    """What dnsmasq will be told; of several servers, each under its name."""
    texts = []
    for one in told:
        texts += [f"# {one.server}"] * (len(told) > 1) + [one.diff]
    return coloured("\n".join(texts))
