"""What the ledger says about names besides the names of its machines: the zones that are ours, the
subnets whose names somebody else serves, and further records."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from ipam.models import Subnet, ValidatedModel
from names import rdata, rules
from names.querysets import NamesOffQuerySet, RecordQuerySet, ZoneQuerySet


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
        super().clean_fields(exclude)


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
                condition=Q(type__in=["A", "AAAA", "CNAME", "MX", "SRV", "TXT", "CAA"]),
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
