"""Compare a file that was edited by hand with what we wrote: line by line, pure. Nothing is lost,
nothing decided.

A line that our own grammar reads is an addition, a change or a removal; whatever else stands there
is kept word for word. Editors' habits (CRLF, a byte order mark, capital letters, blanks) change no
meaning."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, product
from operator import itemgetter

from dhcp.files import check
from dhcp.files.records import OptionLine

HOSTS, OPTS, NAMES = "hosts", "opts", "names"
ADD, CHANGE, REMOVE, KEPT = "add", "change", "remove", "kept"
MOST_KEPT = 100  # unreadable lines that are kept one by one; more of them are kept together

_OURS = re.compile(r"# (Written by IPManager|(Reservations|Options|Ignored|Names): )")
_DIRECTIVE = re.compile(r"^dhcp-host\s*=\s*", re.IGNORECASE)
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
class _Reading:
    """What stands in the file and was not there before."""

    seen: set[str] = field(default_factory=set)
    new: list[tuple[Entry, str]] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def compare(file: str, before: bytes, after: bytes) -> list[Edit]:
    """What was done to `before`, which is ours, to make it `after`."""
    if file == NAMES:
        return _kept(NAMES, _edited_names(before, after))
    base = _entries(file, before)
    reading = _read(file, after, base, set(_lines(before)))
    gone = {text: entry for text, entry in base.items() if text not in reading.seen}
    edits = list(_pair(file, gone, reading.new))
    for text in gone:
        raw = _commented_out(text, reading.comments)
        edits.append(Edit(file, REMOVE, was=text, raw=raw))
    for raw in reading.comments:
        edits.append(Edit(file, KEPT, raw=raw, reason="a comment, which serves nobody"))
    return edits + _kept(file, reading.kept) + list(_no_longer_ignored(file, before, after))


def _edited_names(before: bytes, after: bytes) -> list[tuple[str, str]]:
    """Names are not served by hand: lines that came and went are kept to be read."""
    was, now = dict.fromkeys(_lines(before)), dict.fromkeys(_lines(after))
    found = []
    for line in now:
        if line not in was and not _OURS.match(line):
            found.append((line, "names follow from the ledger: change its row, or add a record"))
    for line in was:
        if line not in now and not _OURS.match(line):
            found.append((f"# {line}", "its line is back: the ledger has this name"))
    return found


def _no_longer_ignored(file: str, before: bytes, after: bytes) -> Iterator[Edit]:
    """Whoever removes the line of an ignored machine by hand changes nothing that lasts."""
    remaining = set(_lines(after))
    for line in _lines(before):
        if line not in remaining and parse(file, line) == check.IGNORED:
            reason = "its line is back: the ledger says that this machine is ignored"
            yield Edit(file, KEPT, raw=line, reason=reason)


@lru_cache(20_000)
def parse(file: str, line: str) -> Entry | str:
    """The line, or what is wrong with it."""
    if file == HOSTS:
        return _host(line)
    return _option(line)


def complaint(file: str, line: str) -> str:
    """What is wrong with the line; empty for a right one and for none."""
    entry = parse(file, line) if line else ""
    if isinstance(entry, str):
        return entry
    return ""


def same_one(file: str, line: str, other: str) -> bool:
    """Whether two lines are about the same card, or the same option."""
    one, two = parse(file, line), parse(file, other)
    if isinstance(one, str) or isinstance(two, str):
        return False
    if file == OPTS:
        return one.place == two.place
    return not set(one.cards).isdisjoint(two.cards)


def count(hosts: bytes) -> int:
    """How many lines of a file are reservations: neither empty nor comments, nor those of ignored
    machines."""
    return sum(
        line[:1] not in (b"", b"#") and not line.endswith(b",ignore") for line in hosts.splitlines()
    )


def is_damage(before: bytes, after: bytes) -> bool:
    """Nobody means to leave nothing at all: an editor or a full disk has lost the content."""
    return bool(before.strip()) and not after.strip(b" \t\r\n\0")


def _host(line: str) -> Entry | str:
    row = check.host_row(line.lower().encode("ascii", "replace"))
    if isinstance(row, str):
        return row.partition(": '")[0]  # the line stands beside it
    cards = tuple(product([row.ip.version], row.identities))
    return Entry(line.lower(), row.ip, cards)


def _option(line: str) -> Entry | str:
    complaints = check.opts_file(line.encode("ascii", "replace") + b"\n")
    if complaints:
        return complaints[0].partition(": ")[2]
    return Entry(line, OptionLine.parse(line).key)


def _lines(data: bytes) -> Iterator[str]:
    """As typed, but for what no reader sees: the mark that some editors begin with, the ends of
    lines."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    text = data.decode("utf-8", "backslashreplace").replace("\0", r"\x00")
    for line in text.split("\n"):
        if line := line.rstrip("\r").strip(" \t"):
            yield line


