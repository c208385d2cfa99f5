"""The Django app `names`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class NamesConfig(AppConfig):
    name = "names"
    verbose_name = _("Names")

    def ready(self) -> None:
        from core.history import install
        from ipam import rules
        from ipam.sql import database
        from names import ground
        from names.powerdns import schema

        rules.NAME_HOLDERS.append(ground.holders)
        install.watch(self)
        post_migrate.connect(database.install_on_delete, sender=self)
        post_migrate.connect(schema.refresh, sender=self)
