"""The difference between two texts as hunks of lines, small and reversible. Pure.

A hunk is `[start, removed lines, added lines]`; `start` counts the lines of the earlier text from
0. The removed lines are part of it, so that a hunk is applied only where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

Hunk = tuple[int, list[str], list[str]]


def between(before: Sequence[str], after: Sequence[str]) -> list[Hunk]:
    """The hunks that lead from one text to the other."""
    head = _common_head(before, after)
    tail = _common_head(before[head:][::-1], after[head:][::-1])
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        (head + start, list(old[start:end]), list(new[added_start:added_end]))
        for tag, start, end, added_start, added_end in matcher.get_opcodes()
        if tag != "equal"
    ]


def apply(hunks: Sequence[Hunk], before: Sequence[str]) -> list[str]:
    """The later text. Raises ValueError when the hunks are not of this earlier text."""
    after: list[str] = []
    place = 0
    for start, removed, added in hunks:
        end = start + len(removed)
        fits = place <= start <= len(before) and list(before[start:end]) == list(removed)
        if not fits:
            raise ValueError(f"a hunk does not fit at line {start}")
        after += before[place:start]
        after += added
        place = end
    after += before[place:]
    return after


def reverse(hunks: Sequence[Hunk]) -> list[Hunk]:
    """The hunks that lead back from the later text to the earlier one."""
    shift = 0
    back: list[Hunk] = []
    for start, removed, added in hunks:
        back.append((start + shift, added, removed))
        shift += len(added) - len(removed)
    return back


def _common_head(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines are the same at the beginning of both."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
