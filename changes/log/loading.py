"""The chosen lines with the ones before: two queries for each table that occurs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from django.db.models import OuterRef, Subquery

from api.security.models import SecurityEvent
from changes import unreadable
from changes.lines import Line, history_of
from changes.log.rights import Reader
from changes.log.statement import Position
from changes.log.tables import logged_models
from changes.security import SecurityLine, with_username


def load(places: Sequence[Position], reader: Reader) -> dict[Position, Line]:
    """The lines in these places, as far as they are still there."""
    wanted: dict[str, list[int]] = defaultdict(list)
    for place in places:
        wanted[place.table].append(place.number)
    found: dict[tuple[str, int], Line] = {}
    for model in logged_models():
        table = model._meta.label_lower
        if table in wanted:
            chosen = reader.lines(model).filter(history_id__in=wanted[table])
            for line in _with_before(model, chosen):
                found[table, line.record.history_id] = line
    lines = {}
    for place in places:
        if kept := found.get((place.table, place.number)):
            lines[place] = kept
    return lines


def _with_before(model: Any, lines: Any) -> Sequence[Line]:
    if model is SecurityEvent:
        return list(map(SecurityLine, with_username(lines)))
    key = model._meta.pk.attname
    earlier = (
        history_of(model)
        .filter(**{key: OuterRef(key)}, history_date__lte=OuterRef("history_date"))
        .exclude(history_date=OuterRef("history_date"), history_id__gte=OuterRef("history_id"))
        .order_by("-history_date", "-history_id")
        .values("history_id")[:1]
    )
    whole = lines.annotate(line_before=Subquery(earlier)).select_related("history_user")
    records = unreadable.read(whole)
    wanted = filter(None, map(attrgetter("line_before"), records))
    before = unreadable.read(history_of(model).filter(history_id__in=list(wanted)))
    former = dict(zip(map(attrgetter("history_id"), before), before, strict=True))
    return [Line(model, record, former.get(record.line_before)) for record in records]
