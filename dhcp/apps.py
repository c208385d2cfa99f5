"""The Django app `dhcp`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class DHCPConfig(AppConfig):
    name = "dhcp"
    verbose_name = _("DHCP")

    def ready(self) -> None:
        from core.history import install
        from dhcp import checks, receivers  # noqa: F401
        from dhcp.daemon import health_checks as heartbeat_checks  # noqa: F401
        from dhcp.log import health_checks as log_checks  # noqa: F401
        from dhcp.remote import health_checks as agent_checks  # noqa: F401
        from dhcp.sql import database
        from dhcp.state import health_checks, wire_checks  # noqa: F401  (registers them)

        install.watch(self)
        post_migrate.connect(database.install, sender=self)
