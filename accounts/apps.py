"""Accounts of people as a Django app: login and its limits, second factor, sessions."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Access")

    def ready(self) -> None:
        from accounts import health_checks, receivers  # noqa: F401  (they register themselves)
