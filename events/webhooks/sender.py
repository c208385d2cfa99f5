"""Send what is due, several at once; all reading and writing of the database is done by one thread.

Each request has a thread of its own, without the database, that ends with it: nothing runs while
nothing is due. One host gets few requests at once, and a host that fails or is slow gets one, so
that it cannot use up the threads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from django.conf import settings
from django.utils import timezone

from events.event_json import as_text
from events.subscriptions import may_view
from events.webhooks import queue, signature
from events.webhooks.models import WebhookDelivery
from events.webhooks.queue import Outcome

MOST_AT_ONCE = 16
MOST_PER_HOST = 4
SLOW = 2.0  # seconds of a request


class Sender:
    """Requests on their way."""

    def __init__(self) -> None:
        self._flying: dict[int, str] = {}  # the host, by delivery
        self._ended: SimpleQueue[Outcome] = SimpleQueue()
        self._unrecorded: list[Outcome] = []
        self._slow_hosts: set[str] = set()

    @property
    def is_idle(self) -> bool:
        return not (self._flying or self._unrecorded)

    def wait(self, seconds: float) -> None:
        """Until a request ends; at most so long."""
        try:
            self._unrecorded.append(self._ended.get(timeout=seconds))
        except Empty:
            return

    def record(self) -> None:
        """Write down what has ended. What cannot be written now is written the next time."""
        while not self._ended.empty():
            self._unrecorded.append(self._ended.get())
        if self._unrecorded:
            queue.finish(self._unrecorded)
        for outcome in self._unrecorded:
            self._flying.pop(outcome.delivery, None)
        self._unrecorded = []

    def start(self) -> int:
        """Send what is due, as far as the limits allow; the number of requests."""
        free = MOST_AT_ONCE - len(self._flying)
        if free <= 0:
            return 0
        rows = WebhookDelivery.objects.due(timezone.now()).exclude(pk__in=self._flying)
        rows = rows.exclude(webhook__host__in=self._full_hosts())
        started = 0
        for row in self._within_limits(rows.select_related("event", "webhook__owner")[:free]):
            self._send(row)
            started += 1
        return started

    def _full_hosts(self) -> list[str]:
        numbers = Counter(self._flying.values())
        return [host for host, number in numbers.items() if number >= self._limit(host)]

    def _limit(self, host: str) -> int:
        return 1 if host in self._slow_hosts else MOST_PER_HOST

    def _within_limits(self, rows: object) -> Iterator[WebhookDelivery]:
        for row in rows:  # type: ignore[attr-defined]
            host = row.webhook.host
            if list(self._flying.values()).count(host) < self._limit(host):
                yield row

    def _send(self, row: WebhookDelivery) -> None:
        self._flying[row.pk] = row.webhook.host
        outcome = Outcome(row.pk, row.webhook_id, ok=False, at=timezone.now())
        if not may_view(row.webhook.owner, row.event):
            outcome.final, outcome.error = True, "the owner may not view the subject any more"
            self._ended.put(outcome)
            return
        data = as_text(row.event).encode("utf-8", "replace")
        moment = int(time.time())
        outcome.headers = {
            "Content-Type": "application/json",
            "User-Agent": f"IPManager/{settings.VERSION}",
            signature.EVENT_ID: str(row.event_id),
        }
        signed = signature.signature(data, moment, row.webhook.secrets())
        arguments = (row.webhook, data, signed, outcome)
        threading.Thread(target=self._run, args=arguments, daemon=True, name="webhook").start()

    def _run(self, webhook: object, data: bytes, signed: str, outcome: Outcome) -> None:
        """In the request's thread."""
        from events.webhooks.attempt import attempt

        began = time.monotonic()
        try:
            attempt(webhook, data, signed, outcome)  # type: ignore[arg-type]
        except Exception as error:  # a thread that ends without an outcome would hold its lane
            outcome.ok, outcome.error = False, f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - began
        outcome.milliseconds = int(seconds * 1000)
        self._judge_host(self._flying.get(outcome.delivery, ""), outcome.ok and seconds < SLOW)
        self._ended.put(outcome)

    def _judge_host(self, host: str, is_well: bool) -> None:
        if is_well:
            self._slow_hosts.discard(host)
        else:
            self._slow_hosts.add(host)
