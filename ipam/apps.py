"""The ledger as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class IPAMConfig(AppConfig):
    name = "ipam"
    verbose_name = _("Address ledger")

    def ready(self) -> None:
        from ipam import receivers  # noqa: F401
        from ipam.sql import database

        post_migrate.connect(database.install, sender=self)
