"""Security events in the shape of the log's lines (changes/lines.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.security.models import SecurityEvent

TABLE = SecurityEvent._meta.label_lower


@dataclass(frozen=True, slots=True)
class SecurityLine:
    """One security event, read like a line of a history: something that was added."""

    record: SecurityEvent
    model: type[SecurityEvent] = SecurityEvent
    before: Any = None
    kind: str = "+"

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
