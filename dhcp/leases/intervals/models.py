"""The time during which one machine held one address by DHCP."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ipam.addresses import Address, Network
from ipam.fields import AddressField, MACField
from ipam.models import VRF
from ipam.querysets import inside

_ENDS = ["expired", "released", "replaced", "moved", "evicted", "vanished"]


class LeaseIntervalQuerySet(models.QuerySet["LeaseInterval"]):
    """Who held which address, and when."""

    def confined(self, networks: Iterable[Network]) -> LeaseIntervalQuerySet:
        """Those of addresses of the global address space inside one of the networks."""
        return self.filter(inside("ip_address", networks), vrf=None)

    def open(self) -> LeaseIntervalQuerySet:
        """Those that last, as far as is known."""
        return self.filter(ended_at=None)

    def at(self, moment: datetime) -> LeaseIntervalQuerySet:
        """Those that lasted at the moment: at most one of each address. An open one lasts as long
        as its lease."""
        lasted = Q(ended_at__gt=moment) | Q(ended_at=None, leased_until__gt=moment)
        return self.filter(lasted, started_at__lte=moment)

    def of_address(self, vrf: VRF | int | None, ip: Address) -> LeaseIntervalQuerySet:
        """Those of one address, the newest first."""
        return self.filter(vrf=vrf, ip_address=ip).order_by("-started_at", "-pk")

    def outdated(self, before: datetime) -> LeaseIntervalQuerySet:
        """Those that ended before then."""
        return self.filter(ended_at__lt=before)


class LeaseInterval(models.Model):
    """One machine's lease of one address, from when it was first seen until it ended. Renewals
    prolong it; a machine that comes back after the end of its lease begins another one."""

    class End(models.TextChoices):
        EXPIRED = "expired", _("expired")
        RELEASED = "released", _("given back")  # as dnsmasq's log tells
        REPLACED = "replaced", _("another machine got the address")
        MOVED = "moved", _("the machine got another address")
        EVICTED = "evicted", _("ended from here")
        VANISHED = "vanished", _("no longer in the lease file")

    vrf = models.ForeignKey(
        VRF, models.CASCADE, null=True, blank=True, db_index=False, verbose_name=_("VRF")
    )
    ip_address = AddressField(_("IP address"))
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    # The DUID in IPv6, the client identifier in IPv4.
    client_id = models.CharField(
        _("DUID or client ID"), max_length=767, blank=True, default="", db_default=""
    )
    # What the machine says of itself, the last time; nobody has checked it.
    hostname = models.CharField(
        _("host name"), max_length=255, blank=True, default="", db_default=""
    )
    # The DHCP server whose lease file has it, the last time; empty: the default one (Sighting).
    origin = models.CharField(
        _("DHCP server"), max_length=50, blank=True, default="", db_default=""
    )
    started_at = models.DateTimeField(_("from"), default=timezone.now, db_default=Now())
    last_seen = models.DateTimeField(_("seen"), default=timezone.now, db_default=Now())
    leased_until = models.DateTimeField(_("leased until"), default=timezone.now, db_default=Now())
    ended_at = models.DateTimeField(_("until"), null=True, blank=True)  # NULL while it lasts
    ended_how = models.CharField(
        _("how it ended"), max_length=8, choices=End, blank=True, default="", db_default=""
    )
    objects = LeaseIntervalQuerySet.as_manager()

    class Meta:
        db_table = "lease_intervals"
        ordering = ["-started_at", "-id"]
        verbose_name = _("lease interval")
        verbose_name_plural = _("lease intervals")
        constraints = [
            models.UniqueConstraint(
                fields=["ip_address"],
                condition=Q(ended_at=None, vrf=None),
                name="lease_intervals_one_global",
            ),
            models.UniqueConstraint(
                fields=["vrf", "ip_address"],
                condition=Q(ended_at=None) & ~Q(vrf=None),
                name="lease_intervals_one_vrf",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=models.F("started_at")),
                name="lease_intervals_order",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_how="")
                | Q(ended_at__isnull=False, ended_how__in=_ENDS),
                name="lease_intervals_how",
            ),
        ]
        indexes = [
            models.Index(fields=["ip_address", "started_at"], name="lease_intervals_ip"),
            models.Index(fields=["mac_address", "started_at"], name="lease_intervals_mac"),
            models.Index(fields=["ended_at"], name="lease_intervals_ended"),
            models.Index(fields=["started_at"], name="lease_intervals_started"),
        ]

    def __str__(self) -> str:
        return f"{self.ip_address} {self.machine} {self.started_at:%Y-%m-%d %H:%M:%S}"

    @property
    def machine(self) -> str:
        """Who holds it: a MAC address, or where it has none, the identifier."""
        return self.mac_address or self.client_id

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def end(self, how: str, at: datetime) -> None:
        """End it, at its beginning at the earliest. Saved by the caller."""
        self.ended_how, self.ended_at = how, max(self.started_at, at)
