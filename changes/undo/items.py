"""What an undo does to one row, and why it cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

from django.db import models
from django.utils.translation import gettext as _

from changes.lines import Line
from changes.undo.kinds import EXISTS, AddressKind, Columns, Identity, Kind, State, pairs
from changes.undo.timelines import Step, Timeline, token_of
from ipam.models import IPAddress

Action = Literal["create", "change", "delete"]
_ACTIONS: dict[bool | None, Action] = {None: "change", True: "create", False: "delete"}
_NAMED_BY = ("hostname", "network", "name", "environment", "ip_address")


@dataclass(frozen=True)
class Item:
    """A row that is to be created, changed or deleted."""

    kind: Kind
    identity: Identity
    present: State
    wanted: State  # the columns that are to be set, and their values
    former: Any = None  # the line of the state that comes back
    since: datetime | None = None  # when the first of the changes was made

    @property
    def model(self) -> type[models.Model]:
        return self.kind.model

    @property
    def pk(self) -> Any:
        """The key of the row; of an address, that of the row it had before."""
        return self.kind.row_key(self.identity, self.former)

    @property
    def key(self) -> tuple[str, Identity]:
        return self.kind.table, self.identity

    @property
    def action(self) -> Action:
        return _ACTIONS[self.wanted.get(EXISTS)]

    @property
    def is_address(self) -> bool:
        return isinstance(self.kind, AddressKind)

    @property
    def values(self) -> State:
        """The columns to set."""
        values = dict(self.wanted)
        values.pop(EXISTS, None)
        return values

    @property
    def columns(self) -> Columns:
        """What each column says now, and what it will say."""
        return pairs(self.present, self.wanted, self.wanted)

    @property
    def name(self) -> str:
        """The row in words, as in `server web-1`."""
        if self.action == "create":
            return named(self.model, self.wanted, self.identity)
        return named(self.model, self.present, self.identity)

    @property
    def is_decided(self) -> bool:
        """Whether it is set by itself; else it follows from other rows."""
        return self.kind.is_decided(self.present) and self.kind.is_decided(self.wanted)

    @property
    def keeps_holder(self) -> bool:
        """Whether the same server holds the address afterwards. Then its VM is set by itself, or
        the note of its reservation."""
        held_by = self.present.get("server_id")
        return bool(held_by) and self.wanted.get("server_id", held_by) == held_by


@dataclass(frozen=True)
class Later:
    """A later change that would have to be undone, too."""

    token: str
    who: str
    at: datetime
    text: str
    line: Line

    @classmethod
    def of(cls, line: Line, columns: Iterable[str] = ()) -> Later:
        verb = {"+": _("%s was created"), "~": _("%s was changed"), "-": _("%s was deleted")}
        text = verb[line.kind] % line_name(line)
        names = ", ".join(sorted(set(columns) - {EXISTS}))
        if line.kind == "~" and names:
            text = f"{text}: {names}"
        return cls(token_of(line), line.who, line.at, text, line)


@dataclass(frozen=True)
class Refusal:
    """Why the undo is not possible, and the later changes that stand in its way."""

    text: str
    later: tuple[Later, ...] = ()
    lines: tuple[Line, ...] = field(default=(), compare=False)  # those that the text names
    rows: tuple[Any, ...] = field(default=(), compare=False)  # present ones that it names
    is_open: bool = True  # whether it is known which rows it names

    @property
    def all_lines(self) -> list[Line]:
        """Those of the later changes, too."""
        return [*self.lines, *map(attrgetter("line"), self.later)]


def named(model: type[models.Model], values: dict[str, Any], identity: Identity) -> str:
    """A row in words."""
    return f"{model._meta.verbose_name} {_own_name(model, values, identity)}"


def _own_name(model: type[models.Model], values: dict[str, Any], identity: Identity) -> Any:
    if model is IPAddress:
        return values.get("ip_address") or identity[-1]  # a state does not hold the address
    if values.get("first") and values.get("last"):
        return f"{values['first']}-{values['last']}"
    return next(filter(None, map(values.get, _NAMED_BY)), identity[-1])


def line_name(line: Line) -> str:
    """The row of a line in words."""
    return named(line.model, vars(line.record), (line.object_id,))


def evaluate(timeline: Timeline, chosen: set[str], present: State) -> tuple[State, list[Step]]:
    """The columns to set, and the steps that changed one of them and are not chosen.

    A column goes back to its value before the first chosen step that changed it."""
    wanted: State = {}
    others: list[Step] = []
    for step in timeline.steps:
        if step.line.key in chosen:
            for column in step.touched:
                wanted.setdefault(column, step.before.get(column))
        elif step.touched & wanted.keys():
            others.append(step)
    wanted = timeline.kind.needed(wanted, present)
    return wanted, [step for step in others if step.touched & wanted.keys()]
