"""The columns that every table of history has, and how they are filled."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.dispatch import receiver
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords
from simple_history.signals import pre_create_historical_record

from core.history import origin


class ChangeRecord(models.Model):
    """What a line of history says of the change that it belongs to. NULL: from before there was
    such a column; on SQLite, raw SQL has no change id either."""

    history_source = models.CharField(_("source"), max_length=10, null=True, editable=False)
    history_actor = models.CharField(_("by"), max_length=150, null=True, editable=False)
    history_change = models.CharField(_("change"), max_length=64, null=True, editable=False)

    class Meta:
        abstract = True


class History(HistoricalRecords):
    """The history of a model, with the columns of ChangeRecord."""

    def __init__(self, **options: Any) -> None:
        super().__init__(bases=[ChangeRecord], **options)


@receiver(pre_create_historical_record)
def fill_origin(history_instance: ChangeRecord, **kwargs: Any) -> None:
    """Fill the columns of a line that a single save or deletion writes."""
    now = origin.current()
    history_instance.history_source = now.source
    history_instance.history_actor = now.actor
    history_instance.history_change = now.change
    if reason := origin.reason():
        history_instance.history_change_reason = reason  # type: ignore[attr-defined]


def who(record: Any) -> str:
    """Who made the change of a line of history, in words; empty when nobody knows."""
    username = str(record.history_user or "")
    if record.history_source == "sql":
        return record.history_change_reason or ""
    return origin.described(username, record.history_actor or "") or (
        record.history_change_reason or ""
    )


SOURCES = {
    "web": _("web"),
    "api": _("API"),
    "command": _("command"),
    "import": _("import"),
    "worker": _("worker"),
    "agent": _("agent"),
    "sql": _("SQL"),
}
