"""The Django app `events`."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = _("Events")

    def ready(self) -> None:
        from core.history import install
        from events import health_checks  # noqa: F401
        from events.audit import health_checks as audit_checks  # noqa: F401
        from events.mail import health_checks as mail_checks  # noqa: F401
        from events.webhooks import health_checks as webhook_checks  # noqa: F401
        from ipam.sql import database

        install.watch(self)
        post_migrate.connect(database.install_on_delete, sender=self)
