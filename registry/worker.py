"""Look every second who has fallen silent."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, close_old_connections

from registry.services.sweep import Sweeper

logger = logging.getLogger("registry.worker")

INTERVAL = 1.0
SELDOM = 10  # rounds
PAUSE = 5.0  # after a failure


class Worker:
    """One loop."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.sweeper = Sweeper()
        self.rounds = 0

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
            self.sweeper.sweep()
            self.rounds += 1
            if self.rounds % SELDOM == 1:
                self.sweeper.tidy()
        except DatabaseError as error:
            logger.error("the database does not answer: %s", str(error).strip())
            return False
        except Exception:
            logger.exception("a bug; the next try will come")
            return False
        return True
