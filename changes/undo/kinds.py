"""What is undone: the tables whose rows somebody decides, and which of their columns.

The state of a row is a dict of these columns. Whether the row exists is a column, too (`EXISTS`).
Rows of `ip_addresses` are told by their address: a free address has no row in some subnets, and a
free row leaves no history. What an address says of its server follows from the server."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import models

from changes.lines import Line, compared_columns, history_of, tracked_models
from ipam.models import IPAddress

State = dict[str, Any]
Identity = tuple[Any, ...]
EXISTS = "exists"
GONE: State = {EXISTS: False}
AT_ONCE = 900  # keys of one statement

# The apps whose rows are undone; those of all others are people, their rights, and who is told.
LEDGER = ("ipam", "dhcp", "pxe", "registry", "machines", "discovery")
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
        return self.model._meta.pk.attname

    @property
    def columns(self) -> list[str]:
        """The columns that count."""
        left_out = {*AUTOMATIC.get(self.table, ()), *self.masked}
        return [name for name in compared_columns(self.model) if name not in left_out]

    @property
    def masked(self) -> list[str]:
        """The columns of which history keeps another value."""
        return list(getattr(self.model, "history_masks", ()))

    def identity(self, row: Any) -> Identity:
        """What tells the row, or its line of history, from others."""
        return (getattr(row, self.key),)

    def state(self, row: Any) -> State:
        """The state of a row or of a line of history; of None: there is no row."""
        if row is None:
            return GONE
        return {EXISTS: True, **{name: getattr(row, name) for name in self.columns}}

    def touched(self, before: State, after: State) -> frozenset[str]:
        """The columns that differ."""
        names = before.keys() | after.keys()
        return frozenset(name for name in names if before.get(name) != after.get(name))

    def needed(self, wanted: State, present: State) -> State:
        """The columns that are not yet as they should be."""
        return {name: value for name, value in wanted.items() if present.get(name) != value}

    def among(self, identities: Iterable[Identity]) -> Iterator[models.Q]:
        """Conditions that find the rows, some hundred at once."""
        for some in chunks([identity[0] for identity in identities]):
            yield models.Q(**{f"{self.key}__in": some})

    def rows(self, identities: Collection[Identity]) -> dict[Identity, Any]:
        """The present rows."""
        found: dict[Identity, Any] = {}
        for condition in self.among(identities):
            rows = self.model._base_manager.filter(condition)
            found.update((self.identity(row), row) for row in rows)
        return found

    def lines(self, identities: Collection[Identity], since: int) -> Iterator[Line]:
        """The lines of these rows from a line on, oldest first."""
        wanted = set(identities)
        for condition in self.among(identities):
            rows = history_of(self.model).filter(condition, history_id__gte=since)
            for row in rows.select_related("history_user").order_by("history_id"):
                if self.identity(row) in wanted:
                    yield Line(self.model, row)


@dataclass(frozen=True)
class AddressKind(Kind):
    """Addresses: told by their address, not by the key of their row."""

    @property
    def columns(self) -> list[str]:
        return list(_FREE)

    def identity(self, row: Any) -> Identity:
        return (row.vrf_id, row.ip_address)

    def state(self, row: Any) -> State:
        if row is None or row.status == "available":
            return _FREE
        if row.server_id is None:
            return {name: getattr(row, name) for name in _FREE} | {"reservation": None}
        held = {"status": "allocated", "vm_id": row.vm_id}
        return _FREE | held | {"server_id": row.server_id, "reservation": row.reservation}

    def touched(self, before: State, after: State) -> frozenset[str]:
        found = super().touched(before, after)
        if found.intersection(HOLDER):
            return frozenset(_FREE)
        return found

    def needed(self, wanted: State, present: State) -> State:
        """With another holder, all of them."""
        found = super().needed(wanted, present)
        return wanted if found.keys() & set(HOLDER) else found

    def among(self, identities: Iterable[Identity]) -> Iterator[models.Q]:
        for some in chunks([identity[1] for identity in identities]):
            yield models.Q(ip_address__in=some)


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by its table, tables that others refer to first."""
    found = {}
    for model in tracked_models():
        if _is_undone(model):
            found[model._meta.label_lower] = _kind(model)
    return dict(sorted(found.items(), key=lambda pair: (rank(pair[1].model), pair[0])))


def _kind(model: type[models.Model]) -> Kind:
    return AddressKind(model) if model is IPAddress else Kind(model)


def _is_undone(model: type[models.Model]) -> bool:
    return not is_security(model) and model._meta.label_lower not in EVIDENCE


def is_security(model: type[models.Model]) -> bool:
    """Whether it is a table of people and their rights, which no undo touches."""
    return model._meta.app_label not in LEDGER or model._meta.label_lower in SECRET


@cache
def rank(model: type[models.Model]) -> int:
    """How many tables stand between this one and one that refers to no other."""
    ranks = [rank(field.related_model) for field in _relations(model)]
    return 1 + max(ranks, default=0)


@cache
def references(model: type[models.Model]) -> dict[str, type[models.Model]]:
    """The columns that refer to rows of tables with a history, by their keys."""
    found: dict[str, Any] = {}
    fields: list[Any] = list(model._meta.concrete_fields)
    for field in fields:
        if hasattr(field.related_model, "history") and field.target_field.primary_key:
            found[field.attname] = field.related_model
    return found


def _relations(model: type[models.Model]) -> list[Any]:
    """The relations to other tables with a history."""
    fields: list[Any] = [field for field in model._meta.concrete_fields if field.is_relation]
    tracked = [field for field in fields if hasattr(field.related_model, "history")]
    return [field for field in tracked if field.related_model is not model]


def chunks(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The keys, some hundred at once."""
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def among(rows: models.QuerySet, column: str, keys: Iterable[Any]) -> Iterator[Any]:
    """The rows whose column has one of the keys, some hundred at once."""
    for some in chunks(list(keys)):
        yield from rows.filter(**{f"{column}__in": some})
