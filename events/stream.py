"""Server-Sent Events: a response that tells of events as they are made.

A stream holds one of the web server's threads, so it takes one of the places of those who wait
(core/web_process.py), and ends after LONGEST seconds, or when the process is told to end. The
client then connects again with the number of the last event it has seen, and nothing is lost: see
https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from django.db.models import Max

from core import web_process
from core.web_process import waiting_place
from events.event_json import as_text
from events.models import Cursor, Event
from events.querysets import EventQuerySet

LONGEST = 60.0  # seconds
POLL = 0.5  # between two looks for new events
CHECK = 2.0  # between two checks of the caller's rights
SILENCE = 10.0  # seconds until a comment shows that the stream lives
RETRY = 1000  # milliseconds until the client connects again
AT_ONCE = 200  # events of one look
PRUNED = "pruned"  # the cursor with the highest number that was deleted

Rows = Callable[[], EventQuerySet | None]  # what the caller may see now; None: nothing any more


class Stream:
    """The parts of a response, as long as the caller may read them. `rows` is asked again and
    again. Raises TooManyWaiting when there is no place."""

    def __init__(self, rows: Rows, last: int | None) -> None:
        self.rows = rows
        self.last = last
        self._places = ExitStack()
        self._places.enter_context(waiting_place())

    def close(self) -> None:
        """Called by the web server at the end, also if nothing was ever sent."""
        self._places.close()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._parts()
        finally:
            self.close()

    def _parts(self) -> Iterator[bytes]:
        position, opening = self._begin()
        yield opening
        deadline = time.monotonic() + LONGEST
        rows, checked, spoken = self.rows(), time.monotonic(), time.monotonic()
        while rows is not None and not _is_over(deadline):
            position, text = _news(rows, position)
            if text or time.monotonic() - spoken >= SILENCE:
                spoken = time.monotonic()
                yield text or b": still here\n\n"
            if not text:
                time.sleep(POLL)
            if time.monotonic() - checked >= CHECK:
                rows, checked = self.rows(), time.monotonic()

    def _begin(self) -> tuple[int, bytes]:
        """Where to begin, and what to say first. Without a last number it begins at the present."""
        opening, newest = f"retry: {RETRY}\n\n".encode(), newest_number()
        if self.last is None:
            return newest, opening
        pruned = pruned_until()
        if pruned <= self.last <= max(newest, pruned):
            return self.last, opening
        position = pruned if self.last < pruned else newest
        return position, opening + b"id: %d\nevent: reset\ndata: {}\n\n" % position


def _is_over(deadline: float) -> bool:
    return time.monotonic() >= deadline or web_process.is_ending()


def _news(rows: EventQuerySet, position: int) -> tuple[int, bytes]:
    """The events after the position, and the position after them. Events become visible in the
    order of their numbers (events/collect/lock.py), so none comes behind it."""
    newest = newest_number()
    if newest <= position:
        return position, b""
    found = list(rows.after(position).filter(pk__lte=newest)[:AT_ONCE])
    if len(found) == AT_ONCE:
        newest = found[-1].pk
    return newest, "".join(map(_part, found)).encode()


def _part(event: Event) -> str:
    return f"id: {event.pk}\nevent: {event.kind}\ndata: {as_text(event)}\n\n"


def newest_number() -> int:
    """The number of the newest event, or 0. Not through what the caller may see: an index says
    it."""
    return Event.objects.aggregate(newest=Max("pk"))["newest"] or 0


def pruned_until() -> int:
    """The highest number of an event that was deleted because of its age, or 0."""
    found = Cursor.objects.filter(table=PRUNED).values_list("position", flat=True).first()
    return found or 0
