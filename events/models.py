"""What happened, in the order in which it is told."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from events.delivery.models import DeliveryCursor as DeliveryCursor
from events.mail.models import Mail as Mail
from events.mail.models import MailItem as MailItem
from events.mail.models import MailPreference as MailPreference
from events.querysets import EventQuerySet
from events.webhooks.models import Webhook as Webhook
from events.webhooks.models import WebhookDelivery as WebhookDelivery
from ipam.fields import AddressField, NetworkField


class Event(models.Model):
    """Something that happened and that somebody may want to be told of. A row is never changed; its
    key is the id that every receiver sees, also when it is delivered twice."""

    at = models.DateTimeField(_("at"), default=timezone.now, db_default=Now())
    # As in `address.allocated` or `dnsmasq.down`: events/kinds.py has all of them.
    kind = models.CharField(_("kind"), max_length=40)
    # What it is about: its model as in `ipam.ipaddress`, its key, and its name at that time. Events
    # of one subject are delivered in order.
    subject_model = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=120)
    subject = models.CharField(_("subject"), max_length=255)
    # Where, for subscriptions, rights and confined tokens.
    vrf_id = models.BigIntegerField(null=True, blank=True)
    subnet_id = models.BigIntegerField(null=True, blank=True)
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    # A second address that it names: of the server that has the address, or the one before a
    # change. Who is confined to networks sees the event only if both lie there.
    other_address = AddressField(null=True, blank=True)
    network = NetworkField(_("network"), null=True, blank=True)
    site = models.CharField(_("site"), max_length=100, blank=True, default="", db_default="")
    # Whose row it is about, where only the owner and superusers see the row; as in webhooks.
    owner_id = models.BigIntegerField(null=True, blank=True)
    change = models.CharField(_("change"), max_length=64, blank=True, default="", db_default="")
    actor = models.CharField(_("by"), max_length=310, blank=True, default="", db_default="")
    data = models.JSONField(_("data"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    # From which row it follows, as in `ip_addresses_history:5123`: the same row makes one event.
    origin = models.CharField(max_length=120, unique=True)
    objects = EventQuerySet.as_manager()

    class Meta:
        db_table = "events"
        ordering = ["-id"]
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["kind", "id"], name="events_kind"),
            models.Index(fields=["subject_model", "subject_id", "id"], name="events_subject"),
            models.Index(fields=["at"], name="events_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Cursor(models.Model):
    """How far the collector has read a table. It moves in the transaction that writes events."""

    table = models.CharField(max_length=100, unique=True)
    position = models.BigIntegerField(default=0, db_default=0)  # the highest key that was read
    # Keys below it that no row had when they were passed: [first, last, transaction]. A transaction
    # that runs may still fill them, until all before this one have ended (PostgreSQL only).
    holes = models.JSONField(default=list, blank=True)
    updated_at = models.DateTimeField(auto_now=True, db_default=Now())

    class Meta:
        db_table = "event_cursors"
        ordering = ["table"]
        verbose_name = _("position of the collector")
        verbose_name_plural = _("positions of the collector")

    def __str__(self) -> str:
        return f"{self.table}: {self.position}"


class OpenState(models.Model):
    """What lasts: a pool over its threshold, a dnsmasq that is down, a failed health check. Its
    beginning and its end are events; the row exists in between."""

    source = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    state = models.CharField(max_length=40, blank=True, default="", db_default="")
    since = models.DateTimeField(default=timezone.now, db_default=Now())
    # The event of its beginning, without its number: its end is about the same subject.
    event = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)

    class Meta:
        db_table = "event_states"
        verbose_name = _("state that lasts")
        verbose_name_plural = _("states that last")
        constraints = [
            models.UniqueConstraint(fields=["source", "key"], name="event_states_one"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.key}"


class EventCount(models.Model):
    """How many events of a kind were made, in all."""

    kind = models.CharField(max_length=40, primary_key=True)
    number = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "event_counts"
        verbose_name = _("number of events")
        verbose_name_plural = _("numbers of events")

    def __str__(self) -> str:
        return f"{self.kind}: {self.number}"
