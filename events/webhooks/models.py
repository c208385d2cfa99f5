"""Webhooks, and what is delivered to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from events.subscriptions import Subscription
from events.webhooks import signature, targets
from events.webhooks.querysets import DeliveryQuerySet, WebhookQuerySet

OVERLAP = timedelta(days=1)  # for so long a former secret signs, too
LONGEST_TIMEOUT = 10  # seconds for a whole request
# What deliveries write: no change of the webhook itself.
HEALTH = ("last_success_at", "last_failure_at", "failing_since", "last_error", "delivered")
SALTS = ("salt", "former_salt", "former_until")


class Webhook(Subscription):
    """A receiver of events. It is told what its owner may see."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.CharField(_("URL"), max_length=targets.LONGEST)
    # HOST:PORT of the URL: one host is not asked too much at once.
    host = models.CharField(max_length=300, editable=False)
    enabled = models.BooleanField(_("enabled"), default=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="webhooks",
        verbose_name=_("owner"),
        help_text=_("An event is delivered only if this person may see what it is about."),
    )
    ca = models.TextField(
        _("CA certificates"),
        blank=True,
        default="",
        help_text=_("PEM text; the receiver's certificate is checked against these alone."),
    )
    timeout = models.PositiveSmallIntegerField(
        _("time limit"),
        default=LONGEST_TIMEOUT,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_TIMEOUT)],
        help_text=_("Seconds for a whole request."),
    )
    salt = models.CharField(max_length=64, editable=False)
    fingerprint = models.CharField(_("secret's fingerprint"), max_length=8, editable=False)
    former_salt = models.CharField(max_length=64, editable=False, default="", blank=True)
    former_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    last_success_at = models.DateTimeField(_("last delivery"), null=True, editable=False)
    last_failure_at = models.DateTimeField(_("last failure"), null=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=300, default="", editable=False)
    delivered = models.PositiveBigIntegerField(_("delivered"), default=0, editable=False)

    history = DatabaseHistory(table_name="webhooks_history", excluded_fields=[*HEALTH, *SALTS])
    objects = WebhookQuerySet.as_manager()

    class Meta:
        db_table = "webhooks"
        ordering = ["name"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Webhook:
        webhook = super().from_db(*args, **kwargs)
        webhook._checked_url = webhook.__dict__.get("url", "")
        return webhook

    _checked_url = ""

    def save(self, **kwargs: Any) -> None:
        if not self.salt:
            self.set_secret()
        self.full_clean()
        super().save(**kwargs)
        self._checked_url = self.url

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        try:
            super().clean()
        except ValidationError as error:
            errors = error.message_dict
        if reason := self._refusal_of_url():
            errors["url"] = [reason]
        if reason := refusal_of_ca(self.ca):
            errors["ca"] = [reason]
        if errors:
            raise ValidationError(errors)

    def _refusal_of_url(self) -> str:
        """Why it may not have this URL; empty if it may. A name is resolved when the URL is new."""
        try:
            target = targets.parse(self.url)
            self.host = f"{target.host}:{target.port}"
            if self.url != self._checked_url:
                targets.resolve(target)
        except targets.Refused as refused:
            return str(refused)
        except OSError:
            return gettext("The host cannot be resolved.")
        return ""

    def set_secret(self) -> str:
        """Give it a new secret and return it. A former one signs, too, until the overlap ends."""
        self.former_salt, self.former_until = self.salt, timezone.now() + OVERLAP
        self.salt = signature.new_salt()
        secret = signature.secret_of(self.salt)
        self.fingerprint = signature.fingerprint_of(secret)
        return secret

    def secrets(self) -> list[str]:
        """The secrets that sign now, the newest first."""
        salts = [self.salt]
        if self.former_salt and self.former_until and self.former_until > timezone.now():
            salts.append(self.former_salt)
        return [signature.secret_of(salt) for salt in salts]

    @property
    def has_its_secret(self) -> bool:
        """Whether the site's SECRET_KEY is still the one that its secret was made with."""
        return signature.fingerprint_of(signature.secret_of(self.salt)) == self.fingerprint

    @property
    def is_paused(self) -> bool:
        """Whether nothing is delivered because its owner is gone or inactive."""
        return self.owner is None or not self.owner.is_active

    def get_absolute_url(self) -> str:
        return reverse("admin:events_webhook_change", args=[self.pk])


class WebhookDelivery(models.Model):
    """One event for one webhook. Of the pending ones of one subject (`lane`), the first has a
    moment at which it is sent; the others wait for it and have none."""

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        DELIVERED = "delivered", _("delivered")
        DEAD = "dead", _("given up")

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(
        "events.Event", models.CASCADE, related_name="deliveries", verbose_name=_("event")
    )
    lane = models.CharField(max_length=181)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    first_at = models.DateTimeField(_("first attempt"), null=True, blank=True)
    last_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    status_code = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=300, default="", blank=True)
    milliseconds = models.PositiveIntegerField(_("duration"), null=True, blank=True)
    answer = models.TextField(_("answer"), default="", blank=True)
    request_headers = models.JSONField(_("request"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        db_table = "webhook_deliveries"
        ordering = ["-id"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="webhook_event_once")
        ]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="deliveries_log"),
            models.Index(fields=["next_at"], name="deliveries_due", condition=Q(state="pending")),
            models.Index(
                fields=["webhook", "lane", "event"],
                name="deliveries_lane",
                condition=Q(state="pending"),
            ),
            models.Index(
                fields=["webhook", "-id"], name="deliveries_dead", condition=Q(state="dead")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.webhook_id}"


def lane_of(event: Any) -> str:
    """What the events of one subject have in common: they are delivered one after the other."""
    return f"{event.subject_model}:{event.subject_id}"


def refusal_of_ca(text: str) -> str:
    """Why these are not the certificates of CAs; empty if they are, or there are none."""
    if not text.strip():
        return ""
    import ssl

    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError, UnicodeError):
        return gettext("This is not the PEM text of a certificate.")
    if not context.cert_store_stats()["x509"]:
        return gettext("This is not the PEM text of a certificate.")
    return ""
