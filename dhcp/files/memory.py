"""What a step of a sync has worked out for a DHCP server, kept for its next run in this process, so
that it works out only what has changed.

It saves time and decides nothing: every step gives the same result without it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

MOST = 32  # DHCP servers; of more, those are forgotten that were synced longest ago

T = TypeVar("T")


class Memory(Generic[T]):
    """One `T` for each DHCP server, lent to one thread at a time; another one gets a new one."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: dict[int | None, T] = {}
        self._lock = threading.Lock()

    @contextmanager
    def of(self, server_id: int | None) -> Iterator[T]:
        """That of a server. A block that raises leaves none."""
        with self._lock:
            lent = self._kept.pop(server_id, None)
        if lent is None:
            lent = self._make()
        yield lent
        with self._lock:
            self._kept[server_id] = lent
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for reference cycles in the block: among some 100,000 records it takes longer than
    the work itself, and finds none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
