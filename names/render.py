"""The file of names for dnsmasq's `addn-hosts`, and our own strict reading of it.

Written are whole names only, in lower case: a bare label would answer for everybody. dnsmasq takes
more than it should (`a..b`, `*.x`), so the reading does not know how the text was made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from itertools import filterfalse

from names.ledger import RESERVED, NameLine
from names.rdata import REMEMBERED

MOST_COMPLAINTS = 20
_LABEL = "[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_LINE = re.compile(rf"([0-9.]{{7,15}}|[0-9a-f:]{{2,39}}) ((?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})+)")
_COMMENT = re.compile("#[ -~]*")


def names_file(lines: Iterable[NameLine], header: str) -> bytes:
    """The whole file; `header` is its first line."""
    body = [f"{line.text}\n" for line in lines]
    return "".join([header, f"# Names: {len(body)}\n", *body]).encode("ascii")


def count(data: bytes) -> int:
    """How many names the file has."""
    return sum(line[:1] not in (b"", b"#") for line in data.split(b"\n"))


def complaints(data: bytes) -> list[str]:
    """What is wrong with a finished file: every line is a comment or `IP NAME`."""
    *lines, rest = data.decode("latin-1").split("\n")
    found = ["the last line of the names does not end"] * bool(rest)
    said = list(filterfalse(_COMMENT.fullmatch, lines))
    for line in filterfalse(_is_right, said):
        found.append(f"not IP NAME: {line[:80]!r}")
    if len(set(said)) < len(said):
        found.append("a name stands twice at one address")
    return found[:MOST_COMPLAINTS]


@lru_cache(REMEMBERED)
def _is_right(line: str) -> bool:
    match = _LINE.fullmatch(line)
    if match is None or match[2] in RESERVED:
        return False
    try:
        return str(ip_address(match[1])) == match[1]
    except ValueError:
        return False
