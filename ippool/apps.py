"""The address pool for virtual machines as a Django app; its rows are the ledger's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from api.fastpath.route import FastRoute


class IppoolConfig(AppConfig):
    name = "ippool"

    def ready(self) -> None:
        from api.fastpath import registry

        registry.register(fast_routes)


def fast_routes() -> list[FastRoute]:
    from ippool import fastpath

    return fastpath.ROUTES
