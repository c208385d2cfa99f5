"""What happened, in the order in which it is told."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

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
    network = NetworkField(_("network"), null=True, blank=True)
    site = models.CharField(_("site"), max_length=100, blank=True, default="", db_default="")
    change = models.CharField(_("change"), max_length=64, blank=True, default="", db_default="")
    actor = models.CharField(_("by"), max_length=310, blank=True, default="", db_default="")
    data = models.JSONField(_("data"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    # From which row it follows, as in `ip_addresses_history:5123`: the same row makes one event.
    origin = models.CharField(max_length=120, unique=True)

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
