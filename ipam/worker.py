"""Look every second whether raw SQL has left the ledger something to catch up with, and whether
somebody has put an older ledger in its place."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, close_old_connections

from ipam import freeze
from ipam.placement.catch_up import catch_up
from ipam.placement.populate import Report

logger = logging.getLogger("ipam.worker")

INTERVAL = 1.0
PAUSE = 5.0  # after a failure


class Worker:
    """One loop."""

    def __init__(self) -> None:
        self.stopping = threading.Event()

    def run(self) -> None:
        """Until stop()."""
        while not self.stopping.is_set():
            self.stopping.wait(INTERVAL if self.tick() else PAUSE)

    def stop(self) -> None:
        self.stopping.set()

    def tick(self) -> bool:
        """One round; whether it went well."""
        close_old_connections()  # a database that was restarted is found again
        try:
            freeze.look()
            if report := catch_up():
                tell(report)
        except DatabaseError as error:
            logger.error("the database does not answer: %s", str(error).strip())
            return False
        except Exception:
            logger.exception("a bug; the next try will come")
            return False
        return True


def tell(report: Report) -> None:
    """One line of what was found, if anything was; one for every address that somebody else has."""
    did = {
        "created": report.static_created + report.dhcp_created,
        "updated": report.static_updated + report.dhcp_updated,
        "moved": report.moved,
        "freed": report.freed,
        "deleted": report.deleted,
    }
    if found := ", ".join(f"{number} {what}" for what, number in did.items() if number):
        logger.info("caught up with changes from outside: %s", found)
    for refusal in report.refused:
        logger.warning("left as it was: %s", refusal)
