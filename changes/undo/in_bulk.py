"""Bring many servers and interfaces back at once: what it costs grows with the rows, not with the
number of statements for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, router, transaction
from django.db.models.deletion import Collector

from changes.undo import addresses
from changes.undo.items import Item
from changes.undo.kinds import chunks, present_rows, set_on
from core.errors import Conflict, IPManagerError
from ipam.models import Interface, Server
from ipam.placement.place import unplace

PLACED = (Server, Interface)
MANY = 50  # from here on a group is written in bulk
Progress = Callable[[str, int, int], None]


def done(pending: list[Item], keyed: Sequence[Item], progress: Progress) -> list[Item]:
    """Write the large groups; return what is left to be done one by one."""
    left: list[Item] = []
    is_keyed = False
    for (action, model), group in groupby(pending, key=attrgetter("action", "model")):
        items = list(group)
        stays = action != "delete"
        if stays and model in PLACED and not is_keyed:
            addresses.restore_keys(keyed)
            is_keyed = True
        # What is left must come before what stays.
        if (stays and left) or not _in_bulk(action, model, items, progress):
            left += items
    return left


def _in_bulk(action: str, model: Any, items: Sequence[Item], progress: Progress) -> bool:
    if model not in PLACED or len(items) < MANY:
        return False
    try:
        with transaction.atomic():
            _WRITE[action](model, items, progress)
    except (ValidationError, IPManagerError, IntegrityError):
        return False
    return True


def _delete(model: Any, items: Sequence[Item], progress: Progress) -> None:
    finished = 0
    for some in chunks(list(map(attrgetter("pk"), items))):
        if model is Server:
            unplace(some)
        rows = list(model._base_manager.filter(pk__in=some))
        for row in rows:
            row.retired = "undo"  # a sync need not suspect a mistake
        collector = Collector(using=router.db_for_write(model))
        collector.collect(rows)
        collector.delete()
        finished += len(rows)
        progress("rows", finished, len(items))


def _create(model: Any, items: Sequence[Item], progress: Progress) -> None:
    rows = []
    for item in items:
        row = item.former.instance
        set_on(row, item.values)
        rows.append(row)
    model.objects.bulk_create(rows)


def _change(model: Any, items: Sequence[Item], progress: Progress) -> None:
    rows = present_rows(items)
    if len(rows) < len(items):  # one has gone with another one; who goes one by one says which
        raise Conflict("")
    names: set[str] = set()
    for item in items:
        set_on(rows[item.key], item.values)
        names.update(item.values)
    model.objects.bulk_update(list(rows.values()), sorted(names))


_WRITE: dict[str, Callable[[Any, Sequence[Item], Progress], None]] = {
    "delete": _delete,
    "create": _create,
    "change": _change,
}
