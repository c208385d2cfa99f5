"""Back to an older state of a row: what would change, and its parts as they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db import models

ONE_SAVE = timedelta(seconds=1)  # lines without a change id that are written within are one change


@dataclass(frozen=True)
class Version:
    """An older state of a row, and of its parts at that time."""

    record: Any  # the line of history of the row
    parts: Any = None  # the Parts that belong to it, if any

    @property
    def is_deleted(self) -> bool:
        """Whether the row does not exist now."""
        return not self._rows(self.record.instance_type).filter(pk=self.record.id).exists()

    def newest(self) -> Any:
        """The row's newest line of history."""
        return self._history(self.record.instance_type).filter(id=self.record.id).latest()

    def parts_then(self) -> list[models.Model]:
        """The parts as they were when the change that made this version was complete."""
        found: dict[int, Any] = {}
        lines = self._part_lines().filter(history_date__lte=self._moment())
        for line in lines.order_by("history_date", "history_id"):
            found[line.id] = line
        return [line.instance for line in found.values() if line.history_type != "-"]

    def parts_now(self) -> list[models.Model]:
        """The parts as they are."""
        return list(self._rows(self.parts.model).filter(**{self.parts.key: self.record.id}))

    def restore_parts(self) -> None:
        """Bring the parts back. Raises ValidationError when one of them is not possible now."""
        if self.parts is None:
            return
        then = {part.pk: part for part in self.parts_then()}
        now = {part.pk: part for part in self.parts_now()}
        for key in now.keys() - then.keys():
            now[key].delete()
        for key, part in then.items():
            if key not in now or _differs(part, now[key], self._columns()):
                part._state.adding = key not in now
                part.save()

    def _moment(self) -> datetime:
        made = self.record.history_date
        if not self.record.history_change:
            return made + ONE_SAVE
        with_it = self._part_lines().filter(history_change=self.record.history_change)
        last = with_it.aggregate(last=models.Max("history_date"))["last"]
        return max(made, last or made)

    def _part_lines(self) -> Any:
        return self._history(self.parts.model).filter(**{self.parts.key: self.record.id})

    def _columns(self) -> Iterable[str]:
        tracked = self._history(self.parts.model).model.tracked_fields
        return set(map(attrgetter("attname"), tracked)) - {"created_at", "updated_at"}

    @staticmethod
    def _rows(model: Any) -> Any:
        return model._default_manager

    @staticmethod
    def _history(model: Any) -> Any:
        return model.history


def _differs(one: models.Model, other: models.Model, columns: Iterable[str]) -> bool:
    values = attrgetter(*columns)
    return bool(values(one) != values(other))
