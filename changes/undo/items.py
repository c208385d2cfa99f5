"""What an undo does to one row, and why it cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db import models
from django.utils.translation import gettext as _

from changes.lines import Line
from changes.undo.kinds import EXISTS, AddressKind, Identity, Kind, State
from changes.undo.timelines import Step, Timeline, token_of

Action = Literal["create", "change", "delete"]
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
        if isinstance(self.kind, AddressKind):
            return getattr(self.former, "id", None)
        return self.identity[0]

    @property
    def key(self) -> tuple[str, Identity]:
        return self.kind.table, self.identity

    @property
    def action(self) -> Action:
        if EXISTS not in self.wanted:
            return "change"
        return "create" if self.wanted[EXISTS] else "delete"

    @property
    def columns(self) -> dict[str, tuple[Any, Any]]:
        """What each column says now, and what it will say."""
        names = sorted(self.wanted.keys() - {EXISTS})
        return {name: (self.present.get(name), self.wanted[name]) for name in names}

    @property
    def name(self) -> str:
        """The row in words, as in `server web-1`."""
        values = self.wanted if self.action == "create" else self.present
        return named(self.model, values, self.identity)

    @property
    def is_decided(self) -> bool:
        """Whether it is set by itself. An address that a server holds follows from the server."""
        if not isinstance(self.kind, AddressKind):
            return True
        return not (self.present.get("server_id") or self.wanted.get("server_id"))


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
        values = {name: getattr(line.record, name, None) for name in _NAMED_BY}
        row = named(line.model, values, (line.object_id,))
        verb = {"+": _("%s was created"), "~": _("%s was changed"), "-": _("%s was deleted")}
        text = verb[line.kind] % row
        names = ", ".join(sorted(set(columns) - {EXISTS}))
        if line.kind == "~" and names:
            text = f"{text}: {names}"
        return cls(token_of(line), line.who, line.at, text, line)


@dataclass(frozen=True)
class Refusal:
    """Why the undo is not possible, and the later changes that stand in its way."""

    text: str
    later: tuple[Later, ...] = ()
    rows: tuple[Any, ...] = field(default=(), compare=False)  # those that the text names
    is_open: bool = True  # whether it is known which rows it names


def named(model: type[models.Model], values: dict[str, Any], identity: Identity) -> str:
    """A row in words."""
    if values.get("first") and values.get("last"):
        name = f"{values['first']}-{values['last']}"
    else:
        names = (values.get(column) for column in _NAMED_BY)
        name = next(filter(None, names), identity[-1])
        if model._meta.label_lower == "ipam.ipaddress":
            name = identity[-1] if len(identity) > 1 else values["ip_address"]
    return f"{model._meta.verbose_name} {name}"


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
