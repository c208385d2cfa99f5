"""The newest changes of rows, for the first page."""

from __future__ import annotations

from functools import partial
from operator import is_not

from django.db import models
from django.http import HttpRequest

from api.security.models import SecurityEvent
from changes.log.newest import newest_changes
from changes.log.rights import Reader
from changes.pages.rows import ChangeRow, rows_of


class ReaderOfRows(Reader):
    """Reads no logins and other security events, which would displace the changes."""

    def tables(self) -> list[type[models.Model]]:
        return list(filter(partial(is_not, SecurityEvent), super().tables()))


def recent(request: HttpRequest, number: int) -> list[ChangeRow] | None:
    """So many changes at most that the user may see; None if there can be none."""
    reader = ReaderOfRows.of(request)
    if not reader.tables():
        return None
    return rows_of(newest_changes(reader, number), reader)
