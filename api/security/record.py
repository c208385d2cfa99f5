"""Write security events: each by one call at the place where it happens."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import Any

from django.http import HttpRequest

from api.security.models import SecurityEvent
from core.history import origin
from core.proxies import client_address, client_network

Kind = SecurityEvent.Kind
WINDOW = 600.0  # seconds in which the same thing is one line
MOST = 10_000  # things that are remembered


def record(
    kind: Kind,
    subject: object = "",
    *,
    user: Any = None,
    request: HttpRequest | None = None,
    **detail: Any,
) -> None:
    """Write one event. `user` is who does it, where the request does not know yet."""
    now = origin.current()
    request = request or origin.current_request()
    user_id = user.pk if user is not None else origin.user_id()
    name = user.get_username() if user is not None else origin.name()
    SecurityEvent.objects.create(
        kind=kind,
        user_id=user_id,
        actor=_plain(name, 150),
        source=now.source,
        address=client_address(request) if request is not None else "",
        change=now.change,
        subject=_plain(str(subject), 255),
        detail=detail,
    )


def record_seldom(
    kind: Kind,
    subject: object = "",
    *,
    user: Any = None,
    request: HttpRequest | None = None,
    **detail: Any,
) -> None:
    """Write an event that anybody can cause as often as they like: one line in WINDOW for the same
    subject, network and details. The next one says how many there were in between."""
    network = client_network(request) if request is not None else ""
    key = (kind, str(subject), network, *sorted(detail.items()))
    number = _seen.count(key)
    if number:
        record(kind, subject, user=user, request=request, **detail, times=number)


def _plain(text: str, length: int) -> str:
    """As both databases can store it."""
    return text.replace("\0", "").encode(errors="replace").decode()[:length]


class Seen:
    """How often a thing was seen since it was last written; of this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[Any, tuple[float, int]] = OrderedDict()

    def count(self, key: Any) -> int:
        """How many times to write now; 0: it was written a short while ago."""
        now = time.monotonic()
        with self._lock:
            written, number = self._known.pop(key, (-WINDOW, 0))
            number += 1
            is_due = now - written >= WINDOW
            self._known[key] = (now, 0) if is_due else (written, number)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return number if is_due else 0

    def clear(self) -> None:
        with self._lock:
            self._known.clear()


_seen = Seen()
