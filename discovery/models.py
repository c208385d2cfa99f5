"""Which subnets are probed, how, and how far each round has come; and the tables of the parts that
define their own."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from discovery.conflicts.models import Conflict as Conflict
from discovery.inbox.models import UnknownDevice as UnknownDevice
from discovery.querysets import DiscoveryRoundQuerySet, SubnetDiscoveryQuerySet
from discovery.rogue.models import DhcpWatch as DhcpWatch
from discovery.rogue.models import RogueServer as RogueServer
from ipam.fields import AddressField
from ipam.models import IPAddress, Subnet

SHORTEST, LONGEST = 30, 7 * 24 * 3600  # seconds between two rounds
FASTEST = 1000  # packets a second


class SubnetDiscovery(models.Model):
    """How a subnet is probed. A subnet without one is not."""

    subnet = models.OneToOneField(
        Subnet, models.CASCADE, related_name="discovery", verbose_name=_("subnet")
    )
    enabled = models.BooleanField(_("enabled"), default=False, db_default=False)
    interval = models.PositiveIntegerField(
        _("interval"),
        default=300,
        db_default=300,
        validators=[MinValueValidator(SHORTEST), MaxValueValidator(LONGEST)],
        help_text=_("Seconds from the beginning of one round to that of the next."),
    )
    rate = models.PositiveIntegerField(
        _("rate"),
        default=50,
        db_default=50,
        validators=[MinValueValidator(1), MaxValueValidator(FASTEST)],
        help_text=_("Packets a second that are sent into the subnet at most."),
    )
    ping = models.BooleanField(
        _("ping"), default=True, db_default=True, help_text=_("Send ICMP echo requests.")
    )
    arp = models.BooleanField(
        _("ARP"),
        default=True,
        db_default=True,
        help_text=_("Read the neighbour table of the prober's host, and ask by ARP."),
    )
    names = models.BooleanField(
        _("reverse names"),
        default=False,
        db_default=False,
        help_text=_("Look up the names of addresses that have answered."),
    )
    agent = models.CharField(
        _("agent"),
        max_length=50,
        blank=True,
        default="",
        db_default="",
        help_text=_("The DHCP server whose agent probes it. Empty: the worker does."),
    )
    history = DatabaseHistory(table_name="discovery_subnets_history")
    objects = SubnetDiscoveryQuerySet.as_manager()

    class Meta:
        db_table = "discovery_subnets"
        ordering = ["subnet"]
        verbose_name = _("discovery of a subnet")
        verbose_name_plural = _("discovery of subnets")
        constraints = [
            models.CheckConstraint(
                condition=Q(interval__range=(SHORTEST, LONGEST)), name="discovery_interval"
            ),
            models.CheckConstraint(condition=Q(rate__range=(1, FASTEST)), name="discovery_rate"),
        ]

    def __str__(self) -> str:
        return str(self.subnet)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.full_clean()
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("admin:discovery_subnetdiscovery_change", args=[self.pk])


class DiscoveryRound(models.Model):
    """How far the round of a subnet has come. A round goes on where it was interrupted."""

    discovery = models.OneToOneField(SubnetDiscovery, models.CASCADE, related_name="round")
    due_at = models.DateTimeField(_("due"), default=timezone.now, db_default=Now())
    started_at = models.DateTimeField(_("started"), null=True)  # None: between two rounds
    cursor = AddressField(_("last address"), null=True)  # the last one that was probed
    sent = models.BigIntegerField(_("probes"), default=0, db_default=0)  # of the present round
    answered = models.BigIntegerField(_("answers"), default=0, db_default=0)
    # Of the last complete round.
    last_started_at = models.DateTimeField(_("last round"), null=True)
    last_ended_at = models.DateTimeField(_("last round ended"), null=True)
    last_sent = models.BigIntegerField(_("probes of the last round"), default=0, db_default=0)
    last_answered = models.BigIntegerField(_("answers in the last round"), default=0, db_default=0)
    rounds = models.BigIntegerField(_("rounds"), default=0, db_default=0)  # since the beginning
    total_sent = models.BigIntegerField(_("probes in all"), default=0, db_default=0)
    error = models.CharField(_("error"), max_length=200, blank=True, default="", db_default="")
    # One prober at a time works at a subnet; others take over when it has ended.
    held_by = models.CharField(max_length=100, blank=True, default="", db_default="")
    held_until = models.DateTimeField(default=timezone.now, db_default=Now())
    objects = DiscoveryRoundQuerySet.as_manager()

    class Meta:
        db_table = "discovery_rounds"
        verbose_name = _("round of discovery")
        verbose_name_plural = _("rounds of discovery")

    def __str__(self) -> str:
        return f"{self.discovery_id}"

    @property
    def last_seconds(self) -> float:
        """How long the last complete round took."""
        if self.last_started_at is None or self.last_ended_at is None:
            return 0.0
        return (self.last_ended_at - self.last_started_at).total_seconds()


class Squatter(models.Model):
    """A free address that answered, and is in quarantine until it is silent for long enough."""

    # Free rows of addresses are deleted by SQL that knows nothing of this table.
    address = models.OneToOneField(
        IPAddress,
        models.DO_NOTHING,
        db_constraint=False,
        related_name="squatter",
        verbose_name=_("address"),
    )
    expires_at = models.DateTimeField(_("until"), db_index=True)

    class Meta:
        db_table = "discovery_squatters"
        ordering = ["expires_at"]
        verbose_name = _("squatter")
        verbose_name_plural = _("squatters")

    def __str__(self) -> str:
        return f"{self.address_id}"
