"""Compare the lines of one segment with its seal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from changes.chain.content import SHORT, Segment, digests, replaced, unpacked
from changes.chain.seal import select
from changes.chain.tables import sealed_tables
from changes.models import Seal

Short = Mapping[int, bytes]


@dataclass
class Result:
    """The lines that are not as they were sealed, by their numbers."""

    count: int = 0
    altered: list[int] = field(default_factory=list)
    altered_with_digest: list[int] = field(default_factory=list)
    exchanged: list[tuple[int, int]] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    inserted: list[int] = field(default_factory=list)
    unnamed: bool = False  # something is wrong, and the seal does not tell which line

    @property
    def is_right(self) -> bool:
        return self == Result(self.count)


def lines(seal: Seal) -> Result:
    """Read the lines from the table and compare them."""
    model: Any = sealed_tables()[seal.table]
    segment = Segment()
    rows = select(model, seal.columns.split(" "), seal.first, seal.last)
    for key, line in digests(rows.iterator(chunk_size=1000)):
        segment.add(key, line)
    result = Result(segment.count)
    if segment.content.hex() != seal.content or bytes(segment.kept) != bytes(seal.kept):
        _find(seal, segment, result)
    return result


def _find(seal: Seal, segment: Segment, result: Result) -> None:
    """Name each line that differs."""
    stored, now = unpacked(seal.kept), unpacked(segment.kept)
    gone = pruned_lines(seal)
    result.removed = sorted(stored.keys() - now.keys() - gone)
    result.inserted = sorted(now.keys() - stored.keys())
    differing = [key for key in stored.keys() & now.keys() if stored[key] != now[key]]
    result.exchanged = _exchanged(sorted(differing), stored, now)
    result.altered = sorted({*differing}.difference(*result.exchanged))
    if result.is_right and not gone:
        _find_replaced(seal, segment, result)


def _exchanged(differing: list[int], stored: Short, now: Short) -> list[tuple[int, int]]:
    """Pairs of lines of which each has what the other had."""
    holder = dict(zip(map(now.get, differing), differing, strict=True))
    pairs = []
    for key in differing:
        other = holder.get(stored[key], key)
        if key < other and stored[other] == now[key]:
            pairs.append((key, other))
    return pairs


def _find_replaced(seal: Seal, segment: Segment, result: Result) -> None:
    """The short digests match, the whole content does not: a line and its digest were replaced."""
    place = replaced(bytes(seal.locator), segment.locator)
    if 0 < place <= segment.count:
        result.altered_with_digest = [list(unpacked(segment.kept))[place - 1]]
    else:
        result.unnamed = True


def pruned_lines(seal: Seal) -> set[int]:
    """The lines of the seal that were pruned: a bit for each, in their order."""
    bits = int.from_bytes(bytes(seal.pruned), "little")
    keys = unpacked(seal.kept)
    return {key for place, key in enumerate(keys) if bits >> place & 1}


def mark_pruned(seal: Seal, keys: set[int]) -> None:
    """Set the bits of these lines."""
    bits = bytearray(seal.pruned) or bytearray((seal.count + 7) // 8)
    for place, key in enumerate(unpacked(seal.kept)):
        if key in keys:
            bits[place // 8] |= 1 << place % 8
    seal.pruned = bytes(bits)


def short(content: Any) -> bytes:
    return hashlib.sha256(bytes(content)).digest()[:SHORT]
