"""One process at a time delivers: the order of the events of one subject depends on it.

Of several processes of this node, one has the lock of a file, which the kernel frees when it ends
in whatever way. Of several nodes, one has its name in the cursor's row until a moment that it
postpones while it has work."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from core import files
from events.delivery.models import DeliveryCursor

DURATION = timedelta(seconds=30)
RENEW_AFTER = 10.0  # seconds


class Lease:
    """The right to deliver of one process."""

    def __init__(self, name: str, node: str = "", lock: Path | None = None) -> None:
        self.name = name
        self.node = node or f"{socket.gethostname()}:{settings.DATA_DIR}"[:300]
        self._lock = lock or settings.DATA_DIR / f"delivery-{name}.lock"
        self._file: ExitStack | None = None
        self._renew_at = 0.0

    def take(self) -> bool:
        """Whether this process delivers now: it has the lease, renews it, or takes one that has
        ended."""
        if not self._has_file():
            return False
        if time.monotonic() < self._renew_at:
            return True
        free = Q(holder__in=("", self.node)) | Q(held_until=None) | Q(held_until__lt=Now())
        row = DeliveryCursor.objects.filter(free, name=self.name)
        if not row.update(holder=self.node, held_until=Now() + DURATION):
            return False
        self._renew_at = time.monotonic() + RENEW_AFTER
        return True

    def give_back(self) -> None:
        """Let another node go on at once."""
        if self._renew_at:
            own = DeliveryCursor.objects.filter(name=self.name, holder=self.node)
            own.update(holder="", held_until=None)
            self._renew_at = 0.0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _has_file(self) -> bool:
        if self._file is None:
            opened = ExitStack()
            try:
                opened.enter_context(files.lock(self._lock, timeout=0))
            except files.Locked:
                return False
            self._file = opened
        return True
