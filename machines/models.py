"""What a machine has beside its server: a time to live and service ports.

The server's row stays the truth about name, address and MAC address. A machine is a server that was
made in one call, and is taken back in one."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.history.records import DatabaseHistory
from ipam.models import Server, Subnet
from machines.querysets import MachineQuerySet, MachineServiceQuerySet
from registry.models import Service


class Machine(models.Model):
    """A server that was made in one call."""

    server = models.OneToOneField(
        Server,
        models.CASCADE,
        related_name="machine",
        verbose_name=_("server"),
    )
    expires_at = models.DateTimeField(
        _("expires"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("Then the worker takes it back. Empty: it stays until it is deleted."),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, db_default=Now())
    history = DatabaseHistory(table_name="machines_history")
    objects = MachineQuerySet.as_manager()

    class Meta:
        db_table = "machines"
        ordering = ["server"]
        verbose_name = _("machine")
        verbose_name_plural = _("machines")

    def __str__(self) -> str:
        return self.server.hostname

    @property
    def subnet(self) -> Subnet | None:
        """The subnet of its address."""
        subnets = {row.ip_address: row.subnet for row in self.server.addresses.all()}
        return subnets.get(self.server.ip_address)

    def get_absolute_url(self) -> str:
        return reverse("admin:machines_machine_change", args=[self.pk])


class MachineService(models.Model):
    """A service whose port was allocated with a machine, and goes with it."""

    # NULL: raw SQL has deleted the machine, and the worker has not deregistered the service yet.
    machine = models.ForeignKey(
        Machine, models.SET_NULL, null=True, related_name="service_rows", verbose_name=_("machine")
    )
    service = models.OneToOneField(
        Service, models.CASCADE, related_name="machine_row", verbose_name=_("service")
    )
    name = models.CharField(_("name"), max_length=63)
    history = DatabaseHistory(table_name="machine_services_history")
    objects = MachineServiceQuerySet.as_manager()

    class Meta:
        db_table = "machine_services"
        ordering = ["pk"]
        verbose_name = _("service of a machine")
        verbose_name_plural = _("services of machines")

    def __str__(self) -> str:
        return self.name
