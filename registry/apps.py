"""The porter's book as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RegistryAppConfig(AppConfig):
    name = "registry"
    verbose_name = _("Services")

    def ready(self) -> None:
        from ipam.sql import database
        from registry import environments

        post_migrate.connect(environments.install, sender=self)
        post_migrate.connect(database.install_on_delete, sender=self)
