"""Health checks of webhooks. One query."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.findings import BOUNDED, Finding, health_check, warning
from core.local_time import when
from events.webhooks.models import Webhook

VIEW = "admin:events_webhook_changelist"
NAMED = 5


@health_check(gettext_noop("webhooks"), "events", BOUNDED, summary="a webhook does not work")
def webhooks() -> Iterator[Finding]:
    """Enabled webhooks take what they are sent, and have an owner and their secret."""
    rows = Webhook.objects.filter(enabled=True).select_related("owner").order_by("name")
    findings = [finding for row in rows[:1000] for finding in _of(row)]
    yield from findings[:NAMED]


def _of(row: Webhook) -> Iterator[Finding]:
    if row.is_paused:
        yield warning(
            _("The webhook %s is paused: it has no active owner.") % row,
            _("Delete it, or make a new one in the name of an active person."),
            view=VIEW,
        )
    elif row.failing_since:
        values = {"name": row, "since": when(row.failing_since), "error": row.last_error}
        yield warning(
            _("The webhook %(name)s fails since %(since)s: %(error)s") % values,
            _("Its deliveries say more. They are tried again for three days, then given up."),
            view=VIEW,
        )
    if not row.has_its_secret:
        yield warning(
            _("The secret of the webhook %s has changed with IPMANAGER_SECRET_KEY.") % row,
            _("Make a new secret for it and give it to the receiver."),
            view=VIEW,
        )
