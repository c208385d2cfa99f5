"""Bring many servers and interfaces back at once: what it costs grows with the rows, not with the
number of statements for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, router, transaction
from django.db.models.deletion import Collector

from changes.undo import addresses
from changes.undo.items import Item
from changes.undo.kinds import EXISTS, among, chunks
from core.errors import Conflict, IPManagerError
from ipam.models import Interface, IPAddress, Server
from ipam.placement.place import unplace

MANY = 50  # from here on a group is written in bulk
Progress = Callable[[str, int, int], None]


def done(pending: list[Item], keyed: Sequence[Item], progress: Progress) -> list[Item]:
    """Write the large groups; return what is left to be done one by one."""
    left: list[Item] = []
    is_keyed = False
    for (action, model), group in groupby(pending, key=lambda item: (item.action, item.model)):
        items = list(group)
        if action != "delete" and not is_keyed and model in (Server, Interface):
            addresses.restore_keys(keyed)
            is_keyed = True
        if left_before(left, action) or not _in_bulk(action, model, items, progress):
            left += items
    return left


def left_before(left: Sequence[Item], action: str) -> bool:
    """Whether something that must come before such a step is still to be done."""
    return action != "delete" and bool(left)


def _in_bulk(action: str, model: Any, items: Sequence[Item], progress: Progress) -> bool:
    if model not in (Server, Interface) or len(items) < MANY:
        return False
    try:
        with transaction.atomic():
            _WRITE[action](model, items, progress)
    except (ValidationError, IPManagerError, IntegrityError):
        return False
    return True


def _delete(model: Any, items: Sequence[Item], progress: Progress) -> None:
    finished = 0
    for some in chunks([item.pk for item in items]):
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
        for name, value in _values(item).items():
            setattr(row, name, value)
        rows.append(row)
    model.objects.bulk_create(rows)


def _refuse_known_macs(items: Sequence[Item]) -> None:
    """A bulk write does not ask for these, as a single one does, which says whose they are."""
    macs = {item.wanted.get("mac_address") for item in items} - {None}
    own = {item.pk for item in items}
    for some in chunks(sorted(macs)):
        found = (
            Server.objects.filter(mac_address__in=some).exclude(pk__in=own),
            Interface.objects.filter(mac_address__in=some).exclude(pk__in=own),
            IPAddress.objects.allocations().filter(mac_address__in=some),
        )
        if any(rows.exists() for rows in found):
            raise Conflict("")


def _change(model: Any, items: Sequence[Item], progress: Progress) -> None:
    rows = {row.pk: row for row in _rows(model, items)}
    names: set[str] = set()
    for item in items:
        for name, value in _values(item).items():
            setattr(rows[item.pk], name, value)
            names.add(name)
    model.objects.bulk_update(list(rows.values()), sorted(names))


def _rows(model: Any, items: Sequence[Item]) -> Iterable[Any]:
    return among(model._base_manager.all(), "pk", (item.pk for item in items))


def _values(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.wanted.items() if name != EXISTS}


_WRITE: dict[str, Callable[[Any, Sequence[Item], Progress], None]] = {
    "delete": _delete,
    "create": _create,
    "change": _change,
}
