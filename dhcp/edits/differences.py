"""What somebody changed in a file of ours with an editor: line by line, pure. Nothing is lost,
nothing decided.

A line that our own grammar reads is an addition, a change or a removal; whatever else stands there
is kept word for word. Editors' habits (CRLF, a byte order mark, capital letters, blanks) change no
meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from dhcp.files import check

HOSTS, OPTS = "hosts", "opts"
ADD, CHANGE, REMOVE, KEPT = "add", "change", "remove", "kept"
MOST_KEPT = 100  # unreadable lines that are kept one by one; more of them are kept together

_OURS = re.compile(r"# (Written by IPManager|(Reservations|Options): )")
_BLANKS = re.compile(r"\s*,\s*")


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that was done by hand. `was` and `line` are as dnsmasq may read them, `raw` as
    somebody typed it."""

    file: str
    action: str
    was: str = ""
    line: str = ""
    raw: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that says something: its text, and by what it is known again."""

    text: str
    place: Hashable
    cards: tuple[Hashable, ...] = ()


@dataclass(slots=True)
class _Found:
    """What stands in the file and was not there before."""

    seen: set[str] = field(default_factory=set)
    fresh: list[tuple[Entry, str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def compare(file: str, before: bytes, after: bytes) -> list[Edit]:
    """What was done to `before`, which is ours, to make it `after`."""
    base, known = _entries(file, before), set(_lines(before))
    found = _read(file, after, base, known)
    gone = {text: entry for text, entry in base.items() if text not in found.seen}
    edits = [*_pair(file, gone, found.fresh)]
    edits += [
        Edit(file, REMOVE, was=text, raw=_commented_out(text, found.comments)) for text in gone
    ]
    edits += [
        Edit(file, KEPT, raw=raw, reason="a comment, which serves nobody") for raw in found.comments
    ]
    return edits + _kept(file, found.kept)


@lru_cache(20_000)
def read(file: str, line: str) -> Entry | str:
    """The line, or what is wrong with it."""
    return _host(line) if file == HOSTS else _option(line)


def key_of(option: str) -> str:
    """What a line of the options file is about: `tag:s1,option:router`."""
    return ",".join(option.split(",", 2)[:2])


def same_one(file: str, line: str, other: str) -> bool:
    """Whether two lines are about the same card, or the same option."""
    one, two = read(file, line), read(file, other)
    if isinstance(one, str) or isinstance(two, str):
        return False
    return bool({*one.cards} & {*two.cards}) if file == HOSTS else one.place == two.place


def count(hosts: bytes) -> int:
    """How many lines of a file say something."""
    return sum(1 for line in hosts.splitlines() if line and not line.startswith(b"#"))


def is_damage(before: bytes, after: bytes) -> bool:
    """Nothing at all is no intention: an editor or a full disk has eaten the file."""
    return bool(before.strip()) and not after.strip(b" \t\r\n\0")


def _host(line: str) -> Entry | str:
    row = check.host_row(line.lower().encode("ascii", "replace"))
    if isinstance(row, str):
        return row.partition(": '")[0]  # the line stands beside it
    return Entry(line.lower(), row.ip, tuple((row.ip.version, one) for one in row.identities))


def _option(line: str) -> Entry | str:
    complaints = check.opts_file(line.encode("ascii", "replace") + b"\n")
    if complaints:
        return complaints[0].partition(": ")[2]
    return Entry(line, key_of(line))


def _lines(data: bytes) -> Iterator[str]:
    """As typed, but for what no reader sees: the mark that some editors begin with, the ends of
    lines."""
    text = (
        data.removeprefix(b"\xef\xbb\xbf")
        .decode("utf-8", "backslashreplace")
        .replace("\0", r"\x00")
    )
    for line in text.split("\n"):
        if line := line.rstrip("\r").strip(" \t"):
            yield line


def _entries(file: str, data: bytes) -> dict[str, Entry]:
    found = (read(file, line) for line in _lines(data) if not line.startswith("#"))
    return {entry.text: entry for entry in found if isinstance(entry, Entry)}


def _read(file: str, data: bytes, base: dict[str, Entry], known: set[str]) -> _Found:
    found, above = _Found(), []
    for raw in _lines(data):
        if raw.startswith("#"):
            above += [] if raw in known or _OURS.match(raw) else [raw]
            continue
        entry = read(file, _tidy(file, raw))
        if isinstance(entry, Entry) and entry.text in base:
            found.comments += above
            found.seen.add(entry.text)
        elif isinstance(entry, Entry):
            found.fresh.append((entry, "\n".join([*above, raw])))
        else:
            found.kept.append(("\n".join([*above, raw]), entry))
        above = []
    found.comments += above
    return found


def _tidy(file: str, raw: str) -> str:
    """Blanks around commas, and a remark behind the line, which dnsmasq passes over, too."""
    return _BLANKS.sub(",", raw.partition(" #")[0].strip()) if file == HOSTS else raw


def _pair(file: str, gone: dict[str, Entry], fresh: list[tuple[Entry, str]]) -> Iterator[Edit]:
    """Which new line stands for which old one: the same card's, else the same address's. Empties
    `gone` of them."""
    partner: dict[str, str] = {}
    for keys in (_cards, _places):
        there = _by_key(gone.values(), keys)
        for entry, _raw in fresh:
            found = (text for key in keys(entry) for text in there.get(key, ()) if text in gone)
            if entry.text not in partner and (was := next(found, "")):
                partner[entry.text] = was
                del gone[was]
    for text, (entry, raw) in {entry.text: (entry, raw) for entry, raw in fresh}.items():
        was = partner.get(text, "")
        yield Edit(file, CHANGE if was else ADD, was=was, line=entry.text, raw=raw)


def _by_key(
    entries: Iterable[Entry], keys: Callable[[Entry], tuple[Hashable, ...]]
) -> dict[Hashable, list[str]]:
    """The lines that each key belongs to: every line of a file may have changed, so nobody searches
    through all."""
    found: dict[Hashable, list[str]] = {}
    for entry in entries:
        for key in keys(entry):
            found.setdefault(key, []).append(entry.text)
    return found


def _cards(entry: Entry) -> tuple[Hashable, ...]:
    return entry.cards


def _places(entry: Entry) -> tuple[Hashable, ...]:
    return (entry.place,)


def _commented_out(text: str, comments: list[str]) -> str:
    """The line with a # before it, if that is how it was removed. Takes it from the comments."""
    for raw in comments:
        if _BLANKS.sub(",", raw.lstrip("# \t")).lower() == text:
            comments.remove(raw)
            return raw
    return ""


def _kept(file: str, kept: list[tuple[str, str]]) -> list[Edit]:
    some, rest = kept[:MOST_KEPT], kept[MOST_KEPT:]
    edits = [Edit(file, KEPT, raw=raw, reason=reason) for raw, reason in some]
    if rest:
        edits.append(
            Edit(
                file,
                KEPT,
                raw="\n".join(raw for raw, _ in rest),
                reason=f"{len(rest)} more lines like this",
            )
        )
    return edits
