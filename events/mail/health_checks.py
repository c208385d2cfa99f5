"""Whether mail leaves. One query."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from core.findings import BOUNDED, Finding, health_check, warning
from events.mail.models import Mail

LATE = timedelta(minutes=10)


@health_check(gettext_noop("mail"), "events", BOUNDED, summary="mail does not leave")
def mail() -> Iterator[Finding]:
    """No mail waits for longer than ten minutes."""
    if not settings.MAIL_SERVER:
        return
    late = Mail.objects.filter(state="pending", created_at__lt=timezone.now() - LATE)
    errors = list(late.order_by("pk").values_list("error", flat=True)[:1000])
    if errors:
        text = ngettext("%(n)d mail waits: %(error)s", "%(n)d mails wait: %(error)s", len(errors))
        yield warning(
            text % {"n": len(errors), "error": errors[0] or "–"},
            _("Is the server of IPMANAGER_EMAIL_URL up, and the worker running?"),
        )
