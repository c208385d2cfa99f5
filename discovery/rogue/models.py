"""A DHCP server that answers on a network of ours and is not ours."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from discovery.rogue.querysets import RogueServerQuerySet
from ipam.fields import AddressField, MACField


class RogueServer(models.Model):
    """A DHCP server by its identifier (option 54) on one interface; without an identifier, that
    some client has asked one (dnsmasq's log)."""

    # The host and its interface, as in `gw-1 eth0`.
    place = models.CharField(_("seen at"), max_length=100)
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    offered = AddressField(_("offered address"), null=True, blank=True)
    router = AddressField(_("offered gateway"), null=True, blank=True)
    prefix = models.PositiveSmallIntegerField(_("prefix length"), null=True, blank=True)
    client_mac = MACField(_("a client of it"), null=True, blank=True)
    first_seen = models.DateTimeField(_("first seen"), default=timezone.now, db_default=Now())
    last_seen = models.DateTimeField(_("last seen"), default=timezone.now, db_default=Now())
    # Why it may answer; empty: nobody has allowed it.
    allowed = models.CharField(
        _("allowed because"), max_length=255, blank=True, default="", db_default=""
    )
    gone_at = models.DateTimeField(_("no longer answers since"), null=True, blank=True)
    history = DatabaseHistory(
        table_name="rogue_dhcp_servers_history",
        excluded_fields=["last_seen", "offered", "client_mac", "gone_at"],
    )
    objects = RogueServerQuerySet.as_manager()

    class Meta:
        db_table = "rogue_dhcp_servers"
        ordering = ["-last_seen"]
        verbose_name = _("foreign DHCP server")
        verbose_name_plural = _("foreign DHCP servers")
        constraints = [
            models.UniqueConstraint(
                fields=["place", "ip_address"], name="rogue_dhcp_servers_place_ip"
            ),
            models.UniqueConstraint(
                fields=["place"],
                condition=models.Q(ip_address=None),
                name="rogue_dhcp_servers_place_hint",
            ),
        ]

    def __str__(self) -> str:
        return str(self.ip_address or self.place)

    @property
    def offer(self) -> str:
        """The offered address with its prefix length, as far as they are known."""
        return "/".join(map(str, filter(None, (self.offered, self.prefix))))

    def note_seen(self, at: datetime) -> None:
        """It answers, still or again."""
        if self.gone_at:
            self.first_seen = at
        self.last_seen, self.gone_at = max(at, self.last_seen), None

    def save_quietly(self) -> None:
        """Without a line of history: that is for what people decide."""
        self.save_without_historical_record()  # type: ignore[attr-defined]

    def get_absolute_url(self) -> str:
        return reverse("admin:discovery_rogueserver_change", args=[self.pk])


class DhcpWatch(models.Model):
    """When a place was asked last by DHCP, and what has prevented it."""

    place = models.CharField(_("place"), max_length=100, unique=True)
    asked_at = models.DateTimeField(_("asked"), default=timezone.now, db_default=Now())
    error = models.CharField(_("error"), max_length=255, blank=True, default="", db_default="")

    class Meta:
        db_table = "dhcp_watches"
        ordering = ["place"]
        verbose_name = _("watch for DHCP servers")
        verbose_name_plural = _("watches for DHCP servers")

    def __str__(self) -> str:
        return self.place
