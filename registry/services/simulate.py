"""Simulated latency and errors in test environments, so that callers can be tested against them.

A simulated latency holds one of the web server's threads, which every environment shares, so it
takes one of the places for waiting callers (core.web_process): half of the threads always serve."""

from __future__ import annotations

import random
import time

from django.utils.translation import gettext as _

from core import web_process
from core.errors import Unavailable
from registry.models import RegistryConfig, Simulation

_PAUSE = 0.5  # seconds


class Simulated(Unavailable):
    """A simulated error of a test environment."""

    code = "simulated"


def apply(config: RegistryConfig, service_id: str) -> None:
    """In a test environment, wait and fail as its simulation says. Raises Simulated, and
    TooManyWaiting instead of waiting at the limit of this process."""
    if config.mode != RegistryConfig.Mode.TEST:
        return
    rows = Simulation.objects.filter(config=config, service_id__in={"", service_id})
    simulation = rows.order_by("-service_id").first()  # the service's own before the general one
    if simulation is None:
        return
    if simulation.latency_ms:
        with web_process.waiting_place():
            _wait(simulation.latency_ms / 1000)
    if random.random() * 100 < simulation.error_percent:
        raise Simulated(_("A simulated error of the environment %s.") % config)


def _wait(seconds: float) -> None:
    """Wait so long, or until the process is told to stop."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not web_process.is_ending():
        time.sleep(min(left, _PAUSE))
