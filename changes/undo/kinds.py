"""What is undone: the tables whose rows somebody decides, and which of their columns.

The state of a row is a dict of these columns. Whether the row exists is a column, too (`EXISTS`).
Rows of `ip_addresses` are told by their address: a free address has no row in some subnets, and a
free row leaves no history. What an address says of its server follows from the server."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import filterfalse
from operator import attrgetter, itemgetter
from typing import Any

from django.db import models

from changes.lines import Line, compared_columns, history_of, tracked_models
from ipam.models import IPAddress

State = dict[str, Any]
Columns = dict[str, tuple[Any, Any]]
Identity = tuple[Any, ...]
EXISTS = "exists"
GONE: State = {EXISTS: False}
AT_ONCE = 900  # keys of one statement

# The apps whose rows are undone; those of all others are people, their rights, and who is told.
LEDGER = ("ipam", "names", "dhcp", "pxe", "registry", "machines", "discovery")
# What the network shows is not undone: it shows it again. Nor is what an agent has asked for.
SECRET = ("dhcp.agenttoken",)
EVIDENCE = (
    "dhcp.eviction",
    "dhcp.handedit",
    "discovery.conflict",
    "discovery.rogueserver",
    "registry.restartrequest",
)
# Columns that follow from what happens, and that nobody decides.
AUTOMATIC: dict[str, tuple[str, ...]] = {
    "pxe.bootassignment": ("state", "ended_at"),
    "registry.service": ("status", "inactive_since"),
    "discovery.unknowndevice": ("first_seen", "ip_address", "vrf_id", "origin", "hostname"),
}
DECIDED = ("vm_id", "hostname", "mac_address", "platform", "manufacturer", "description")
_TEXTS = ("hostname", "platform", "manufacturer", "description")
_FREE: State = {
    "status": "available",
    "server_id": None,
    "reservation": None,
    **dict.fromkeys(DECIDED),
    **dict.fromkeys(_TEXTS, ""),
}
# A row that changes one of these is another row: all of its columns are new.
HOLDER = ("status", "server_id", "vm_id")


@dataclass(frozen=True)
class Kind:
    """A table whose changes can be undone."""

    model: type[models.Model]

    @property
    def table(self) -> str:
        return self.model._meta.label_lower

    @property
    def key(self) -> str:
        """The column by which rows and lines of history are found."""
        return self.model._meta.pk.attname

    @property
    def columns(self) -> list[str]:
        """The columns that count."""
        left_out = {*AUTOMATIC.get(self.table, ()), *self.masked}
        return list(filterfalse(left_out.__contains__, compared_columns(self.model)))

    @property
    def masked(self) -> list[str]:
        """The columns of which history keeps another value."""
        return list(getattr(self.model, "history_masks", ()))

    def identity(self, row: Any) -> Identity:
        """What tells the row, or its line of history, from others."""
        return (getattr(row, self.key),)

    def row_key(self, identity: Identity, former: Any) -> Any:
        """The key of the row that comes back; `former` is its line."""
        return identity[0]

    def is_decided(self, state: State) -> bool:
        """Whether somebody has decided this state; else it follows from other rows."""
        return True

    def state(self, row: Any) -> State:
        """The state of a row or of a line of history; of None: there is no row."""
        if row is None:
            return GONE
        return {EXISTS: True, **picked(row, self.columns)}

    def touched(self, before: State, after: State) -> frozenset[str]:
        """The columns that differ."""
        return frozenset(difference(before, after))

    def needed(self, wanted: State, present: State) -> State:
        """The columns that are not yet as they should be."""
        return differing(wanted, present)

    def among(self, rows: models.QuerySet, identities: Iterable[Identity]) -> Iterator[Any]:
        """Those of the rows, or lines of history, that have one of the identities."""
        wanted = dict.fromkeys(identities)
        for row in among(rows, self.key, map(itemgetter(-1), wanted)):
            if self.identity(row) in wanted:
                yield row

    def rows(self, identities: Iterable[Identity]) -> dict[Identity, Any]:
        """The present rows."""
        found = self.among(self.model._base_manager.all(), identities)
        return {self.identity(row): row for row in found}

    def lines(self, identities: Iterable[Identity], **condition: Any) -> Iterator[Line]:
        """The lines of these rows that the condition is true of, oldest first."""
        for record in self.among(records_of(self.model).filter(**condition), identities):
            yield Line(self.model, record)


@dataclass(frozen=True)
class AddressKind(Kind):
    """Addresses: told by their address, not by the key of their row."""

    @property
    def key(self) -> str:
        return "ip_address"

    @property
    def columns(self) -> list[str]:
        return list(_FREE)

    def identity(self, row: Any) -> Identity:
        return (row.vrf_id, row.ip_address)

    def row_key(self, identity: Identity, former: Any) -> Any:
        """That of the row it had before."""
        return getattr(former, "id", None)

    def is_decided(self, state: State) -> bool:
        """An address that a server holds follows from the server."""
        return not state.get("server_id")

    def state(self, row: Any) -> State:
        if row is None or row.status == "available":
            return _FREE
        if row.server_id is None:
            return picked(row, _FREE) | {"reservation": None}
        held = {"status": "allocated", "vm_id": row.vm_id}
        return _FREE | held | {"server_id": row.server_id, "reservation": row.reservation}

    def touched(self, before: State, after: State) -> frozenset[str]:
        found = super().touched(before, after)
        if found.isdisjoint(HOLDER):
            return found
        return frozenset(_FREE)

    def needed(self, wanted: State, present: State) -> State:
        """With another holder, all of them."""
        found = super().needed(wanted, present)
        if found.keys().isdisjoint(HOLDER):
            return found
        return wanted


_CLASSES: dict[type[models.Model], type[Kind]] = {IPAddress: AddressKind}


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by its table, tables that others refer to first."""
    undone = sorted(filter(is_undone, tracked_models()), key=_place)
    return {model._meta.label_lower: _CLASSES.get(model, Kind)(model) for model in undone}


