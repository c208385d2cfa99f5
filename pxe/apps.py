"""Network boot as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PXEConfig(AppConfig):
    name = "pxe"
    verbose_name = _("Network boot")

    def ready(self) -> None:
        from core.following import logs
        from core.history import install
        from ipam.sql import database
        from pxe import health_checks  # noqa: F401  (registers them)
        from pxe.events import dnsmasq_log

        logs.consume("dnsmasq", dnsmasq_log.consume)
        install.watch(self)
        post_migrate.connect(database.install_on_delete, sender=self)
