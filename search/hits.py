"""What a search has found: groups of hits, each of which is a line with a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

EXACT, START, PART = 0, 1, 2  # how well a hit matches; the best is the least


@dataclass(frozen=True, slots=True)
class Hit:
    """A line of the results. `mark` is the name of a symbol (palette.css)."""

    title: str
    url: str
    detail: str = ""
    mark: str = ""

    def as_json(self) -> dict[str, str]:
        return {"title": self.title, "url": self.url, "detail": self.detail, "mark": self.mark}


@dataclass(frozen=True, slots=True)
class Group:
    """Hits of one kind. `url` leads to the list of all of them, of which there are `more`."""

    title: str
    hits: Sequence[Hit]
    rank: int = PART
    more: bool = False
    url: str = ""

    def as_json(self) -> dict[str, Any]:
        hits = [hit.as_json() for hit in self.hits]
        return {"title": self.title, "hits": hits, "more": self.more, "url": self.url}


@dataclass(frozen=True, slots=True)
class Found:
    """The groups of a search, the best first."""

    groups: Sequence[Group]

    @property
    def count(self) -> int:
        return sum(len(group.hits) for group in self.groups)

    def as_json(self) -> dict[str, Any]:
        return {"count": self.count, "groups": [group.as_json() for group in self.groups]}


def rank_of(text: str, words: Sequence[str]) -> int:
    """How well the text matches the words that name a row."""
    wanted, known = text.casefold(), [word.casefold() for word in words]
    if wanted in known:
        return EXACT
    if any(word.startswith(wanted) for word in known):
        return START
    return PART


def joined(*parts: object) -> str:
    """The parts that say something, as the detail of a hit."""
    return " · ".join(str(part) for part in parts if part)
