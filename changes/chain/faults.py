"""What can be wrong with the log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: `kind` in a word, where, and a sentence that says it."""

    kind: str  # altered, removed, inserted, exchanged, seal, day, hash, archive
    text: str
    table: str = ""
    line: int | None = None
    day: str = ""
    seal: int | None = None
