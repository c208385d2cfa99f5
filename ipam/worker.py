"""Catch up with raw SQL, notice a restored ledger, and write the usage of each day."""

from __future__ import annotations

import logging

from core.periodic import PeriodicWork
from ipam import freeze
from ipam.placement.catch_up import catch_up
from ipam.placement.populate import Report
from ipam.usage import history

logger = logging.getLogger("ipam.worker")


class CatchUp(PeriodicWork):
    """Each second: process what triggers have recorded of raw SQL."""

    name = "ipam.worker"
    rest = 10.0

    def work(self) -> None:
        freeze.look()
        if report := catch_up():
            log(report)


class WriteUsage(PeriodicWork):
    """Each hour: bring today's line of usage up to date, for every subnet and pool."""

    name = "ipam.usage"
    interval = 3600.0
    first_pause = 60.0
    longest_pause = 600.0

    def work(self) -> None:
        history.write_today()


def log(report: Report) -> None:
    """One line with the numbers, and one for each address that another holder has."""
    numbers = {
        "created": report.static_created + report.dhcp_created,
        "updated": report.static_updated + report.dhcp_updated,
        "moved": report.moved,
        "freed": report.freed,
        "deleted": report.deleted,
    }
    if done := ", ".join(f"{number} {verb}" for verb, number in numbers.items() if number):
        logger.info("caught up with changes from outside: %s", done)
    for refusal in report.refused:
        logger.warning("left unchanged: %s", refusal)
