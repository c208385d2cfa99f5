"""Read SQL from files that hold whole statements, which one can paste into psql or sqlite3.

A folder `sql/` has one subfolder for each database. A file that makes functions, triggers and
indexes holds several statements; each begins with CREATE at the start of a line. A file with a
statement for Python holds just that, with named parameters as in `%(name)s`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_BEGINS = re.compile(r"^(?=CREATE )", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)


@cache
def statement(path: Path) -> str:
    """The one statement of a file, without the comments above it."""
    return _COMMENT.sub("", path.read_text()).strip().removesuffix(";")


@cache
def statements(*paths: Path) -> tuple[str, ...]:
    """The CREATE statements of the files, in their order, without the comments between them."""
    found: list[str] = []
    for path in paths:
        _heading, *parts = _BEGINS.split(_COMMENT.sub("", path.read_text()))
        found += [part.strip().removesuffix(";") for part in parts]
    return tuple(found)
