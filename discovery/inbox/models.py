"""A device that the ledger does not know."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from discovery.inbox.querysets import UnknownDeviceQuerySet
from ipam.fields import AddressField, MACField
from ipam.models import VRF


class UnknownDevice(models.Model):
    """A MAC address that was seen and that no card of the ledger has."""

    class State(models.TextChoices):
        NEW = "new", _("New")
        IGNORED = "ignored", _("Ignored")
        DONE = "done", _("In the ledger")

    class Done(models.TextChoices):
        NOTHING = "", _("nothing")
        RESERVED = "reserved", _("its address is reserved")
        ADOPTED = "adopted", _("it is a server")
        QUARANTINED = "quarantined", _("its address is in quarantine")

    mac_address = MACField(_("MAC address"), unique=True)
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.NEW, db_default=State.NEW
    )
    first_seen = models.DateTimeField(_("first seen"), default=timezone.now, db_default=Now())
    last_seen = models.DateTimeField(_("last seen"), default=timezone.now, db_default=Now())
    # Where it was seen last.
    vrf = models.ForeignKey(VRF, models.CASCADE, null=True, blank=True, verbose_name=_("VRF"))
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=10, blank=True, default="", db_default="")
    origin = models.CharField(_("told by"), max_length=50, blank=True, default="", db_default="")
    hostname = models.CharField(
        _("host name"), max_length=255, blank=True, default="", db_default=""
    )
    requests = models.PositiveIntegerField(_("DHCP requests"), default=0, db_default=0)
    asked_at = models.DateTimeField(_("asked DHCP"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=255, blank=True, default="", db_default="")
    done = models.CharField(
        _("done"),
        max_length=12,
        choices=Done,
        blank=True,
        default=Done.NOTHING,
        db_default=Done.NOTHING,
    )
    # The key of the server or address row that `done` has made, to take it back.
    done_id = models.BigIntegerField(null=True, blank=True, editable=False)
    history = DatabaseHistory(
        table_name="unknown_devices_history",
        excluded_fields=["last_seen", "source", "requests", "asked_at"],
    )
    objects = UnknownDeviceQuerySet.as_manager()

    class Meta:
        db_table = "unknown_devices"
        ordering = ["-last_seen"]
        verbose_name = _("unknown device")
        verbose_name_plural = _("unknown devices")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["new", "ignored", "done"]),
                name="unknown_devices_state",
            )
        ]
        indexes = [
            models.Index(fields=["state", "last_seen"], name="unknown_devices_state_seen"),
            models.Index(fields=["ip_address"], name="unknown_devices_ip"),
        ]

    def __str__(self) -> str:
        return self.mac_address

    def get_absolute_url(self) -> str:
        return reverse("admin:discovery_unknowndevice_change", args=[self.pk])

    @property
    def is_randomised(self) -> bool:
        """Whether its MAC address is locally administered (IEEE 802, second bit): made up by the
        device, as telephones do for each network, or by a hypervisor."""
        return is_local(self.mac_address)


def is_local(mac: str) -> bool:
    """Whether the locally administered bit is set: no manufacturer has given this MAC address."""
    return bool(int(mac[:2], 16) & 2)
