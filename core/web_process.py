"""The web server's process that we run in: how many requests it serves at once, and whether it is
about to end."""

import gc
from typing import Any

_workers: list[Any] = []  # gunicorn's own object, where it is gunicorn that runs us


def begin(worker: Any) -> None:
    """gunicorn's hook `post_worker_init`: what is loaded by now stays, and is not looked through
    for garbage again."""
    _workers[:] = [worker]
    gc.collect()
    gc.freeze()


def threads() -> int:
    """How many requests are served at once; 4 where no gunicorn says otherwise."""
    return int(_workers[0].cfg.threads) if _workers else 4


def is_ending() -> bool:
    """Whether the process has been told to end: a request that merely waits should."""
    return bool(_workers) and not _workers[0].alive
