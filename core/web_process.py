"""The web server's process that we run in: how many requests it serves at once, and whether it is about to end."""

import gc
import logging
from typing import Any

from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)

_workers: list[Any] = []  # gunicorn's own object, where it is gunicorn that runs us


def look(server: Any) -> None:
    """gunicorn's hook `when_ready`, before the first request: is this ledger the one that we know?"""
    from ipam import freeze  # the apps are there only now

    try:
        freeze.look()
    except DatabaseError as error:
        logger.error("the database does not answer: %s", str(error).strip())
    finally:
        connection.close()  # the workers are made by fork


def begin(worker: Any) -> None:
    """gunicorn's hook `post_worker_init`: what is loaded by now stays, and is not looked through for garbage again."""
    _workers[:] = [worker]
    gc.collect()
    gc.freeze()


def threads() -> int:
    """How many requests are served at once; 4 where no gunicorn says otherwise."""
    return int(_workers[0].cfg.threads) if _workers else 4


def is_ending() -> bool:
    """Whether the process has been told to end: a request that merely waits should."""
    return bool(_workers) and not _workers[0].alive
