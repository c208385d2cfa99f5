"""Delete old lines, so that the chain knows of it: they are archived, marked at their seals, and a
seal of its own says which ones went."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models, transaction

from changes.chain import archive
from changes.chain.compare import mark_pruned, short
from changes.chain.content import Segment
from changes.chain.seal import append, sealed
from changes.models import OF_SEALS, Seal

BATCH = 1000  # lines in one transaction, so that other writers do not wait


def horizon() -> datetime | None:
    """The moment since when the log is complete; None: nothing of it was ever pruned."""
    pruned = Seal.objects.filter(table=OF_SEALS)
    return pruned.aggregate(latest=models.Max("horizon"))["latest"]


def delete(rows: models.QuerySet[Any], before: datetime) -> int:
    """Archive and delete these lines of one table, which are older than `before`."""
    total = 0
    key = rows.model._meta.pk.attname
    while keys := list(rows.order_by(key).values_list(key, flat=True)[:BATCH]):
        _delete(rows.model, keys, before)
        total += len(keys)
    return total


@transaction.atomic
def _delete(model: type[models.Model], keys: list[int], before: datetime) -> None:
    key = model._meta.pk.attname
    lines = model._base_manager.filter(**{f"{key}__in": keys})
    archive.write(model, lines)
    _say_pruned(_mark(model._meta.db_table, keys), before)
    lines.delete()


def _mark(table: str, keys: list[int]) -> list[Seal]:
    """Mark the lines at their seals; lines that are not sealed yet need no mark."""
    found = Seal.objects.filter(table=table, last__gte=keys[0], first__lte=keys[-1])
    seals = list(found.order_by("number"))
    for seal in seals:
        mark_pruned(seal, set(keys))
    Seal.objects.bulk_update(seals, ["pruned"])
    return seals


def _say_pruned(seals: Iterable[Seal], before: datetime) -> None:
    told = Segment()
    for seal in seals:
        told.add(seal.number, short(seal.pruned) + bytes(24))
    seal = sealed(told, table=OF_SEALS, first=0, last=0, columns="", horizon=before)
    append(seal, wait=True)
