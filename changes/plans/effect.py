"""What a change has done to the ledger: each row once, from what it was to what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from operator import attrgetter
from typing import Any

from changes.lines import Line, lines_of
from changes.undo.items import Item
from changes.undo.kinds import EXISTS, among, difference, grouped, is_undone, references
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
        facts = sorted(map(_fact, self.items, repeat(stand_ins)))
        text = repr([facts, sorted(self.placed)])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def effect_of(change: str) -> Effect:
    """Of what the present transaction has written as this change."""
    lines = lines_of(change)
    decided = list(filter(_is_decided, lines))
    items = filter(None, map(_item, timelines(decided)))
    return Effect(list(items), sorted(_placed(lines)))


def _is_decided(line: Line) -> bool:
    return is_undone(line.model)


def _item(timeline: Timeline) -> Item | None:
    """The row; None where it is as it was."""
    before, after = timeline.steps[0].before, timeline.steps[-1].after
    names = difference(before, after)
    if not names:
        return None
    if after.get(EXISTS) is False:
        names = {EXISTS}
    wanted = dict(zip(names, map(after.get, names), strict=True))
    return Item(timeline.kind, timeline.identity, before, wanted, timeline.former)


def _placed(lines: Iterable[Line]) -> Iterator[Placed]:
    """From the first line before a row's first one to its last one."""
    of_rows = filter(attrgetter("before"), filter(_is_addresses, lines))
    ends = {}
    for key, some in grouped(of_rows, attrgetter("object_id")).items():
        ends[key] = some[0].before.subnet_id, some[-1].record
    subnets = Subnet.objects.values_list("pk", "network")
    networks = dict(among(subnets, "pk", {record.subnet_id for _first, record in ends.values()}))
    for first, record in ends.values():
        if first != record.subnet_id:
            yield str(record.ip_address), str(networks.get(record.subnet_id, ""))


def _is_addresses(line: Line) -> bool:
    """Whether it changes an address in use."""
    return (line.model, line.kind) == (IPAddress, "~")


# --- the digest -----------------------------------------------------------------------------------


def _is_new(item: Item) -> bool:
    return item.action == "create"


def _own(item: Item, left_out: Iterable[str]) -> list[Any]:
    """What it says in the other columns."""
    names = sorted(item.columns.keys() - left_out)
    return list(zip(names, map(item.columns.get, names), strict=True))


def _stand_in(item: Item) -> tuple[tuple[Any, Any], str]:
    """The key of a new row, which nobody knows before, and what it is called instead: by what it
    says of itself, without keys."""
    left_out = {item.kind.model._meta.pk.attname, *references(item.model)}
    return (item.model, item.identity[-1]), repr((item.kind.table, _own(item, left_out)))


def _fact(item: Item, stand_ins: Mapping[tuple[Any, Any], str]) -> str:
    targets = references(item.model)
    others = []
    for name in sorted(item.columns.keys() & targets.keys()):
        now, then = item.columns[name]
        others.append((name, now, stand_ins.get((targets[name], then), then)))
    key = stand_ins.get((item.model, item.identity[-1]), item.key)
    former = {"delete": item.present}.get(item.action, {})
    left_out = {item.kind.model._meta.pk.attname, *targets}
    return repr((key, item.action, sorted(former.items()), _own(item, left_out), others))
