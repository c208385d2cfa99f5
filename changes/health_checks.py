"""Health check of the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from changes.chain.verify import verify
from core.commands import manage_command
from core.findings import SLOW, Finding, error, health_check, ok


@health_check(gettext_noop("log"), "log", SLOW)
def sealed_log() -> Iterator[Finding]:
    """What was sealed since yesterday is as it was sealed; the archive, of which all would be read,
    is left to verify_log."""
    since = timezone.now().astimezone(UTC).date() - timedelta(days=1)
    found = verify(since, with_archive=False)
    for fault in found.faults[:1]:
        text = _("The log was changed: %s") % fault.text
        hint = _("Compare with a backup. Find out who can write to the database.")
        yield error(text, hint, manage_command("verify_log"))
    if found.well:
        yield ok(_("%d lines of the log match their seals.") % found.lines)
