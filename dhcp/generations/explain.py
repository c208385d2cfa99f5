"""Which change, and whose, is behind each line of a difference: looked up by the ledger rows that
the line comes from (dhcp/generations/sources.py)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any

from django.utils.translation import gettext

from dhcp.edits.overlay import KIND
from dhcp.models import DhcpChange, HandEdit

Change = Mapping[str, Any]  # as a generation keeps it: kind, id, name, action, detail, who, at

_ENTRY = re.compile(r"[+-][^#+-]")  # neither a head of the difference nor a comment in the file
_HAND_EDIT = re.compile(rf"{KIND} ([0-9]+)")
_MOST = 3  # changes that are named behind one line
_WIDE = frozenset({DhcpChange.Kind.LEDGER, DhcpChange.Kind.DHCP_SERVER})


def explain(
    diff: str, sources: Sequence[str] | None, changes: Sequence[Change]
) -> list[tuple[str, str]]:
    """Every line of a difference, with what led to it in words; empty where nothing is known.

    `sources` are the rows behind each line, None where they were not recorded."""
    lines = diff.splitlines()
    if sources is None:
        return _unrecorded(lines)
    reasons = _Reasons(sources, changes)
    keys = chain(sources, repeat(""))
    return list(zip(lines, map(reasons.of, lines, keys), strict=False))


def _unrecorded(lines: Sequence[str]) -> list[tuple[str, str]]:
    """The first line says so, the others nothing."""
    hint = gettext("which change led to which line was not recorded")
    return list(zip(lines, chain([hint], repeat("")), strict=False))


class _Reasons:
    """The changes of a generation by the row that they changed, and the hand edits behind its
    lines. One query."""

    def __init__(self, sources: Iterable[str], changes: Iterable[Change]) -> None:
        self.by_row: dict[str, list[Change]] = defaultdict(list)
        self.wide: list[Change] = []  # of many rows, or of a DHCP server with all its subnets
        for change in changes:
            if change["id"] is None or change["kind"] in _WIDE:
                self.wide.append(change)
            else:
                self.by_row[f"{change['kind']} {change['id']}"].append(change)
        self.edits = _edits(sources)

    def of(self, text: str, keys: str) -> str:
        """The changes of the nearest row that was changed, else the hand edit, else the changes of
        many rows."""
        rows = keys.split(",")
        for row in rows:
            if row in self.by_row:
                return _sentences(self.by_row[row])
        if rows[0].startswith(KIND):
            return gettext("by hand: %s") % self.edits.get(rows[0], HandEdit.State.OPEN.label)
        if _ENTRY.match(text):
            return _sentences(self.wide)
        return ""


def _edits(sources: Iterable[str]) -> dict[str, str]:
    """What became of each hand edit, by its key as a source."""
    found = filter(None, map(_HAND_EDIT.match, sources))
    numbers = set(map(int, map(itemgetter(1), found)))
    rows = HandEdit.objects.in_bulk(numbers) if numbers else {}
    return {f"{KIND} {pk}": str(row.get_state_display()) for pk, row in rows.items()}


def _sentences(changes: Sequence[Change]) -> str:
    return "; ".join(map(sentence, changes[:_MOST]))


def sentence(change: Change) -> str:
    """`joe: server web changed (ip_address: 10.0.0.9 -> 10.0.0.10)`."""
    kinds, actions = dict(DhcpChange.Kind.choices), dict(DhcpChange.Action.choices)
    kind = str(kinds.get(change["kind"], change["kind"]))
    text = f"{kind} {change['name']} {actions.get(change['action'], change['action'])}"
    if change["who"]:
        text = f"{change['who']}: {text}"
    if change["detail"]:
        return f"{text} ({change['detail']})"
    return text
