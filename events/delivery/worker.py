"""Deliveries in the worker: one query a second tells whether there is anything to do."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from core.periodic import PeriodicWork
from events.delivery.lease import Lease
from events.delivery.models import DeliveryCursor
from events.mail import compose
from events.mail.sender import Postman
from events.webhooks import fan_out
from events.webhooks.sender import Sender


class Deliver(PeriodicWork):
    """Hands new events to subscriptions and sends what is due. While requests are on their way, the
    next round comes when one ends."""

    name = "events.delivery"
    interval = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.lease = Lease("webhooks")
        self.webhooks = Sender()
        self.mail = Postman()
        self._more = False
        self._has_cursor = False

    def work(self) -> None:
        if not self._has_cursor:
            DeliveryCursor.objects.get_or_create(name=fan_out.CURSOR)
            self._has_cursor = True
        is_idle = self.webhooks.is_idle and self.mail.is_idle and not self._more
        if is_idle and not has_work():
            return
        if not self.lease.take():
            return
        self.webhooks.record()
        self._more = fan_out.fan_out()
        self.webhooks.start()
        self._post()

    def _post(self) -> None:
        self.mail.record()
        if compose.is_configured():
            compose.compose_due()
            self.mail.start()

    def wait(self, seconds: float) -> None:
        if self._more and not self.failures:
            return
        if self.webhooks.is_idle or self.failures:
            super().wait(seconds)
        else:
            self.webhooks.wait(seconds)

    def finish(self) -> None:
        self.lease.give_back()


# Once a second, so it is no query of Django's, which takes ten times as long to make.
_HAS_WORK = """
SELECT EXISTS (
    SELECT 1 FROM delivery_cursors cursors
    WHERE cursors.name = 'webhooks' AND cursors.position < (SELECT max(id) FROM events)
) OR EXISTS (
    SELECT 1 FROM webhook_deliveries deliveries
    JOIN webhooks ON webhooks.id = deliveries.webhook_id
    JOIN auth_user ON auth_user.id = webhooks.owner_id
    WHERE deliveries.state = 'pending' AND deliveries.next_at <= %s
        AND webhooks.enabled AND auth_user.is_active
) OR EXISTS (
    SELECT 1 FROM mail_preferences WHERE due_at <= %s
) OR EXISTS (
    SELECT 1 FROM mails WHERE state = 'pending' AND next_at <= %s
)
"""


def has_work() -> bool:
    """Whether there are events behind the cursor, or deliveries that are due. One query."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_HAS_WORK, [now] * 3)
        (found,) = cursor.fetchone()
    return bool(found)
