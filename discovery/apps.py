"""The Django app `discovery`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from core.periodic import PeriodicWork


class DiscoveryConfig(AppConfig):
    name = "discovery"
    verbose_name = _("Discovery")

    def ready(self) -> None:
        from core.history import install
        from core.periodic import AGENT_WORK
        from discovery.conflicts import derive, health_checks  # noqa: F401
        from discovery.handout import ask
        from discovery.inbox import health_checks as inbox_checks  # noqa: F401
        from discovery.probes import health_checks as probe_checks  # noqa: F401
        from discovery.rogue import health_checks as rogue_checks  # noqa: F401
        from discovery.rogue import receivers, watch  # noqa: F401
        from ipam.sightings.ask import register
        from ipam.sql import database

        derive.FURTHER.append(watch.verdicts)
        register(ask)
        AGENT_WORK.extend((probe_for_agent, look_for_servers))
        install.watch(self)
        post_migrate.connect(database.install_on_delete, sender=self)


def probe_for_agent(name: str) -> PeriodicWork:
    from discovery.worker import Discovery

    return Discovery(name)


def look_for_servers(name: str) -> PeriodicWork:
    from discovery.rogue.watch import LookForServers

    return LookForServers()
