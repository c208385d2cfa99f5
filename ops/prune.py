"""Delete old history, generations, events and sessions. Settings say how long each is kept; the
newest history row of every existing object stays, however old.

Boot events of a server, calls of the registry and kept files are limited where they are written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.conf import settings
from django.db.models import Exists, Max, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import KnownSource, LoginBrake, Revocation, Session
from api.security.models import SecurityEvent
from changes.chain import pruning
from changes.chain.tables import sealed_tables
from core.periodic import PeriodicWork
from dhcp.models import DhcpTransaction, Generation, HandEdit, LeaseInterval
from discovery.conflicts.models import Conflict
from discovery.inbox.models import UnknownDevice
from discovery.rogue.models import RogueServer
from events import prune as events
from events.models import Mail
from ipam.models import UsageDay
from pxe.models import BootEvent
from registry.models import Call, RestartRequest, Unusual

BATCH = 1000  # rows in one transaction, so that other writers do not wait


def prune(*, dry_run: bool = False) -> dict[str, int]:
    """Delete old rows; return their number by table. With `dry_run`, only count them."""
    numbers = {}
    now = timezone.now()
    for rows in _old(now):
        number = rows.count() if dry_run else _delete(rows, now)
        if number:
            numbers[rows.model._meta.db_table] = number
    if number := _prune_events(timezone.now(), dry_run):
        numbers["events"] = number
    return numbers


def _prune_events(now: datetime, dry_run: bool) -> int:
    before = _before(now, settings.EVENTS_DAYS)
    if before is None:
        return 0
    return events.outdated(before).count() if dry_run else events.prune(before)


def _old(now: datetime) -> Iterator[QuerySet[Any]]:
    if before := _before(now, settings.KEEP_HISTORY):
        for model in histories():
            yield _old_history(model, before)
        yield SecurityEvent.objects.filter(at__lt=before)
        yield Revocation.objects.filter(at__lt=before)
        yield LeaseInterval.objects.outdated(before)
    if before := _before(now, settings.KEEP_GENERATIONS):
        yield Generation.objects.outdated(before)
        yield HandEdit.objects.filter(decided_at__lt=before).exclude(state=HandEdit.State.OPEN)
    if before := _before(now, settings.KEEP_EVENTS):
        yield BootEvent.objects.filter(at__lt=before)
        yield Mail.objects.filter(ended_at__lt=before)
        yield Call.objects.filter(at__lt=before)
        yield Unusual.objects.filter(last_seen__lt=before)
        yield RestartRequest.objects.filter(requested_at__lt=before).exclude(
            status__in=RestartRequest.OPEN
        )
        yield Conflict.objects.outdated(before)
        yield UnknownDevice.objects.outdated(before)
        yield RogueServer.objects.outdated(before)
        yield AccessAttempt.objects.filter(attempt_time__lt=before)
        yield AccessLog.objects.filter(attempt_time__lt=before)
        yield AccessFailureLog.objects.filter(attempt_time__lt=before)
        yield KnownSource.objects.filter(last_login__lt=before)
    if before := _before(now, settings.KEEP_DHCP):
        yield DhcpTransaction.objects.filter(at__lt=before)
    yield LoginBrake.objects.filter(last_failed_at__lt=now - LoginBrake.FORGOTTEN)
    if before := _before(now, settings.KEEP_USAGE):
        yield UsageDay.objects.filter(day__lt=before.date())
    yield Session.objects.filter(expire_date__lt=now)


def histories() -> list[type[Model]]:
    """The history models of all apps."""
    found = apps.get_models(include_auto_created=True)
    return [model.history.model for model in found if hasattr(model, "history")]


def _old_history(model: Any, before: datetime) -> QuerySet[Any]:
    """Rows that a later one had replaced by then, and the last row of each object that was deleted:
    what was true then can still be asked for (core/history/past). The newest row of the table
    stays: a restored ledger is recognised by it (ipam/freeze.py)."""
    rows = model.objects.all()
    key = model.instance_type._meta.pk.attname
    later = rows.filter(**{key: OuterRef(key)}, history_id__gt=OuterRef("history_id"))
    later = later.filter(history_date__lt=before)
    last = rows.aggregate(last=Max("history_id"))["last"] or 0
    old = rows.filter(history_date__lt=before, history_id__lt=last)
    if unread := events.unread(model):  # the collector makes events of the lines from here on
        old = old.filter(history_id__lt=unread)
    return old.filter(Q(Exists(later)) | Q(history_type="-"))


def _before(now: datetime, days: int) -> datetime | None:
    return now - timedelta(days=days) if days else None


def _delete(rows: QuerySet[Any], now: datetime) -> int:
    if rows.model._meta.db_table in sealed_tables():
        return pruning.delete(rows, now - timedelta(days=settings.KEEP_HISTORY))
    total = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
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
    """`5 hosts_history, 2 boot_events`."""
    if not found:
        return "nothing: nothing is old enough"
    return ", ".join(f"{number} {table}" for table, number in found.items())
