"""Lines with values that no field can read: on SQLite, raw SQL may write anything into any column,
and the triggers keep it as it was written."""

from __future__ import annotations

from functools import partial
from itertools import filterfalse
from operator import attrgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.db import OperationalError, models
from django.utils.translation import gettext as _

ERRORS = (ValueError, ValidationError, OperationalError)


def read(rows: models.QuerySet) -> list[Any]:
    """The rows. In one that cannot be read, a text stands for each value that cannot."""
    try:
        return list(rows)
    except ERRORS as error:
        if not is_of_values(error):
            raise
    return [_one(rows.filter(pk=key)) for key in list(rows.values_list("pk", flat=True))]


def is_of_values(error: Exception) -> bool:
    """Whether it is about values, and not about the database as such. SQLite cannot decode text
    that is not UTF-8."""
    return not isinstance(error, OperationalError) or str(error).startswith("Could not decode")


def _one(row: models.QuerySet) -> Any:
    names = map(attrgetter("attname"), row.model._meta.concrete_fields)
    broken = list(filterfalse(partial(_is_readable, row), names))
    record = row.select_related(None).defer(*broken).get()
    for name in broken:
        setattr(record, name, _("(cannot be read)"))
    return record


def _is_readable(row: models.QuerySet, name: str) -> bool:
    try:
        row.order_by().values_list(name, flat=True).get()
    except ERRORS as error:
        if not is_of_values(error):
            raise
        return False
    return True
