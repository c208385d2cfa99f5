"""From events to mails: which events wait for whom, and the text of a mail."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext

from core import env
from core.local_time import when
from events.audit.message import one_line
from events.kinds import KINDS
from events.mail.models import Mail, MailItem, MailPreference
from events.models import Event
from events.subscriptions import may_view

MOST = 500  # events that a mail lists; of more, it tells the number


def is_configured() -> bool:
    """Whether there is a mail server to send by."""
    return bool(settings.MAIL_SERVER)


def add(events: Sequence[Event]) -> None:
    """Let the events wait for those who want a mail about them and may see them. In the transaction
    that moves the cursor behind the events."""
    if not is_configured():
        return
    wanting = Q(enabled=True, user__is_active=True) & ~Q(user__email="")
    items, started = [], []
    now = timezone.now()
    for preference in MailPreference.objects.filter(wanting).select_related("user"):
        seen = preference.choose(preference.user, events)
        items += [MailItem(preference=preference, event=event) for event in seen]
        if seen and preference.due_at is None:
            preference.due_at = preference.next_due(now)
            started.append(preference)
    MailItem.objects.bulk_create(items, ignore_conflicts=True, batch_size=500)
    MailPreference.objects.bulk_update(started, ["due_at"])


def compose_due() -> int:
    """Make a mail of what waits, for everybody whose time has come; the number of mails."""
    due = list(MailPreference.objects.filter(due_at__lte=timezone.now()).values_list("pk")[:100])
    for (key,) in due:
        with transaction.atomic():
            _compose(key)
    return len(due)


def add_test(preference: MailPreference) -> Mail:
    """A mail that says nothing but that mail works."""
    with translation.override(preference.language):
        subject = gettext("[IPManager] Test")
        body = gettext("Mail from IPManager reaches you.") + _footer()
    return _mail(preference.user, subject, body)


def _compose(key: int) -> None:
    preference = MailPreference.objects.select_for_update(of=("self",)).select_related("user")
    row = preference.get(pk=key)
    items = list(row.items.select_related("event").order_by("event_id"))
    row.due_at = None
    row.save(update_fields=["due_at"])
    row.items.filter(pk__in=list(map(attrgetter("pk"), items))).delete()
    events = [item.event for item in items if may_view(row.user, item.event)]
    if events and row.enabled and row.user.email:
        with translation.override(row.language):
            _mail(row.user, subject_of(events), body_of(events))


def _mail(user: Any, subject: str, body: str) -> Mail:
    host = env.host_of(settings.PUBLIC_URL).strip("[]").replace(":", ".")
    return Mail.objects.create(
        user=user,
        recipient=user.email,
        subject=one_line(subject)[:200],
        body=body,
        message_id=f"<{uuid.uuid4().hex}@{host or 'ipmanager'}>",
    )


def subject_of(events: Sequence[Event]) -> str:
    """What the list of mails shows."""
    if len(events) == 1:
        return f"[IPManager] {_label(events[0])}: {events[0].subject}"
    text = ngettext("[IPManager] %d event", "[IPManager] %d events", len(events))
    return text % len(events)


def body_of(events: Sequence[Event]) -> str:
    """One line for each event, and how to get fewer of them."""
    lines = [one_line(line_of(event)) for event in events[:MOST]]
    if len(events) > MOST:
        lines.append(gettext("… and %d more") % (len(events) - MOST))
    return "\n".join(lines) + _footer()


def line_of(event: Event) -> str:
    """`30 Nov 2026, 17:00  Address allocated: 10.1.2.3 (admin)`."""
    text = f"{when(event.at)}  {_label(event)}: {event.subject}"
    if event.actor:
        text += f" ({event.actor})"
    return text


def _label(event: Event) -> str:
    kind = KINDS.get(event.kind)
    return str(kind.label) if kind else event.kind


def _footer() -> str:
    return "\n\n-- \n" + gettext("What you are told by mail: %s") % preferences_url() + "\n"


def preferences_url() -> str:
    return settings.PUBLIC_URL + reverse("admin:events_mail")
