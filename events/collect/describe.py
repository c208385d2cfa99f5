"""Make events of rows, whatever they hold. Raw SQL can write values that cannot be read or told:
such a row becomes the event of a failed check, so that it holds up neither its table nor others."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError

from changes.unreadable import is_of_values
from events.collect.follow import Source, Unreadable
from events.kinds import HEALTH
from events.models import Event

logger = logging.getLogger("events.collect")


def described(source: Source, rows: list[Any]) -> list[Event]:
    """The events of the rows. Raises DatabaseError when the database does not answer."""
    if not any(isinstance(row, Unreadable) for row in rows):
        try:
            return source.describe(rows)
        except Exception as error:
            _raise_unless_of_values(error)
    return [event for row in rows for event in _of_one(source, row)]


def _of_one(source: Source, row: Any) -> list[Event]:
    if isinstance(row, Unreadable):
        return [_failed(source, row.pk, row.reason)]
    try:
        return source.describe([row])
    except Exception as error:
        _raise_unless_of_values(error)
        return [_failed(source, row.pk, f"{type(error).__name__}: {error}")]


def _raise_unless_of_values(error: Exception) -> None:
    if isinstance(error, DatabaseError) and not is_of_values(error):
        raise error


def _failed(source: Source, key: int, reason: str) -> Event:
    name = f"{source.table}:{key}"
    logger.error("%s cannot be told: %s", name, reason)
    return Event(
        kind="finding.raised",
        subject_model=HEALTH,
        subject_id=name[:120],
        subject=name[:255],
        data={
            "check": "events",
            "level": "error",
            "reason": f"{name} holds a value that cannot be read.",
            "hint": "Correct the row that it is a line of; the server's log names the value.",
            "host": "",
        },
        origin=name,
    )
