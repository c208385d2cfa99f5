"""Simulated latency and errors in test environments, so that callers can be tested against them."""

from __future__ import annotations

import random
import time

from django.utils.translation import gettext as _

from core.errors import Unavailable
from registry.models import RegistryConfig, Simulation


class Simulated(Unavailable):
    """A simulated error of a test environment."""

    code = "simulated"


def apply(config: RegistryConfig, service_id: str) -> None:
    """In a test environment, wait and fail as its simulation says. Raises Simulated."""
    if config.mode != RegistryConfig.Mode.TEST:
        return
    rows = Simulation.objects.filter(config=config, service_id__in={"", service_id})
    simulation = rows.order_by("-service_id").first()  # the service's own before the general one
    if simulation is None:
        return
    time.sleep(simulation.latency_ms / 1000)
    if random.random() * 100 < simulation.error_percent:
        raise Simulated(_("A simulated error of the environment %s.") % config)