def _entries(file: str, data: bytes) -> dict[str, Entry]:
    """The lines that say something, by their text."""
    found = {}
    for line in _lines(data):
        if line.startswith("#"):
            continue
        entry = parse(file, line)
        if isinstance(entry, Entry):
            found[entry.text] = entry
    return found


def _read(file: str, data: bytes, base: dict[str, Entry], known: set[str]) -> _Reading:
    """Sort the lines; a comment belongs to the line below it."""
    reading = _Reading()
    above: list[str] = []
    for raw in _lines(data):
        if raw.startswith("#"):
            if raw not in known and not _OURS.match(raw):
                above.append(raw)
            continue
        entry = parse(file, _tidy(file, raw))
        if raw in known and entry == check.IGNORED:
            pass  # ours
        elif isinstance(entry, str):
            reading.kept.append(("\n".join([*above, raw]), entry))
        elif entry.text in base:
            reading.comments += above
            reading.seen.add(entry.text)
        else:
            reading.new.append((entry, "\n".join([*above, raw])))
        above = []
    reading.comments += above
    return reading


def _tidy(file: str, raw: str) -> str:
    """Without the blanks around commas and the remark behind the line, which dnsmasq passes over,
    too, and without the `dhcp-host=` of a configuration, with which dnsmasq reads no line of this
    file: what was meant is plain."""
    if file == OPTS:
        return raw
    said = _DIRECTIVE.sub("", raw.partition(" #")[0].strip())
    return _BLANKS.sub(",", said)


def _pair(file: str, gone: dict[str, Entry], new: list[tuple[Entry, str]]) -> Iterator[Edit]:
    """Which new line stands for which old one: the same card's, else the same address's. Removes
    those old ones from `gone`."""
    former: dict[str, str] = {}
    for keys in (_cards, _places):
        candidates = _by_key(gone.values(), keys)
        for entry, _raw in new:
            if entry.text in former:
                continue
            was = _first(keys(entry), candidates, gone)
            if was:
                former[entry.text] = was
                del gone[was]
    last: dict[str, str] = {}  # a line that stands twice is one edit
    for entry, raw in new:
        last[entry.text] = raw
    for text, raw in last.items():
        was = former.get(text, "")
        yield Edit(file, CHANGE if was else ADD, was=was, line=text, raw=raw)


def _first(
    keys: Iterable[Hashable], candidates: defaultdict[Hashable, list[str]], gone: dict[str, Entry]
) -> str:
    """The first old line of these keys that no new one stands for yet."""
    texts = chain.from_iterable(map(candidates.__getitem__, keys))
    return next(filter(gone.__contains__, texts), "")


def _by_key(
    entries: Iterable[Entry], keys: Callable[[Entry], tuple[Hashable, ...]]
) -> defaultdict[Hashable, list[str]]:
    """The lines that each key belongs to: every line of a file may have changed, so nothing
    searches through all of them."""
    found = defaultdict[Hashable, list[str]](list)
    for entry in entries:
        for key in keys(entry):
            found[key].append(entry.text)
    return found


def _cards(entry: Entry) -> tuple[Hashable, ...]:
    return entry.cards


def _places(entry: Entry) -> tuple[Hashable, ...]:
    return (entry.place,)


def _commented_out(text: str, comments: list[str]) -> str:
    """The line with a # before it, if that is how it was removed. Takes it from the comments."""
    for raw in comments:
        if _tidy(HOSTS, raw.lstrip("# \t")).lower() == text:
            comments.remove(raw)
            return raw
    return ""


def _kept(file: str, kept: list[tuple[str, str]]) -> list[Edit]:
    """Unreadable lines with the reason; very many are kept together."""
    edits = []
    for raw, reason in kept[:MOST_KEPT]:
        edits.append(Edit(file, KEPT, raw=raw, reason=reason))
    rest = kept[MOST_KEPT:]
    if rest:
        raw = "\n".join(map(itemgetter(0), rest))
        edits.append(Edit(file, KEPT, raw=raw, reason=f"{len(rest)} more lines like this"))
    return edits
