"""The ledger as a Django app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from api.fastpath.route import FastRoute


class IPAMConfig(AppConfig):
    name = "ipam"
    verbose_name = _("Address ledger")

    def ready(self) -> None:
        from api.fastpath import registry
        from core.history.past import tables
        from ipam import receivers  # noqa: F401
        from ipam.sql import database

        # Free rows follow from the pools; they come and go without a line.
        tables.tell_only(self.get_model("IPAddress"), "h.status <> 'available'")
        registry.register(fast_routes)
        post_migrate.connect(database.install, sender=self)


def fast_routes() -> list[FastRoute]:
    from ipam.api import fast_usage, fastpath

    return [*fastpath.ROUTES, *fast_usage.ROUTES]
