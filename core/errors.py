"""The errors of IPManager; each has a message and a hint what to do.

    IPManagerError
    ├── Invalid      the request itself is wrong                (HTTP 400)
    ├── NotFound     the requested object does not exist        (HTTP 404)
    ├── Conflict     the present state forbids the request      (HTTP 409)
    │   └── Exhausted    nothing free is left                   (HTTP 409)
    └── Unavailable  a required part does not answer; try again (HTTP 503)

The admin shows them, REST answers with them, and commands print them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, Self


class Reason(str):
    """A sentence that says why something is refused, and the rows that it names.

    A caller who may see only some rows reads it if all of these are among them (`api.confinement`).
    A message that is no Reason is not shown to such a caller."""

    rows: tuple[Any, ...]

    def __new__(cls, text: object, *rows: Any) -> Self:
        if isinstance(text, Reason):
            rows = (*text.rows, *rows)
        reason = super().__new__(cls, text)
        reason.rows = rows
        return reason

    def __str__(self) -> str:
        return self  # str() would forget the rows

    @classmethod
    def joined(cls, sentences: Iterable[str]) -> str:
        """The sentences as one; a Reason if each of them is one."""
        found = list(sentences)
        text = " ".join(found)
        reasons = [sentence for sentence in found if isinstance(sentence, Reason)]
        if len(reasons) < len(found):
            return text
        return cls(text, *chain.from_iterable(reason.rows for reason in reasons))


class Clash(Reason):
    """A message of a ValidationError: the value is valid, but an existing object forbids it.

    A form shows it like any other message; the API answers 409 instead of 400."""


class IPManagerError(Exception):
    """What is wrong (`message`), and what to do about it (`hint`, may be empty)."""

    code = "error"
    status = 500
    retry_after = 0  # seconds until a retry may succeed; 0: unknown
    details: dict[str, Any] | None = None  # further members of the problem document
    errors: dict[str, list[str]] | None = (
        None  # what is wrong with single fields, where there is more than one
    )

    def __init__(self, message: object, hint: object = "") -> None:
        super().__init__(message, hint)
        self.message = str(message)
        self.hint = str(hint)

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Invalid(IPManagerError):
    """The request itself is wrong and never succeeds unchanged."""

    code = "invalid"
    status = 400


class NotFound(IPManagerError):
    """The requested object does not exist."""

    code = "not_found"
    status = 404


class Conflict(IPManagerError):
    """The request is valid, but the present state forbids it."""

    code = "conflict"
    status = 409


class Exhausted(Conflict):
    """Nothing free is left to allocate."""

    code = "exhausted"


class Unavailable(IPManagerError):
    """A required part does not answer now; the same request may succeed later."""

    code = "unavailable"
    status = 503