def _place(model: type[models.Model]) -> tuple[int, str]:
    return rank(model), model._meta.label_lower


def is_undone(model: type[models.Model]) -> bool:
    return not is_security(model) and model._meta.label_lower not in EVIDENCE


def is_security(model: type[models.Model]) -> bool:
    """Whether it is a table of people and their rights, which no undo touches."""
    return model._meta.app_label not in LEDGER or model._meta.label_lower in SECRET


@cache
def rank(model: type[models.Model]) -> int:
    """How many tables stand between this one and one that refers to no other."""
    others = {field.related_model for field in _relations(model)} - {model}
    return 1 + max(map(rank, others), default=0)


@cache
def references(model: type[models.Model]) -> dict[str, type[models.Model]]:
    """The columns that refer to rows of tables with a history, by their keys."""
    found: dict[str, Any] = {}
    for field in _relations(model):
        if field.target_field.primary_key:
            found[field.attname] = field.related_model
    return found


def _relations(model: type[models.Model]) -> Iterator[Any]:
    """The fields that refer to rows of tables with a history."""
    for field in model._meta.concrete_fields:
        if hasattr(field.related_model, "history"):
            yield field


# --- states ---------------------------------------------------------------------------------------


def picked(row: Any, names: Iterable[str]) -> State:
    """What the row says in these columns."""
    state = {}
    for name in names:
        state[name] = getattr(row, name)
    return state


def set_on(row: Any, values: State) -> None:
    """Let the row say this."""
    for name, value in values.items():
        setattr(row, name, value)


def differing(wanted: State, present: State) -> State:
    """What of it is not so at present."""
    found = {}
    for name, value in wanted.items():
        if present.get(name) != value:
            found[name] = value
    return found


def difference(before: State, after: State) -> set[str]:
    """The columns that do not say the same."""
    return {*differing(before, after), *differing(after, before)}


def pairs(before: State, after: State, names: Iterable[str]) -> Columns:
    """What these columns say before and after."""
    found = {}
    for name in sorted({*names} - {EXISTS}):
        found[name] = before.get(name), after.get(name)
    return found


# --- rows -----------------------------------------------------------------------------------------


def records_of(model: type[models.Model]) -> models.QuerySet:
    """The records of a model's history with who made them, oldest first."""
    return history_of(model).select_related("history_user").order_by("history_id")


def key_of(row: models.Model) -> tuple[str, Any]:
    """What tells a row from those of all tables."""
    return row._meta.label_lower, row.pk


def grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """The rows by what `key` says of each."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def present_rows(items: Iterable[Any]) -> dict[tuple[str, Identity], Any]:
    """The present rows of items or timelines, by their tables and identities."""
    found = {}
    for kind, some in grouped(items, attrgetter("kind")).items():
        for identity, row in kind.rows(map(attrgetter("identity"), some)).items():
            found[kind.table, identity] = row
    return found


def chunks(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The keys, some hundred at once."""
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def among(rows: models.QuerySet, column: str, keys: Iterable[Any]) -> Iterator[Any]:
    """The rows whose column has one of the keys, some hundred at once."""
    for some in chunks(list(keys)):
        yield from rows.filter(**{f"{column}__in": some})
