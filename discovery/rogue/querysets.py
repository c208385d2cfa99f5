"""The questions about foreign DHCP servers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from discovery.rogue.models import RogueServer  # noqa: F401


class RogueServerQuerySet(models.QuerySet["RogueServer"]):
    """DHCP servers that are not ours."""

    def answering(self) -> RogueServerQuerySet:
        """Those that answer now."""
        return self.filter(gone_at=None)

    def rogue(self) -> RogueServerQuerySet:
        """Those that answer and that nobody has allowed."""
        return self.answering().filter(allowed="")

    def outdated(self, before: datetime) -> RogueServerQuerySet:
        """Those that are gone; allowed ones stay allowed."""
        return self.filter(gone_at__lt=before, allowed="")
