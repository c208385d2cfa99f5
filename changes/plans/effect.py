"""What a change has done to the ledger: each row once, from what it was to what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from changes.lines import Line, lines_of
from changes.undo.items import Item
from changes.undo.kinds import EXISTS, among, difference, is_undone, references
from changes.undo.timelines import Timeline, timelines
from ipam.models import IPAddress, Subnet

Placed = tuple[str, str]  # an address, and the subnet that it lies in afterwards


@dataclass(frozen=True)
class Effect:
    """The rows that are changed, and the addresses in use that come to lie in another subnet."""

    items: Sequence[Item]
    placed: Sequence[Placed] = ()

    @cached_property
    def digest(self) -> str:
        """Another one when the change would do something else, whatever keys new rows get."""
        stand_ins = dict(map(_stand_in, filter(_is_new, self.items)))
        facts = [_fact(item, stand_ins) for item in self.items]
        text = repr([sorted(facts), sorted(self.placed)])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def effect_of(change: str) -> Effect:
    """Of what the present transaction has written as this change."""
    lines = lines_of(change)
    decided = [line for line in lines if is_undone(line.model)]
    items = filter(None, map(_item, timelines(decided)))
    return Effect(list(items), sorted(_placed(lines)))


def _item(timeline: Timeline) -> Item | None:
    """The row; None where it is as it was."""
    before, after = timeline.steps[0].before, timeline.steps[-1].after
    wanted = {name: after.get(name) for name in difference(before, after)}
    if after.get(EXISTS) is False:
        wanted = {EXISTS: False}
    if not wanted:
        return None
    return Item(timeline.kind, timeline.identity, before, wanted, timeline.former)


def _placed(lines: Iterable[Line]) -> Iterator[Placed]:
    last: dict[Any, Line] = {}
    first: dict[Any, Any] = {}
    for line in lines:
        if line.model is IPAddress and line.kind == "~" and line.before is not None:
            first.setdefault(line.object_id, line.before.subnet_id)
            last[line.object_id] = line
    moved = {key: line for key, line in last.items() if line.record.subnet_id != first[key]}
    keys = {line.record.subnet_id for line in moved.values()} - {None}
    networks = {row.pk: str(row.network) for row in among(Subnet.objects.all(), "pk", keys)}
    for line in moved.values():
        yield str(line.record.ip_address), networks.get(line.record.subnet_id, "")


# --- the digest -----------------------------------------------------------------------------------


def _is_new(item: Item) -> bool:
    return item.action == "create"


def _own(item: Item) -> list[tuple[str, Any]]:
    """What a new row says of itself, without its key and those of other rows."""
    left_out = {EXISTS, item.kind.model._meta.pk.attname, *references(item.model)}
    return [(name, then) for name, (_now, then) in item.columns.items() if name not in left_out]


def _stand_in(item: Item) -> tuple[tuple[Any, Any], str]:
    """The key of a new row, which nobody knows before, and what it is called instead."""
    return (item.model, item.identity[-1]), repr((item.kind.table, _own(item)))


def _fact(item: Item, stand_ins: Mapping[tuple[Any, Any], str]) -> str:
    columns = []
    for name, target in references(item.model).items():
        now, then = item.columns.get(name, (None, None))
        columns.append((name, now, stand_ins.get((target, then), then)))
    if _is_new(item):
        return repr((item.kind.table, "create", _own(item), columns))
    former = item.present if item.action == "delete" else {}
    changed = [pair for pair in item.columns.items() if pair[0] not in references(item.model)]
    return repr((item.key, item.action, sorted(former.items()), changed, columns))
