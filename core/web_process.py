"""The web server process that runs this code: its number of threads, and whether it is ending."""

from typing import Any

_workers: list[Any] = []  # gunicorn's worker object; empty under another web server


def remember(worker: Any) -> None:
    """gunicorn's hook `post_worker_init`."""
    _workers[:] = [worker]


def threads() -> int:
    """How many requests are served at once; 4 where no gunicorn says otherwise."""
    return int(_workers[0].cfg.threads) if _workers else 4


def is_ending() -> bool:
    """Whether the process was told to end, so that a request that only waits returns."""
    return bool(_workers) and not _workers[0].alive
