"""What later depends on the rows of an undo: rows that refer to a row that would go, addresses that
were taken from a subnet or pool that would go, and rows that a row coming back refers to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from changes.lines import Line, with_before
from changes.undo.items import Item, Later, Refusal, line_name, named
from changes.undo.kinds import (
    EXISTS,
    Identity,
    among,
    grouped,
    kinds,
    records_of,
    references,
)
from changes.undo.timelines import keys_of
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Subnet

MOST_NAMED = 20  # rows of one kind
Items = dict[tuple[str, Identity], Item]


def refusals(items: Sequence[Item], chosen: Sequence[Line]) -> list[Refusal]:
    """Every reason, from a few queries for each table."""
    by_key = {item.key: item for item in items}
    keys = keys_of(chosen)
    found: list[Refusal] = []
    leaving = grouped(filter(_leaves, items), attrgetter("model"))
    for model, some in leaving.items():
        found += _referring(model, some, by_key, keys)
    found += _taken(leaving, list(filter(_changes_size, items)), by_key, keys)
    found += _missing(items, by_key, keys)
    return found


def _leaves(item: Item) -> bool:
    return item.action == "delete"


def _changes_size(item: Item) -> bool:
    return item.model is Subnet and item.action == "change" and "network" in item.wanted


# --- rows that refer to a row that would go -------------------------------------------------------


def _referring(
    model: type[models.Model], leaving: Sequence[Item], by_key: Items, chosen: set[str]
) -> Iterator[Refusal]:
    for relation in filter(_counts, model._meta.related_objects):
        column = relation.field.target_field.attname
        gone = {item.present[column]: item for item in leaving}
        yield from _by_relation(relation, gone, by_key, chosen)


def _counts(relation: Any) -> bool:
    """Whether rows of that table would be lost or would forbid it. Where addresses stand follows
    from the rest."""
    if relation.many_to_many or relation.related_model is IPAddress:
        return False
    is_kept = relation.related_model._meta.label_lower in kinds()
    return is_kept or relation.on_delete is models.PROTECT


def _by_relation(
    relation: Any, gone: dict[Any, Item], by_key: Items, chosen: set[str]
) -> Iterator[Refusal]:
    model, column = relation.related_model, relation.field.attname
    left = []
    for row in among(model._base_manager.order_by("pk"), column, gone):
        item = by_key.get((row._meta.label_lower, (row.pk,)))
        # The undo may delete the row as well, or let it refer to another one.
        if item is None or item.wanted.keys().isdisjoint({EXISTS, column}):
            left.append(row)
    del left[MOST_NAMED:]
    later = _last_touching(model, map(attrgetter("pk"), left), column, chosen)
    for row in left:
        target = gone[getattr(row, column)].name
        names = {"row": named(model, vars(row), (row.pk,)), "target": target}
        text = _("%(row)s needs %(target)s.") % names
        yield Refusal(text, later.get(row.pk, ()), rows=(row,))


def _last_touching(
    model: type[models.Model], keys: Iterable[Any], column: str, chosen: set[str]
) -> dict[Any, tuple[Later, ...]]:
    """For each row, the line that let it refer to what it refers to now."""
    if model._meta.label_lower not in kinds():
        return {}
    last: dict[Any, Line] = {}
    value = attrgetter(column)
    for record in among(records_of(model), model._meta.pk.attname, keys):
        line = Line(model, record)
        former = last.setdefault(line.object_id, line)
        if value(former.record) != value(record):
            last[line.object_id] = line
    return {key: _unless(chosen, line, [column]) for key, line in last.items()}


# --- addresses that were taken from a subnet or pool that would go or shrink ----------------------


def _taken(
    leaving: dict[type[models.Model], list[Item]],
    resized: Sequence[Item],
    by_key: Items,
    chosen: set[str],
) -> Iterator[Refusal]:
    subnets = {item.pk: item for item in (*leaving.get(Subnet, ()), *resized)}
    pools = grouped(leaving.get(Pool, ()), lambda item: item.present["subnet_id"])
    around = list(subnets.keys() | pools.keys())
    rows = list(among(IPAddress.objects.live().order_by("ip_address"), "subnet", around))
    places = {}
    for row in rows:
        place = _subnet(subnets, row) or _pool(pools[row.subnet_id], row.ip_address)
        if place and not _is_freed(row, by_key):
            places[row.vrf_id, row.ip_address] = place
    yield from _since(places, chosen)


def _subnet(subnets: dict[int, Item], row: IPAddress) -> Item | None:
    """The subnet that the address leaves."""
    item = subnets.get(row.subnet_id or 0)
    if item and row.ip_address in (item.wanted.get("network") or ()):
        return None
    return item


def _pool(pools: Iterable[Item], address: Address) -> Item | None:
    for item in pools:
        if item.present["first"] <= address <= item.present["last"]:
            return item
    return None


def _is_freed(row: IPAddress, by_key: Items) -> bool:
    item = by_key.get(("ipam.ipaddress", (row.vrf_id, row.ip_address)))
    return item is not None and item.wanted.get("status") == "available"


def _since(places: dict[Identity, Item], chosen: set[str]) -> Iterator[Refusal]:
    """The addresses that were taken after the place was made. Those that were taken before stay,
    in the subnet around."""
    if not places:
        return
    for identity, line in list(_taking(places).items())[:MOST_NAMED]:
        if line.key not in chosen:
            text = _("%(address)s was taken from %(place)s since.")
            names = {"address": identity[1], "place": places[identity].name}
            yield Refusal(text % names, (Later.of(line),), lines=(line,))


def _taking(places: dict[Identity, Item]) -> dict[Identity, Line]:
    """For each address, the last line since its place was made that gave it to another holder."""
    since = min(map(attrgetter("since"), places.values()))
    found: dict[Identity, list[Line]] = defaultdict(list)
    kind = kinds()["ipam.ipaddress"]
    for line in kind.lines(places, history_date__gte=since):
        identity = kind.identity(line.record)
        if line.at >= places[identity].since:
            found[identity].append(line)
    firsts = with_before(map(itemgetter(0), found.values()))
    last: dict[Identity, Line] = {}
    for first, (identity, mine) in zip(firsts, found.items(), strict=True):
        holder = _holder(first.before)
        for line in mine:
            if _holder(line.record) != holder:
                last[identity] = line
                holder = _holder(line.record)
    return last


def _holder(record: Any) -> tuple[Any, ...]:
    if record is None:
        return ("available", None, None)
    return record.status, record.server_id, record.vm_id


# --- rows that a row coming back refers to --------------------------------------------------------


def _missing(items: Sequence[Item], by_key: Items, chosen: set[str]) -> Iterator[Refusal]:
    wanted: dict[type[models.Model], dict[Any, list[Item]]] = defaultdict(dict)
    coming: dict[type[models.Model], set[Any]] = defaultdict(set)
    for item in items:
        if item.action == "create":
            coming[item.model].add(item.identity[0])
        for column, target in references(item.model).items():
            if value := item.wanted.get(column):
                wanted[target].setdefault(value, []).append(item)
    for target, by_value in wanted.items():
        there = set(among(target._base_manager.values_list("pk", flat=True), "pk", by_value))
        gone = by_value.keys() - there - coming[target]
        yield from _deleted(target, gone, by_value, chosen)


def _deleted(
    target: type[models.Model], gone: set[Any], by_value: dict[Any, list[Item]], chosen: set[str]
) -> Iterator[Refusal]:
    key = target._meta.pk.attname
    last: dict[Any, Line] = {}
    some = sorted(gone)[:MOST_NAMED]
    for record in among(records_of(target).filter(history_type="-"), key, some):
        last[getattr(record, key)] = Line(target, record)
    for value in some:
        yield _without(by_value[value][0], target, value, last.get(value), chosen)


def _without(
    item: Item, target: type[models.Model], key: Any, line: Line | None, chosen: set[str]
) -> Refusal:
    """That the item needs a row which is gone; `line` is of its deletion."""
    text = _("%(row)s needs %(target)s, which is gone.")
    if line is None:
        names = {"row": item.name, "target": named(target, {}, (key,))}
        return Refusal(text % names)
    names = {"row": item.name, "target": line_name(line)}
    return Refusal(text % names, _unless(chosen, line), lines=(line,))


def _unless(chosen: set[str], line: Line, columns: Iterable[str] = ()) -> tuple[Later, ...]:
    """The line as a later change, unless it is undone anyway."""
    if line.key in chosen:
        return ()
    return (Later.of(line, columns),)
