"""How far the collector is behind, from what the tables say."""

from __future__ import annotations

from itertools import starmap
from typing import Any

from django.db.models.functions import Now

from events.collect import ledger
from events.models import Cursor


def lag() -> float:
    """Seconds since the oldest line of history that was not read; 0 when all were. Two queries."""
    positions = dict(Cursor.objects.values_list("table", "position"))
    followed = {}
    for source in ledger.sources():
        if source.table in positions:
            followed[source.model] = positions[source.table]
    ages = list(starmap(_first_unread, followed.items()))
    if not ages:
        return 0.0
    first, *others = ages
    oldest = [(now - at).total_seconds() for at, now in first.union(*others, all=True)]
    return max([0.0, *oldest])


def _first_unread(model: Any, position: int) -> Any:
    """The time of one line, by the primary key, and the database's own."""
    rows = model.objects.filter(history_id__gt=position).order_by()
    newest = model.objects.filter(history_id=rows.order_by("history_id").values("history_id")[:1])
    return newest.annotate(now=Now()).order_by().values_list("history_date", "now")
