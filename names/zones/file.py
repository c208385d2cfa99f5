"""Zone files (RFC 1035, 5): what we serve as text, and the text of others as records.

Read are A, AAAA, CNAME, NS, MX, SRV, TXT and CAA; $ORIGIN, $TTL, parentheses, quoted strings and
comments. Everything else is named with its line: nothing is left out silently. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from names import rdata
from names.zones.served import Served

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_PART = re.compile(rf'{_STRING}|[()]|;[^\n]*|\n|[^\s();"]+|"[^\n]*')
_UNENDED = re.compile(rf'(?!{_STRING}\Z)"')
_TTL = re.compile(r"(?=.{1,32}\Z)(?:[0-9]+[smhdw])*[0-9]*", re.ASCII | re.IGNORECASE)
_TIME = re.compile("([0-9]+)([smhdw]?)", re.ASCII | re.IGNORECASE)
_CLASSES = frozenset({"IN", "CH", "HS"})
# How many names stand at the end of a value, which may be relative to the origin.
_NAMES_AT_END = {"CNAME": 1, "NS": 1, "MX": 1, "SRV": 1}
_UNITS = {"S": 1, "M": 60, "H": 3600, "D": 86_400, "W": 604_800}


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as a line has it: its whole name, type and value; or why it cannot be kept."""

    line: int
    name: str = ""
    type: str = ""
    value: str = ""
    complaint: str = ""
    ttl: int | None = None  # as the line itself says


@dataclass(frozen=True, slots=True)
class _Logical:
    """The words of one record, which may go over several lines."""

    line: int
    has_owner: bool
    words: tuple[str, ...]


def read(text: str, origin: str) -> list[Entry]:
    """All records, and a complaint for each that cannot be kept."""
    reader = _Reader(origin)
    found: list[Entry] = []
    for logical in _logical_lines(text):
        found += reader.entries(logical)
    return found


def _logical_lines(text: str) -> Iterator[_Logical]:
    depth, line, began = 0, 1, 1
    words: list[str] = []
    starts = _owners(text)
    for part in _PART.findall(text + "\n"):
        depth += (part == "(") - (part == ")")
        if part == "\n":
            line += 1
        elif part[0] not in "();":
            words.append(part)
        if part == "\n" and depth <= 0:
            if words:
                yield _Logical(began, starts[began - 1], tuple(words))
            depth, words, began = 0, [], line


def _owners(text: str) -> list[bool]:
    """Of each line, whether it begins with a name and not with a blank."""
    return [line[:1].strip() != "" for line in (text + "\n").split("\n")]


class _Reader:
    """What the lines before have said."""

    def __init__(self, origin: str) -> None:
        self.zone = self.origin = self.owner = origin

    def entries(self, logical: _Logical) -> Iterator[Entry]:
        words = list(logical.words)
        if words[0].startswith("$"):
            yield from self._directive(logical.line, words)
            return
        if logical.has_owner:
            self.owner = self._whole(words.pop(0))
        ttl = None
        while words and _is_ttl_or_class(words[0]):
            ttl = _seconds(words.pop(0), ttl)
        yield replace(self._entry(logical.line, words), ttl=ttl)

    def _directive(self, line: int, words: list[str]) -> Iterator[Entry]:
        name = words[0].upper()
        if name == "$ORIGIN" and len(words) == 2:
            self.origin = self._whole(words[1])
        elif name != "$TTL":
            yield Entry(line, complaint=_("%s is not read.") % words[0][:20])

    def _whole(self, name: str) -> str:
        """A name that does not end with a dot is relative to the origin."""
        name = rdata.lower(name)
        if name == "@":
            return self.origin
        if name.endswith("."):
            return name.rstrip(".")
        return f"{name}.{self.origin}"

    def _entry(self, line: int, words: list[str]) -> Entry:
        kind, rest = "".join(words[:1]).upper(), words[1:]
        entry = Entry(line, self.owner, kind)
        if kind == "SOA" or (kind == "NS" and self.owner == self.zone):
            return replace(entry, complaint=_("SOA and NS belong to the server that serves it."))
        if any(map(_UNENDED.match, words)):
            return replace(entry, complaint=_("A string does not end."))
        if kind not in rdata.TYPES:
            return replace(
                entry, complaint=_("A record of the type %s cannot be kept.") % kind[:20]
            )
        try:
            return replace(entry, value=rdata.canonical(kind, self._value(kind, rest)))
        except ValueError as error:
            return replace(entry, complaint=str(error))

    def _value(self, kind: str, words: list[str]) -> str:
        ends = len(words) - _NAMES_AT_END.get(kind, 0)
        names = map(self._whole, words[ends:])
        return " ".join([*words[:ends], *names])


def _is_ttl_or_class(word: str) -> bool:
    return word.upper() in _CLASSES or _TTL.fullmatch(word) is not None


def _seconds(word: str, before: int | None) -> int | None:
    """A TTL as a number, as in 300 or 1h30m; what was read before for a class."""
    if word.upper() in _CLASSES:
        return before
    parts = _TIME.findall(word)
    return sum(int(number) * _UNITS[unit.upper() or "S"] for number, unit in parts)


# --- writing --------------------------------------------------------------------------------------


def write(zone: str, ttl: int, records: Iterable[Served]) -> str:
    """A whole zone for another server; the SOA record comes first."""
    head = [f"$ORIGIN {zone}.", f"$TTL {ttl}"]
    body = sorted(records, key=lambda row: (row.type != "SOA", row.type != "NS", row))
    return "\n".join([*head, *map(_line, body), ""])


def _line(row: Served) -> str:
    ttl = [] if row.ttl is None else [str(row.ttl)]
    return " ".join([f"{row.name}.", *ttl, row.type, _written(row.type, row.value)])


def _written(kind: str, value: str) -> str:
    return _WRITERS.get(kind, str)(value)


def _quoted_end(value: str) -> str:
    *words, text = value.split(" ", 2)
    return " ".join([*words, f'"{text}"'])


def _soa(value: str) -> str:
    server, contact, *numbers = value.split()
    return " ".join([f"{server}.", f"{contact}.", *numbers])


_WRITERS: dict[str, Callable[[str], str]] = {
    "SOA": _soa,
    "TXT": '"{}"'.format,
    "CAA": _quoted_end,
    "CNAME": "{}.".format,
    "NS": "{}.".format,
    "MX": "{}.".format,
    "SRV": "{}.".format,
}
