"""A contradiction between the network and the ledger, kept while its evidence lasts."""

from __future__ import annotations

from itertools import filterfalse
from operator import itemgetter

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from discovery.conflicts.querysets import ConflictQuerySet
from ipam.fields import AddressField, MACField
from ipam.models import VRF


class Conflict(models.Model):
    """One row for each subject: an address, a MAC address at several addresses, or a DHCP server.
    It stays when the conflict ends, so that a muted one stays muted when it comes back."""

    class Kind(models.TextChoices):
        LEASED = "leased", _("Reserved, leased by another machine")
        USED = "used", _("Used by another machine")
        SQUATTER = "squatter", _("In use, given to nobody")
        DUPLICATE = "duplicate", _("Used by two machines")
        TWO_ADDRESSES = "two-addresses", _("One machine, two addresses")
        ROGUE_DHCP = "rogue-dhcp", _("Unknown DHCP server")

    class State(models.TextChoices):
        SUSPECTED = "suspected", _("Suspected")
        OPEN = "open", _("Open")
        MUTED = "muted", _("Muted")
        ENDED = "ended", _("Ended")

    subject = models.CharField(_("subject"), max_length=120, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.OPEN, db_default=State.OPEN
    )
    vrf = models.ForeignKey(VRF, models.CASCADE, null=True, blank=True, verbose_name=_("VRF"))
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    since = models.DateTimeField(_("since"), default=timezone.now, db_default=Now())
    last_seen = models.DateTimeField(_("last seen"), default=timezone.now, db_default=Now())
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    # Of a suspicion: it becomes a conflict when its evidence is seen again after this.
    noticed_at = models.DateTimeField(null=True, blank=True)
    # The two sides, as JSON that `judge` describes.
    ledger = models.JSONField(_("the ledger"), default=dict, blank=True)
    seen = models.JSONField(_("the network"), default=list, blank=True)
    # Why it is muted; empty: it is not.
    reason = models.CharField(_("reason"), max_length=255, blank=True, default="", db_default="")
    muted_by = models.CharField(
        _("muted by"), max_length=150, blank=True, default="", db_default=""
    )
    history = DatabaseHistory(
        table_name="conflicts_history",
        excluded_fields=["last_seen", "noticed_at", "ledger", "seen"],
    )
    objects = ConflictQuerySet.as_manager()

    class Meta:
        db_table = "conflicts"
        ordering = ["-since"]
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["suspected", "open", "muted", "ended"]),
                name="conflicts_state",
            )
        ]
        indexes = [
            models.Index(fields=["state", "since"], name="conflicts_state_since"),
            models.Index(fields=["ip_address"], name="conflicts_ip"),
        ]

    def __str__(self) -> str:
        return str(self.ip_address or self.mac_address or self.subject)

    def get_absolute_url(self) -> str:
        return reverse("admin:discovery_conflict_change", args=[self.pk])

    @property
    def is_live(self) -> bool:
        """Whether its evidence lasts."""
        return self.state in (self.State.OPEN, self.State.MUTED)

    @property
    def live_state(self) -> State:
        """Its state while its evidence lasts."""
        return self.State.MUTED if self.reason else self.State.OPEN

    @property
    def macs(self) -> list[str]:
        """The MAC addresses that the ledger does not have there, as seen."""
        strange = filterfalse(itemgetter("own"), self.seen)
        return list(dict.fromkeys(filter(None, map(itemgetter("mac"), strange))))
