"""Security events in the shape of the log's lines (changes/lines.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import F, OuterRef, QuerySet, Subquery, Value

from api.security.models import SecurityEvent
from changes.lines import Kind, Line

TABLE = SecurityEvent._meta.label_lower


@dataclass(frozen=True, slots=True)
class SecurityLine(Line):
    """One security event, read like a line of a history: something that was added."""

    model: type[models.Model] = field(default=SecurityEvent, init=False)

    @property
    def table(self) -> str:
        return TABLE

    @property
    def key(self) -> str:
        return f"{TABLE}:{self.record.pk}"

    @property
    def object_id(self) -> int:
        return self.record.pk

    @property
    def kind(self) -> Kind:
        return "+"

    @property
    def at(self) -> Any:
        return self.record.at

    @property
    def change(self) -> str:
        return self.record.change

    @property
    def who(self) -> str:
        return self.record.actor

    @property
    def source(self) -> str:
        return self.record.source

    def difference(self) -> dict[str, tuple[Any, Any]]:
        """What is told of it: nothing was there before."""
        facts = {"event": self.record.get_kind_display(), "subject": self.record.subject}
        told = facts | {"address": self.record.address} | self.record.detail
        return {name: (None, value) for name, value in told.items() if value not in ("", None)}


def security_lines() -> QuerySet:
    """All events, with the columns by which the lines of a history are found."""
    return SecurityEvent.objects.annotate(
        history_id=F("id"),
        history_date=F("at"),
        history_type=F("kind"),
        history_change=F("change"),
        history_source=F("source"),
        history_actor=F("actor"),
        history_user_id=F("user_id"),
        history_change_reason=Value("", output_field=models.TextField()),
    )


def with_username(lines: QuerySet) -> QuerySet:
    """The events with the name of the account, if it is still there."""
    users = get_user_model().objects.filter(pk=OuterRef("user_id"))
    return lines.annotate(username=Subquery(users.values("username")[:1]))
