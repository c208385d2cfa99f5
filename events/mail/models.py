"""Who wants mail about what, and the mails that wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from events.subscriptions import Subscription

GROUPED = timedelta(minutes=1)  # events of so long are one mail


class MailPreference(Subscription):
    """What one person is told by mail. A person without one gets none."""

    class Frequency(models.TextChoices):
        NOW = "now", _("at once")
        DAILY = "daily", _("once a day")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="mail_preference",
        verbose_name=_("user"),
    )
    enabled = models.BooleanField(_("send me mail"), default=True)
    frequency = models.CharField(_("when"), max_length=5, choices=Frequency, default=Frequency.NOW)
    hour = models.PositiveSmallIntegerField(
        _("hour of the daily mail"), default=7, validators=[MaxValueValidator(23)]
    )
    language = models.CharField(max_length=10, default="en", editable=False)
    # When the events that wait become a mail; NULL: none wait.
    due_at = models.DateTimeField(null=True, editable=False)
    history = DatabaseHistory(table_name="mail_preferences_history", excluded_fields=["due_at"])

    class Meta:
        db_table = "mail_preferences"
        verbose_name = _("mail preference")
        verbose_name_plural = _("mail preferences")
        indexes = [models.Index(fields=["due_at"], name="mail_due")]

    def __str__(self) -> str:
        return str(self.user)

    def next_due(self, now: datetime) -> datetime:
        """When an event of this moment becomes a mail."""
        if self.frequency == self.Frequency.NOW:
            return now + GROUPED
        today = timezone.localtime(now).replace(hour=self.hour, minute=0, second=0, microsecond=0)
        if today > now:
            return today
        return today + timedelta(days=1)


class MailItem(models.Model):
    """An event that waits for the next mail of a person."""

    preference = models.ForeignKey(MailPreference, models.CASCADE, related_name="items")
    event = models.ForeignKey("events.Event", models.CASCADE, related_name="+")

    class Meta:
        db_table = "mail_items"
        constraints = [
            models.UniqueConstraint(fields=["preference", "event"], name="mail_item_once")
        ]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.preference_id}"


class Mail(models.Model):
    """A mail that waits, or was sent or given up. Its Message-ID stays the same when it is sent
    again."""

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        SENT = "sent", _("sent")
        DEAD = "dead", _("given up")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    message_id = models.CharField(max_length=255, unique=True)
    state = models.CharField(max_length=7, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        db_table = "mails"
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        indexes = [
            models.Index(fields=["next_at"], name="mails_due", condition=Q(state="pending")),
            models.Index(fields=["ended_at"], name="mails_ended"),
        ]

    def __str__(self) -> str:
        return self.subject
