"""The Django app `discovery`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class DiscoveryConfig(AppConfig):
    name = "discovery"
    verbose_name = _("Discovery")

    def ready(self) -> None:
        from ipam.sql import database

        post_migrate.connect(database.install_on_delete, sender=self)
