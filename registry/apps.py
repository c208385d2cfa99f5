"""The service registry as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RegistryAppConfig(AppConfig):
    name = "registry"
    verbose_name = _("Services")

    def ready(self) -> None:
        from core.history import install as history
        from ipam.sql import database
        from names import ledger
        from registry import names
        from registry.environments import install

        history.watch(self)
        ledger.SOURCES.append(names.claims)
        post_migrate.connect(install.create_environments, sender=self)
        post_migrate.connect(database.install_on_delete, sender=self)
