"""The ledger as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IPAMConfig(AppConfig):
    name = "ipam"
    verbose_name = _("Address ledger")

    def ready(self) -> None:
        from ipam import receivers  # noqa: F401
