"""Machines as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class MachinesConfig(AppConfig):
    name = "machines"
    verbose_name = _("Machines")

    def ready(self) -> None:
        from core.history import install
        from ipam.sql import database
        from machines import receivers  # noqa: F401

        install.watch(self)
        post_migrate.connect(database.install_on_delete, sender=self)
