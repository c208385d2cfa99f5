"""The questions that the scribe asks of its own tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from dhcp.models import DhcpChange, Generation  # noqa: F401  (in the base classes' parameters)

_AT_ONCE = 500  # parameters in one statement


class DhcpChangeQuerySet(models.QuerySet["DhcpChange"]):
    """Changes that dnsmasq has not heard of yet, oldest first."""

    def forget(self, ids: Sequence[int]) -> None:
        """Delete exactly these: whoever committed after the snapshot keeps his row, and with it his sync."""
        for start in range(0, len(ids), _AT_ONCE):
            self.filter(pk__in=ids[start : start + _AT_ONCE]).delete()


class GenerationQuerySet(models.QuerySet["Generation"]):
    """Attempts to bring dnsmasq in step with the ledger."""

    def newest(self) -> Generation | None:
        return self.order_by("-pk").first()
