"""Health checks of events."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import BOUNDED, Finding, health_check, warning
from events.collect.lag import lag

LATE = 60.0  # seconds


@health_check(gettext_noop("events"), "worker", BOUNDED, summary="events are late")
def events_are_told() -> Iterator[Finding]:
    """Changes become events within a minute."""
    late = lag()
    if late > LATE:
        text = _("Nobody was told of changes for %d s: events are not collected.") % late
        yield warning(text, _("Start a worker; its log says what prevents it."))
