"""The questions about unknown devices."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

from ipam import search

if TYPE_CHECKING:
    from discovery.inbox.models import UnknownDevice  # noqa: F401

LOCAL_DIGITS = "26ae"  # the second digit of a locally administered, unicast MAC address


class UnknownDeviceQuerySet(models.QuerySet["UnknownDevice"]):
    """MAC addresses that no card of the ledger has, and what became of them."""

    def new(self) -> UnknownDeviceQuerySet:
        """Those about which nobody has decided."""
        return self.filter(state="new")

    def matching(self, text: str) -> UnknownDeviceQuerySet:
        """A search box's text: an address, a network, a MAC address, a part of name or note."""
        return self.filter(search.condition(text, names=(F("hostname"), F("note"))))

    def randomised(self, wanted: bool = True) -> UnknownDeviceQuerySet:
        """Those with a locally administered MAC address, or the others."""
        found = Q(pk__in=[])
        for digit in LOCAL_DIGITS:
            found |= Q(second_digit=digit)
        rows = self.annotate(
            second_digit=models.functions.Substr(
                models.functions.Cast("mac_address", models.TextField()), 2, 1
            )
        )
        if wanted:
            return rows.filter(found)
        return rows.exclude(found)

    def outdated(self, before: datetime) -> UnknownDeviceQuerySet:
        """Those that were not seen since; ignored ones stay ignored while they are seen."""
        return self.filter(last_seen__lt=before)
