"""Accounts of people as a Django app: login and its limits, second factor, sessions."""

from django.apps import AppConfig
from django.contrib.admin import apps
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    default = True
    verbose_name = _("Access")

    def ready(self) -> None:
        # They register themselves.
        from accounts import health_checks, receivers, security  # noqa: F401
        from core.history import install

        install.watch(self)


class AdminConfig(apps.SimpleAdminConfig):
    """Django's admin with our site (accounts/site.py). ipmanager/urls.py loads what it shows: a
    worker and most commands need no page."""

    default_site = "accounts.site.Site"
    default = False
