"""What lasts: its beginning and its end are events.

Each source says what lasts now. What is new has begun, what is missing has ended. The rows of
OpenState change in the transaction of the events, so that each is told once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

from django.utils import timezone

from events.collect import places
from events.collect.lock import held
from events.collect.write import write
from events.models import Cursor, Event, OpenState
from ipam.fields import AddressField, NetworkField


@dataclass(frozen=True, slots=True)
class Lasting:
    """Something that lasts: `begun` is the kind of its beginning, `ended` that of its end (empty:
    its end is no event). A new `state` under the same key begins anew."""

    key: str
    begun: str
    ended: str
    subject_model: str
    subject_id: str
    subject: str
    data: dict[str, Any]
    state: str = ""
    place: dict[str, Any] | None = None  # further columns of the event


Existing = Callable[[list[str]], set[str]]


@dataclass(frozen=True, slots=True)
class Source:
    """What is asked every so many seconds. `existing` says which keys still have a subject: that
    one was deleted ends nothing."""

    every: float
    now: Callable[[], Iterable[Lasting]]
    existing: Existing = set


def look(sources: Mapping[str, Source]) -> None:
    """Ask sources, and tell the differences. One query more than they need when there are none."""
    known: dict[str, dict[str, str]] = {name: {} for name in sources}
    rows = OpenState.objects.filter(source__in=list(sources))
    for name, key, state in rows.values_list("source", "key", "state"):
        known[name][key] = state
    for name, source in sources.items():
        lasting = list(source.now())
        if {one.key: one.state for one in lasting} != known[name]:
            compare(name, lasting, existing=source.existing)


def begin(name: str, now: Iterable[Lasting]) -> None:
    """The first time that a source is asked on this database: what lasts already is not told."""
    with held(wait=True):
        _cursor, is_new = Cursor.objects.get_or_create(table=f"state:{name}")
        if is_new:
            OpenState.objects.bulk_create(map(partial(_row, name), now), ignore_conflicts=True)


def compare(
    source: str,
    now: Iterable[Lasting],
    within: Iterable[str] | None = None,
    existing: Existing = set,
) -> int:
    """Bring the rows of a source in step with what lasts now, and tell the differences; return
    their number. `within` are the keys that were looked at; None: all. Two queries when nothing
    has changed."""
    lasting = {one.key: one for one in now}
    if _states(_known(source, within)) == _states(lasting):
        return 0
    with held() as is_mine:
        if not is_mine:
            return 0
        return _tell(source, lasting, _known(source, within), existing)


def _known(source: str, within: Iterable[str] | None) -> dict[str, OpenState]:
    rows = OpenState.objects.filter(source=source)
    if within is not None:
        rows = rows.filter(key__in=list(within))
    return {row.key: row for row in rows}


def _states(known: Mapping[str, OpenState | Lasting]) -> dict[str, str]:
    return {key: row.state for key, row in known.items()}


def _tell(
    source: str,
    lasting: dict[str, Lasting],
    known: dict[str, OpenState],
    existing: Existing,
) -> int:
    states = _states(known)
    begun = [one for key, one in lasting.items() if states.get(key) != one.state]
    ended = sorted(known.keys() - lasting.keys())
    events = [_begin(source, one) for one in begun]
    events += filter(None, map(_end, map(known.__getitem__, sorted(existing(ended)))))
    gone = {*ended, *map(attrgetter("key"), begun)}
    OpenState.objects.filter(source=source, key__in=gone).delete()
    OpenState.objects.bulk_create(map(partial(_row, source), begun))
    places.place_in_subnets(events)
    write(events)
    return len(events)


def _row(source: str, one: Lasting) -> OpenState:
    facts = {
        "ended": one.ended,
        "subject_model": one.subject_model,
        "subject_id": one.subject_id,
        "subject": one.subject,
        "data": one.data,
        "place": {name: _text(value) for name, value in (one.place or {}).items()},
    }
    return OpenState(source=source, key=one.key, state=one.state, event=facts)


def _begin(source: str, one: Lasting) -> Event:
    return Event(
        kind=one.begun,
        subject_model=one.subject_model,
        subject_id=one.subject_id,
        subject=one.subject[:255],
        data=one.data,
        origin=_origin(source, one.key, "begun"),
        **(one.place or {}),
    )


def _end(row: OpenState) -> Event | None:
    facts = row.event
    if not facts["ended"]:
        return None
    place = dict(facts["place"])
    place["ip_address"] = AddressField().to_python(place.get("ip_address"))
    place["network"] = NetworkField().to_python(place.get("network"))
    return Event(
        kind=facts["ended"],
        subject_model=facts["subject_model"],
        subject_id=facts["subject_id"],
        subject=facts["subject"][:255],
        data=facts["data"],
        origin=_origin(row.source, row.key, "ended"),
        **place,
    )


def _origin(source: str, key: str, end: str) -> str:
    """Names what has begun or ended, by the time: the row of OpenState makes it happen once."""
    return f"{source}:{key[:50]}:{end}:{timezone.now().timestamp():.6f}"


def _text(value: Any) -> Any:
    if value is None or isinstance(value, int | str):
        return value
    return str(value)
