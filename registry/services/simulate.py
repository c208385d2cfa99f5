"""What a test environment adds: its services may be made to suffer."""

from __future__ import annotations

import random
import time

from django.utils.translation import gettext as _

from core.errors import Unavailable
from registry.models import RegistryConfig, Simulation


class Simulated(Unavailable):
    """No real failure: the test environment asked for it."""

    code = "simulated"


def suffer(config: RegistryConfig, service_id: str) -> None:
    """In a test environment, wait and fail as its simulations say. Raises Simulated."""
    if config.mode != RegistryConfig.Mode.TEST:
        return
    rows = Simulation.objects.filter(config=config, service_id__in={"", service_id})
    for row in sorted(rows, key=lambda row: row.service_id, reverse=True)[
        :1
    ]:  # its own before everybody's
        time.sleep(row.latency_ms / 1000)
        if random.random() * 100 < row.error_percent:
            raise Simulated(_("A simulated error of the environment %s.") % config)
