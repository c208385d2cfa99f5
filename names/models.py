"""What the ledger says about names besides the names of its machines: the zones that are ours, the
subnets whose names somebody else serves, and further records."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from ipam.models import Subnet, ValidatedModel
from names import rdata, rules
from names.querysets import NamesOffQuerySet, RecordQuerySet, ZoneQuerySet

SECONDS = [MinValueValidator(60), MaxValueValidator(2_419_200)]  # four weeks
TTL = [MaxValueValidator(604_800)]  # a week


class Zone(ValidatedModel):
    """A domain of which this installation serves every name. Without a zone, no name is served."""

    name = models.CharField(
        _("name"),
        max_length=253,
        unique=True,
        validators=[rules.validate_zone],
        help_text=_("As in corp.example. Nobody else may serve names in it."),
    )
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    enabled = models.BooleanField(
        _("enabled"),
        default=True,
        db_default=True,
        help_text=_("Names of a disabled zone are not served."),
    )
    ttl = models.PositiveIntegerField(
        _("TTL (s)"),
        default=60,
        db_default=60,
        validators=TTL,
        help_text=_("How long others may remember an answer. dnsmasq itself says 0."),
    )
    primary_server = models.CharField(
        _("primary server"),
        max_length=253,
        blank=True,
        default="",
        db_default="",
        help_text=_("Its name, for the SOA record. Empty: the first NS record of the zone."),
    )
    contact = models.EmailField(
        _("contact"),
        blank=True,
        default="",
        db_default="",
        help_text=_("An address for mail. Empty: hostmaster in the zone."),
    )
    refresh = models.PositiveIntegerField(
        _("refresh (s)"),
        default=14_400,
        db_default=14_400,
        validators=SECONDS,
        help_text=_("How often a secondary asks for changes that nobody has told it."),
    )
    retry = models.PositiveIntegerField(
        _("retry (s)"),
        default=3600,
        db_default=3600,
        validators=SECONDS,
        help_text=_("When a secondary asks again after a failure."),
    )
    expire = models.PositiveIntegerField(
        _("expire (s)"),
        default=1_209_600,
        db_default=1_209_600,
        validators=SECONDS,
        help_text=_("How long a secondary answers without having reached the primary server."),
    )
    negative_ttl = models.PositiveIntegerField(
        _("negative TTL (s)"),
        default=60,
        db_default=60,
        validators=TTL,
        help_text=_("How long others may remember that a name does not exist."),
    )
    history = DatabaseHistory(table_name="names_zones_history")
    objects = ZoneQuerySet.as_manager()

    class Meta:
        db_table = "names_zones"
        ordering = ["name"]
        verbose_name = _("zone")
        verbose_name_plural = _("zones")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("admin:names_zone_change", args=[self.pk])

    def clean_fields(self, exclude: Any = None) -> None:
        self.name = rdata.lower(self.name.strip().rstrip("."))
        self.primary_server = rdata.lower(self.primary_server.strip().rstrip("."))
        super().clean_fields(exclude)

    def check_ledger(self) -> None:
        rules.check_zone(self)


class NamesOff(ValidatedModel):
    """A subnet whose names are served elsewhere: none of its addresses has a name here."""

    subnet = models.OneToOneField(
        Subnet, models.CASCADE, related_name="names_off", verbose_name=_("subnet")
    )
    history = DatabaseHistory(table_name="names_off_history")
    objects = NamesOffQuerySet.as_manager()

    class Meta:
        db_table = "names_off"
        ordering = ["pk"]
        verbose_name = _("subnet without names")
        verbose_name_plural = _("subnets without names")

    def __str__(self) -> str:
        return str(self.subnet)


class Record(ValidatedModel):
    """A record that follows from no machine of the ledger."""

    class Type(models.TextChoices):
        A = "A", "A"
        AAAA = "AAAA", "AAAA"
        CNAME = "CNAME", "CNAME"
        NS = "NS", "NS"
        MX = "MX", "MX"
        SRV = "SRV", "SRV"
        TXT = "TXT", "TXT"
        CAA = "CAA", "CAA"

    zone = models.ForeignKey(Zone, models.CASCADE, related_name="records", verbose_name=_("zone"))
    name = models.CharField(
        _("name"),
        max_length=253,
        default="@",
        db_default="@",
        help_text=_("Without the zone, as in www or _imap._tcp; @ is the zone itself."),
    )
    type = models.CharField(_("type"), max_length=5, choices=Type)
    value = models.CharField(
        _("value"),
        max_length=1000,
        help_text=_("As in a zone file: 10 mail.corp.example, or 0 5 143 imap.corp.example."),
    )
    ttl = models.PositiveIntegerField(
        _("TTL (s)"), null=True, blank=True, validators=TTL, help_text=_("Empty: that of the zone.")
    )
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    history = DatabaseHistory(table_name="names_records_history")
    objects = RecordQuerySet.as_manager()

    class Meta:
        db_table = "names_records"
        ordering = ["zone", "name", "type", "value"]
        verbose_name = _("record")
        verbose_name_plural = _("records")
        constraints = [
            models.UniqueConstraint(
                fields=["zone", "name", "type", "value"],
                name="names_records_once",
                violation_error_message=_("This record exists already."),
            ),
            models.UniqueConstraint(
                fields=["zone", "name"],
                condition=Q(type="CNAME"),
                name="names_records_one_cname",
                violation_error_message=_("This name has another CNAME already."),
            ),
            models.CheckConstraint(
                condition=Q(type__in=["A", "AAAA", "CNAME", "NS", "MX", "SRV", "TXT", "CAA"]),
                name="names_records_type",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fqdn} {self.type} {self.value}"

    def get_absolute_url(self) -> str:
        return reverse("admin:names_record_change", args=[self.pk])

    @property
    def fqdn(self) -> str:
        """The whole name, without a dot at its end."""
        if self.name == "@":
            return self.zone.name
        return f"{self.name}.{self.zone.name}"

    def clean_fields(self, exclude: Any = None) -> None:
        self.name = rdata.lower(self.name.strip().rstrip(".")) or "@"
        super().clean_fields(exclude)
        try:
            self.value = rdata.canonical(self.type, self.value)
        except ValueError as error:
            raise ValidationError({"value": str(error)}) from error

    def check_ledger(self) -> None:
        rules.check_record(self)


class SerialStep(models.Model):
    """What the serial of all zones has grown by: the sum of all rows is the serial.

    A commit that changes names adds a row (dhcp/sql/). No two commits touch the same row, so none
    waits for another; and whoever sees more commits sees a larger sum."""

    amount = models.BigIntegerField(db_default=1, default=1)

    class Meta:
        db_table = "names_serial"

    def __str__(self) -> str:
        return str(self.amount)
