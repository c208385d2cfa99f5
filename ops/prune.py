"""Forget what is old: history, generations, events, sessions. How long each is kept is a setting;
the newest line of everything that still exists stays, however old.

Much of what machines do is bounded where it is written (a server's boot events, the registry's
calls, kept files); this is the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, Max, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from core.periodic import PeriodicWork
from dhcp.models import Generation, HandEdit
from pxe.models import BootEvent
from registry.models import Call, RestartRequest, Unusual

AT_ONCE = 1000  # rows in one transaction: nobody waits for us


def prune(*, dry_run: bool = False) -> dict[str, int]:
    """Delete it; how many rows of which table. With `dry_run` they are counted only."""
    found = {
        rows.model._meta.db_table: rows.count() if dry_run else _delete(rows)
        for rows in _old(timezone.now())
    }
    return {table: number for table, number in found.items() if number}


def _old(now: datetime) -> Iterator[QuerySet[Any]]:
    if before := _before(now, settings.KEEP_HISTORY):
        for model in histories():
            yield _old_history(model, before)
    if before := _before(now, settings.KEEP_GENERATIONS):
        yield Generation.objects.outdated(before)
        yield HandEdit.objects.filter(decided_at__lt=before).exclude(state=HandEdit.State.OPEN)
    if before := _before(now, settings.KEEP_EVENTS):
        yield BootEvent.objects.filter(at__lt=before)
        yield Call.objects.filter(at__lt=before)
        yield Unusual.objects.filter(last_seen__lt=before)
        yield RestartRequest.objects.filter(requested_at__lt=before).exclude(
            status__in=RestartRequest.OPEN
        )
        yield AccessAttempt.objects.filter(attempt_time__lt=before)
        yield AccessLog.objects.filter(attempt_time__lt=before)
        yield AccessFailureLog.objects.filter(attempt_time__lt=before)
    yield Session.objects.filter(expire_date__lt=now)


def histories() -> list[type[Model]]:
    """The tables of history, of whatever app."""
    return [model.history.model for model in apps.get_models() if hasattr(model, "history")]


def _old_history(model: Any, before: datetime) -> QuerySet[Any]:
    """Lines that a later one has replaced, and the end of what is gone. The last line of all stays:
    a restored ledger is known by it (ipam/freeze.py)."""
    rows = model.objects.all()
    later = rows.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id"))
    last = rows.aggregate(last=Max("history_id"))["last"] or 0
    old = rows.filter(history_date__lt=before, history_id__lt=last)
    return old.filter(Q(Exists(later)) | Q(history_type="-"))


def _before(now: datetime, days: int) -> datetime | None:
    return now - timedelta(days=days) if days else None


def _delete(rows: QuerySet[Any]) -> int:
    total = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        rows.model._base_manager.filter(pk__in=ids).delete()
        total += len(ids)
    return total


class DailyPrune(PeriodicWork):
    """Prunes once a day; the first time not while everything starts."""

    name = "ops.prune"
    interval = 24 * 60 * 60.0
    first_pause = 600.0
    longest_pause = 3600.0

    def work(self) -> None:
        if found := prune():
            self.logger.info("deleted %s", describe(found))


def describe(found: dict[str, int]) -> str:
    return (
        ", ".join(f"{number} {table}" for table, number in found.items())
        or "nothing: nothing is old enough"
    )
