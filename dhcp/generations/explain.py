"""Which change of whom is behind each line of a difference: read from the lines and the change rows
alone.

A change names its row and, if it is one of values, the values before and after; a line names cards,
an address and a host. What they share tells that they belong together. A line about which nothing
is known gets no guess."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext

from dhcp.files import check
from dhcp.files.check import Row
from dhcp.files.names import safe_name
from dhcp.files.snapshot import interface_name
from dhcp.models import DhcpChange, HandEdit
from ipam.addresses import Network

Change = Mapping[str, Any]  # as journal keeps it: kind, id, name, action, detail, who, at

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_NAMES = re.compile(r"\b(?:hostname|name): (\S*) -> (\S*?)(?:,|$)")
_WORDS = re.compile(r"[0-9a-f.:]{3,}")
_TAG = re.compile(r"\btag:(s[0-9]+),|\bset:(s[0-9]+),")
_WIDE = frozenset({"subnet", "dhcpscope", "dhcpoption", "pool", "dhcpserver"})
_MOST = 3  # changes that are told of one line
_MOST_LOOKED_UP = 200


@dataclass(frozen=True, slots=True)
class Explained:
    """A line of a difference, and which of the changes led to it."""

    text: str
    causes: list[int] = field(default_factory=list)


def told(diff: str, changes: Sequence[Change]) -> list[tuple[str, str]]:
    """Every line of the difference with its causes in words, or that somebody wrote it by hand."""
    edits = by_hand(diff)
    lines = []
    for line in explain(diff, changes):
        words = [sentence(changes[number]) for number in line.causes]
        if not words and line.text[1:] in edits:
            words = [gettext("by hand: %s") % edits[line.text[1:]].get_state_display()]
        lines.append((line.text, "; ".join(words)))
    return lines


@dataclass(frozen=True, slots=True)
class _Clues:
    """By what a line, or a change, can be known."""

    tokens: frozenset[str] = frozenset()  # cards and addresses
    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    kind: str = ""
    is_server_wide: bool = (
        False  # a server's name or its being there: concerns its other cards, too
    )


def explain(diff: str, changes: Sequence[Change]) -> list[Explained]:
    """Every line of the difference with its causes."""
    clues = [_of_change(change) for change in changes]
    lines = [(text, _of_line(text)) for text in diff.splitlines()]
    index = _Index(clues)
    found = [index.surely(line) for _text, line in lines]
    _share(lines, found)
    _guess(lines, found, clues, _is_nameless, {"server", "interface"})
    for number, (_text, line) in enumerate(lines):
        found[number] = found[number] or index.around(line)
    _guess(lines, found, clues, _is_no_host, _WIDE)
    _guess(lines, found, clues, _is_anything, {"ledger"})
    return [
        Explained(text, causes[:_MOST]) for (text, _line), causes in zip(lines, found, strict=True)
    ]


def _of_change(change: Change) -> _Clues:
    kind, name, detail = change["kind"], change["name"], change["detail"]
    names = {label for pair in _NAMES.findall(detail) for text in pair if (label := _label(text))}
    networks: tuple[Network, ...] = ()
    if kind == "server":
        names.add(_label(name))
    elif kind == "interface":
        names |= set(_interface_names(name, detail))
    elif kind in _WIDE:
        networks = tuple(_networks(name))
        number = change["id"] if kind == "subnet" else name.removeprefix("subnet ")
        names.add(f"tag:s{number}")
    text = f"{name} {detail}" if kind in ("handedit", "pool") else detail
    wide = kind == "server" and ("hostname:" in detail or "enabled:" in detail or not detail)
    return _Clues(frozenset(_tokens(text)), frozenset(names - {""}), networks, kind, wide)


def _of_line(text: str) -> _Clues | None:
    """None for the heads of a difference and for comments."""
    if text[:1] not in ("+", "-") or text.startswith(("+++ ", "--- ")) or text[1:2] == "#":
        return None
    row = check.host_row(text[1:].encode("ascii", "replace"))
    if isinstance(row, Row):
        return _Clues(
            frozenset({*row.identities, str(row.ip)}), frozenset({row.name} - {""}), kind="host"
        )
    tag = _TAG.search(text)
    tags = {f"tag:{one}" for one in tag.groups() if one} if tag else set()
    return _Clues(frozenset(_tokens(text)), frozenset(tags))


class _Index:
    """The changes by their clues: a thousand lines and a thousand changes are not a million
    comparisons."""

    def __init__(self, clues: Sequence[_Clues]) -> None:
        self.tokens: dict[str, list[int]] = defaultdict(list)
        self.names: dict[str, list[int]] = defaultdict(list)
        self.servers: dict[str, list[int]] = defaultdict(list)
        self.networks: list[tuple[Network, int]] = []
        for number, change in enumerate(clues):
            for token in change.tokens:
                self.tokens[token].append(number)
            for name in change.names:
                self.names[name].append(number)
                if change.is_server_wide:
                    self.servers[name].append(number)
            self.networks += [(network, number) for network in change.networks]

    def surely(self, line: _Clues | None) -> list[int]:
        """The surest kind of match decides: shared values, the name, the name of the server."""
        if line is None:
            return []
        return (
            _united(self.tokens, line.tokens)
            or _united(self.names, line.names)
            or _united(self.servers, [prefix for name in line.names for prefix in _prefixes(name)])
        )

    def around(self, line: _Clues | None) -> list[int]:
        """The subnets, pools and scopes around an address."""
        if line is None or not self.networks:
            return []
        ips = [ip for token in line.tokens for ip in _addresses(token)]
        return sorted({number for network, number in self.networks for ip in ips if ip in network})


def _united(index: Mapping[str, list[int]], keys: Iterable[str]) -> list[int]:
    return sorted({number for key in keys for number in index.get(key, ())})


def _prefixes(name: str) -> list[str]:
    """web-1-bmc may be a card of web-1, or of web."""
    return [name[:place] for place, sign in enumerate(name) if sign == "-"]


def _share(lines: Sequence[tuple[str, _Clues | None]], found: list[list[int]]) -> None:
    """What went and what came of one card or address have the same cause."""
    by_token: dict[str, list[int]] = {}
    for (_text, line), causes in zip(lines, found, strict=True):
        for token in line.tokens if line and causes else ():
            by_token.setdefault(token, causes)
    for number, (_text, line) in enumerate(lines):
        if line and not found[number]:
            found[number] = next(
                (by_token[token] for token in sorted(line.tokens) if token in by_token), []
            )


def _guess(
    lines: Sequence[tuple[str, _Clues | None]],
    found: list[list[int]],
    clues: Sequence[_Clues],
    is_meant: Callable[[_Clues], bool],
    kinds: Collection[str],
) -> None:
    """What is left over on both sides belongs together, if there is but one change of these kinds
    left."""
    used = {cause for causes in found for cause in causes}
    left = [
        number for number, change in enumerate(clues) if change.kind in kinds and number not in used
    ]
    if len(left) != 1:
        return
    for number, (_text, line) in enumerate(lines):
        if line and not found[number] and is_meant(line):
            found[number] = list(left)


def _is_nameless(line: _Clues) -> bool:
    """A host whose name dnsmasq could not be told."""
    return line.kind == "host" and not line.names


def _is_no_host(line: _Clues) -> bool:
    return line.kind != "host"


def _is_anything(line: _Clues) -> bool:
    return True


def _label(hostname: str) -> str:
    return safe_name(hostname).text


def _interface_names(label: str, detail: str) -> Iterator[str]:
    """`web.example.org eth1` is told as web-eth1; after a change of its name, as web-eth2."""
    hostname, _blank, name = label.partition(" ")
    renamed = [text for pair in _NAMES.findall(detail) for text in pair]
    for one in (name, *renamed):
        yield _label(interface_name(hostname, one))


def _tokens(text: str) -> Iterator[str]:
    """MAC and IP addresses in a text."""
    for word in _WORDS.findall(text.lower()):
        word = word.strip(".:") if not word.startswith("::") else word
        if _MAC.fullmatch(word):
            yield word
        else:
            yield from map(str, _addresses(word))


def _addresses(word: str) -> Iterator[Any]:
    try:
        yield ip_address(word)
    except ValueError:
        return


def _networks(label: str) -> Iterator[Network]:
    try:
        yield ip_network(label.partition(" ")[0])
    except ValueError:
        return


def sentence(change: Change) -> str:
    """`joe: server web changed (ip_address: 10.0.0.9 -> 10.0.0.10)`."""
    kinds, actions = dict(DhcpChange.Kind.choices), dict(DhcpChange.Action.choices)
    kind = str(kinds.get(change["kind"], change["kind"]))
    what = f"{kind} {change['name']} {actions.get(change['action'], change['action'])}"
    who = f"{change['who']}: " if change["who"] else ""
    return who + what + (f" ({change['detail']})" if change["detail"] else "")


def by_hand(diff: str) -> dict[str, HandEdit]:
    """Which lines of a difference somebody wrote with an editor. One query."""
    texts = [line[1:] for line in diff.splitlines() if line[:1] in ("+", "-")][:_MOST_LOOKED_UP]
    edits = (
        HandEdit.objects.filter(Q(line__in=texts) | Q(was__in=texts) | Q(raw__in=texts))
        if texts
        else ()
    )
    return {text: edit for edit in edits for text in (edit.line, edit.was, edit.raw) if text}
