"""Moments as people read them."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import localize
from django.utils.timezone import localtime


def when(moment: datetime) -> str:
    """A moment in the reader's time and notation."""
    return str(localize(localtime(moment)))
