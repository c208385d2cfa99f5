"""What is hashed of a line: every column, in a form that is the same on both databases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any

from django.db import models

Digest = bytes  # 32 bytes
SHORT = 8  # bytes of a digest that a seal keeps for each line
KEY = "history_id"


def columns_of(model: type[models.Model]) -> list[str]:
    """The columns that are hashed, by name; the line's own number is not among them."""
    names = set(map(attrgetter("attname"), model._meta.concrete_fields))
    return sorted(names - {model._meta.pk.attname})


def digests(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, Digest]]:
    """The number and the digest of each line; `rows` as `select` gives them."""
    for key, *values in rows:
        yield key, digest(values)


def digest(values: Sequence[Any]) -> Digest:
    """The digest of a line's columns, in the order of their names."""
    text = json.dumps(list(map(plain, values)), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def plain(value: Any) -> Any:
    """A value as JSON has it; equal on both databases."""
    return _PLAIN.get(type(value), str)(value)


def _number(value: float) -> Any:
    """PostgreSQL keeps 1e3 within JSON as 1000."""
    return int(value) if value.is_integer() else value


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _itself(value: Any) -> Any:
    return value


def _list(value: Sequence[Any]) -> list[Any]:
    return list(map(plain, value))


def _object(value: dict[str, Any]) -> dict[str, Any]:
    return {key: plain(value[key]) for key in sorted(value)}


_PLAIN: dict[type, Callable[[Any], Any]] = {
    type(None): _itself,
    bool: _itself,
    int: _itself,
    str: _itself,
    float: _number,
    datetime: _moment,
    date: date.isoformat,
    bytes: bytes.hex,
    memoryview: lambda value: bytes(value).hex(),
    list: _list,
    tuple: _list,
    dict: _object,
}


def packed(key: int, line: Digest) -> bytes:
    """What a seal keeps of a line: its number and the first bytes of its digest."""
    return key.to_bytes(8, "big", signed=True) + line[:SHORT]


def unpacked(content: Any) -> dict[int, bytes]:
    """Numbers and short digests, in their order."""
    kept, found = bytes(content), {}
    for place in range(0, len(kept), 8 + SHORT):
        key = int.from_bytes(kept[place : place + 8], "big", signed=True)
        found[key] = kept[place + 8 : place + 8 + SHORT]
    return found


class Segment:
    """The lines of one segment, while they are read."""

    def __init__(self) -> None:
        self.kept = bytearray()
        self.count = 0
        self._whole = hashlib.sha256()
        self._sum = self._weighted = 0

    def add(self, key: int, line: Digest) -> None:
        self.kept += packed(key, line)
        self.count += 1
        self._whole.update(key.to_bytes(8, "big", signed=True) + line)
        value = int.from_bytes(line[:SHORT], "big")
        self._sum += value
        self._weighted += self.count * value

    @property
    def content(self) -> Digest:
        return self._whole.digest()

    @property
    def locator(self) -> bytes:
        """Two sums over the short digests: they tell which one of them was replaced."""
        plain_sum, weighted = self._sum % _PRIME, self._weighted % _PRIME
        return plain_sum.to_bytes(9, "big") + weighted.to_bytes(9, "big")


_PRIME = 2**64 + 13


def replaced(before: bytes, now: bytes) -> int:
    """The place, from 1, of the one digest that was replaced between two locators; 0 if it was
    not just one."""
    difference = (_number_in(now[:9]) - _number_in(before[:9])) % _PRIME
    weighted = _number_in(now[9:]) - _number_in(before[9:])
    if not difference:
        return 0
    return weighted * pow(difference, -1, _PRIME) % _PRIME


def _number_in(text: bytes) -> int:
    return int.from_bytes(text, "big")
