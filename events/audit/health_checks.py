"""Whether the audit stream keeps up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import BOUNDED, Finding, health_check, ok, warning
from events.audit.worker import PREFIX, sources
from events.collect.follow import newest_keys
from events.models import Cursor

LATE = timedelta(minutes=5)


@health_check(gettext_noop("audit stream"), "events", BOUNDED, summary="syslog is behind")
def audit_stream() -> Iterator[Finding]:
    """No line of the log waits for longer than five minutes. Two queries."""
    if not settings.SYSLOG:
        return
    newest = newest_keys([source for source, _model in sources()])
    cursors = Cursor.objects.filter(table__startswith=PREFIX, updated_at__lt=timezone.now() - LATE)
    waiting = 0
    for cursor in cursors:
        behind = newest.get(cursor.table.removeprefix(PREFIX), 0) - cursor.position
        waiting += max(0, behind)
    if waiting:
        yield warning(
            _("About %d lines of the log wait for the syslog server.") % waiting,
            _("Is the server of IPMANAGER_SYSLOG up, and the worker running? Its log says more."),
        )
    else:
        yield ok(_("The log is sent to the syslog server."))
