"""The Django app `discovery`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class DiscoveryConfig(AppConfig):
    name = "discovery"
    verbose_name = _("Discovery")

    def ready(self) -> None:
        from discovery.conflicts import derive, health_checks  # noqa: F401
        from discovery.handout import ask
        from discovery.inbox import health_checks as inbox_checks  # noqa: F401
        from discovery.rogue import health_checks as rogue_checks  # noqa: F401
        from discovery.rogue import receivers, watch  # noqa: F401
        from ipam.sightings.ask import register
        from ipam.sql import database

        derive.FURTHER.append(watch.verdicts)
        register(ask)
        post_migrate.connect(database.install_on_delete, sender=self)
