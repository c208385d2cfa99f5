"""The newest changes of rows, for the first page."""

from __future__ import annotations

from django.db import models
from django.http import HttpRequest

from api.security.models import SecurityEvent
from changes.log import groups
from changes.log.query import LogQuery
from changes.log.rights import Reader
from changes.log.words import Names
from changes.pages.rows import ChangeRow


class ReaderOfRows(Reader):
    """Reads no logins and other security events, which would displace the changes."""

    def tables(self) -> list[type[models.Model]]:
        return [model for model in super().tables() if model is not SecurityEvent]


def recent(request: HttpRequest, number: int) -> list[ChangeRow] | None:
    """So many changes at most that the user may see; None if there can be none."""
    reader = ReaderOfRows.of(request)
    if not reader.tables():
        return None
    found = groups.read_changes(LogQuery(), reader, None).changes[:number]
    names = Names([line for change in found for line in change.lines], reader)
    return [ChangeRow(change, names) for change in found]
