"""What later depends on the rows of an undo: rows that refer to a row that would go, addresses that
were taken from a subnet or pool that would go, and rows that a row coming back refers to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from changes.lines import Line, history_of, with_before
from changes.undo.items import Item, Later, Refusal, named
from changes.undo.kinds import EXISTS, Identity, among, kinds, references
from ipam.addresses import Address
from ipam.models import IPAddress, Pool, Subnet

MOST_NAMED = 20  # rows of one kind
Items = dict[tuple[str, Identity], Item]


def refusals(items: Sequence[Item], chosen: Sequence[Line]) -> list[Refusal]:
    """Every reason, from a few queries for each table."""
    by_key = {item.key: item for item in items}
    keys = {line.key for line in chosen}
    found: list[Refusal] = []
    leaving: dict[type[models.Model], list[Item]] = defaultdict(list)
    for item in items:
        if item.action == "delete":
            leaving[item.model].append(item)
    for model, some in leaving.items():
        found += _referring(model, some, by_key, keys)
    found += _taken(leaving, by_key, keys)
    found += _missing(items, by_key, keys)
    return found


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
    rows = list(among(model._base_manager.order_by("pk"), column, gone))
    left = [row for row in rows if not _lets_go(row, column, by_key)][:MOST_NAMED]
    later = _last_touching(model, [row.pk for row in left], column, chosen)
    for row in left:
        text = _("%(row)s needs %(target)s.")
        names = {
            "row": named(model, vars(row), (row.pk,)),
            "target": gone[getattr(row, column)].name,
        }
        yield Refusal(text % names, later.get(row.pk, ()), rows=(row,))


def _lets_go(row: Any, column: str, by_key: Items) -> bool:
    """Whether the undo deletes the row as well, or lets it refer to another one."""
    item = by_key.get((row._meta.label_lower, (row.pk,)))
    return item is not None and (item.action == "delete" or column in item.wanted)


def _last_touching(
    model: type[models.Model], keys: Sequence[Any], column: str, chosen: set[str]
) -> dict[Any, tuple[Later, ...]]:
    """For each row, the line that let it refer to what it refers to now."""
    if model._meta.label_lower not in kinds():
        return {}
    found: dict[Any, tuple[Any, Line]] = {}
    key = model._meta.pk.attname
    lines = history_of(model).filter(**{f"{key}__in": keys}).select_related("history_user")
    for record in lines.order_by("history_id"):
        value, line = getattr(record, column), Line(model, record)
        if line.object_id not in found or found[line.object_id][0] != value:
            found[line.object_id] = (value, line)
    return {
        key: (Later.of(line, [column]),)
        for key, (_value, line) in found.items()
        if line.key not in chosen
    }


# --- addresses that were taken from a subnet or pool that would go --------------------------------


def _taken(
    leaving: dict[type[models.Model], list[Item]], by_key: Items, chosen: set[str]
) -> Iterator[Refusal]:
    subnets = {item.pk: item for item in leaving.get(Subnet, ())}
    pools: dict[Any, list[Item]] = defaultdict(list)
    for item in leaving.get(Pool, ()):
        pools[item.present["subnet_id"]].append(item)
    around = list(subnets.keys() | pools.keys())
    rows = list(among(IPAddress.objects.live().order_by("ip_address"), "subnet", around))
    places = {}
    for row in rows:
        place = subnets.get(row.subnet_id) or _pool(pools[row.subnet_id], row.ip_address)
        if place and not _is_freed(row, by_key):
            places[row.vrf_id, row.ip_address] = place
    yield from _since(places, chosen)


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
            yield Refusal(text % names, (Later.of(line),), rows=(line,))


def _taking(places: dict[Identity, Item]) -> dict[Identity, Line]:
    """For each address, the last line since its place was made that gave it to another holder."""
    since = min(item.since for item in places.values() if item.since)
    found: dict[Identity, list[Line]] = defaultdict(list)
    for condition in kinds()["ipam.ipaddress"].among(list(places)):
        lines = history_of(IPAddress).filter(condition, history_date__gte=since)
        for record in lines.select_related("history_user").order_by("history_id"):
            identity = (record.vrf_id, record.ip_address)
            if identity in places and record.history_date >= places[identity].since:
                found[identity].append(Line(IPAddress, record))
    firsts = with_before([lines[0] for lines in found.values()])
    last = {}
    for first, mine in zip(firsts, found.values(), strict=True):
        if line := _last_new_holder(first, mine):
            last[first.record.vrf_id, first.record.ip_address] = line
    return last


def _last_new_holder(first: Line, lines: Sequence[Line]) -> Line | None:
    found, holder = None, _holder(first.before)
    for line in lines:
        if _holder(line.record) != holder:
            found, holder = line, _holder(line.record)
    return found


def _holder(record: Any) -> tuple[Any, ...]:
    if record is None:
        return ("available", None, None)
    return record.status, record.server_id, record.vm_id


# --- rows that a row coming back refers to --------------------------------------------------------


def _missing(items: Sequence[Item], by_key: Items, chosen: set[str]) -> Iterator[Refusal]:
    wanted: dict[type[models.Model], dict[Any, list[Item]]] = defaultdict(dict)
    for item in items:
        for column, target in references(item.model).items():
            if value := item.wanted.get(column):
                wanted[target].setdefault(value, []).append(item)
    for target, by_value in wanted.items():
        gone = set(by_value)
        gone.difference_update(among(target._base_manager.values_list("pk", flat=True), "pk", gone))
        gone = {key for key in gone if not _comes_back(target, key, by_key)}
        yield from _deleted(target, gone, by_value, chosen)


def _comes_back(target: type[models.Model], key: Any, by_key: Items) -> bool:
    item = by_key.get((target._meta.label_lower, (key,)))
    return item is not None and item.wanted.get(EXISTS) is True


def _deleted(
    target: type[models.Model], gone: set[Any], by_value: dict[Any, list[Item]], chosen: set[str]
) -> Iterator[Refusal]:
    key = target._meta.pk.attname
    last: dict[Any, Line] = {}
    some = sorted(gone)[:MOST_NAMED]
    lines = history_of(target).filter(history_type="-", **{f"{key}__in": some})
    for record in lines.select_related("history_user").order_by("history_id"):
        last[getattr(record, key)] = Line(target, record)
    for value in some:
        item, line = by_value[value][0], last.get(value)
        text = _("%(row)s needs %(target)s, which is gone.")
        target_name = named(target, vars(line.record) if line else {}, (value,))
        later = () if line is None or line.key in chosen else (Later.of(line),)
        names = {"row": item.name, "target": target_name}
        rows = () if line is None else (line,)
        yield Refusal(text % names, later, rows=rows)
