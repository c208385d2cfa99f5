"""What a search has found: groups of hits, each of which is a line with a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from django.db.models import Case, Q, QuerySet, When

from ipam.querysets import either

EXACT, START, PART = 0, 1, 2  # how well a hit matches; the best is the least


@dataclass(frozen=True, slots=True)
class Hit:
    """A line of the results. `mark` is the name of a symbol (palette.css)."""

    title: str
    url: str
    detail: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Hits of one kind. `url` leads to the list of all of them, of which there are `more`."""

    title: str
    hits: Sequence[Hit]
    rank: int = PART
    more: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The groups of a search, the best first."""

    groups: Sequence[Group]

    def as_json(self) -> dict[str, Any]:
        groups = list(map(asdict, self.groups))
        return {"groups": groups, "count": sum(map(_size, self.groups))}


def _size(group: Group) -> int:
    return len(group.hits)


def joined(*parts: object) -> str:
    """The parts that say something, as the detail of a hit."""
    return " · ".join(map(str, filter(None, parts)))


# --- how well a row matches -----------------------------------------------------------------------


def rank_of(text: str, words: Sequence[object]) -> int:
    """How well the text matches the words that name a row."""
    return min(map(partial(_rank, text.casefold()), map(str, words)), default=PART)


def _rank(wanted: str, word: str) -> int:
    found = word.casefold()
    return (found != wanted) + (not found.startswith(wanted))


def by_rank(rows: QuerySet, names: Sequence[str], text: str) -> QuerySet:
    """The rows with their `rank`, in its order: those that have the text as a name, those whose
    name begins so, and the others."""
    exact = When(named(names, "iexact", text), then=EXACT)
    start = When(named(names, "istartswith", text), then=START)
    return rows.annotate(rank=Case(exact, start, default=PART))


def named(names: Sequence[str], lookup: str, text: str) -> Q:
    """The rows of which one of the names meets the lookup."""
    return either(Q(**{f"{name}__{lookup}": text}) for name in names)
