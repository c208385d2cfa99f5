"""The questions about conflicts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, F

from ipam import search

if TYPE_CHECKING:
    from discovery.conflicts.models import Conflict  # noqa: F401

LIVE = ("open", "muted")


class ConflictQuerySet(models.QuerySet["Conflict"]):
    """Conflicts, and suspicions that are shown to nobody."""

    def shown(self) -> ConflictQuerySet:
        return self.exclude(state="suspected")

    def open(self) -> ConflictQuerySet:
        """Those that nobody has muted."""
        return self.filter(state="open")

    def judged(self) -> ConflictQuerySet:
        """Those that a round must judge again: their evidence may have ended."""
        return self.exclude(state="ended")

    def tally(self) -> dict[tuple[str, str], int]:
        """How many live ones there are, by kind and state, in one query."""
        counts: dict[tuple[str, str], int] = {}
        rows = self.filter(state__in=LIVE).order_by().values_list("kind", "state")
        for kind, state, number in rows.annotate(number=Count("pk")):
            counts[kind, state] = number
        return counts

    def matching(self, text: str) -> ConflictQuerySet:
        """A search box's text: an address, a network or a MAC address."""
        return self.filter(search.condition(text, names=(F("reason"),)))

    def outdated(self, before: datetime) -> ConflictQuerySet:
        """Those that ended before, but for muted ones: they may come back."""
        return self.filter(state="ended", ended_at__lt=before, reason="")
