"""Who may undo a change: whoever may see every row that it touches, and may do by hand what the
undo does. A token that is confined to subnets undoes only what lies in them as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils.translation import gettext as _

from api.access import Right
from api.confinement import lies_in, visible
from api.models import Network
from changes.lines import Line
from changes.undo.items import Item, Refusal
from changes.undo.kinds import AddressKind, among
from changes.undo.plan import Plan
from core.errors import NotFound, Reason

VERBS = {"create": "add", "change": "change", "delete": "delete"}
# The scope that a token needs to write a table; of those not named, that of their app.
SCOPES = {
    "ipam.vrf": "subnets",
    "ipam.subnet": "subnets",
    "ipam.pool": "subnets",
    "dhcp.dhcpscope": "subnets",
    "dhcp.dhcpoption": "subnets",
    "ipam": "addresses",
    "machines": "addresses",
    "pxe": "boot",
    "registry": "registry",
    "discovery": "subnets",
}
# A machine is made and taken back with the rights of its server.
STANDS_FOR = {"machines.machine": "ipam.server"}
# The columns by which a row lies in the network, and those of the row that it belongs to.
PLACES = ("network", "ip_address", "first", "last")
OWNERS = ("subnet_id", "server_id")
OWNED = ("ipam.pool", "ipam.interface", "machines.machine", "pxe.bootassignment", "dhcp.dhcpscope")
PLACED = ("ipam.subnet", "ipam.server", "ipam.ipaddress")


@dataclass(frozen=True)
class Caller:
    """Who asks: whether they have a right, and the networks that their token is confined to."""

    may: Callable[[Right], bool]
    networks: Sequence[Network] = ()

    @classmethod
    def of_user(cls, user: Any) -> Caller:
        """A person at the admin's pages."""
        return cls(lambda right: user.has_perm(right.permission))

    def sees(self, model: type[models.Model]) -> bool:
        return self.may(Right("read", _permission(model, "view")))


def check(plan: Plan, caller: Caller) -> None:
    """Raises NotFound when the caller sees nothing of it, PermissionDenied when the caller does not
    see all of it or may not do a part of it. What is in the way and not to be seen loses its
    name."""
    plan.never = [model for model in plan.never if caller.sees(model)]
    seen = {line.key for line in _seen(plan.lines, caller)}
    if not seen and (caller.networks or not plan.never):
        raise NotFound(Reason(_("There is no such change.")))
    if len(seen) < len(plan.lines):
        raise PermissionDenied(_("It touches rows that you may not see."))
    for item in plan.items:
        _require(item, caller)
    _hide(plan, caller)


def _seen(lines: Sequence[Line], caller: Caller) -> list[Line]:
    models_seen = {model: caller.sees(model) for model in {line.model for line in lines}}
    found = [line for line in lines if models_seen[line.model]]
    if caller.networks:
        return _Places(found, caller.networks).inside()
    return found


def _require(item: Item, caller: Caller) -> None:
    right = right_of(item)
    if right and not caller.may(right):
        text = _(
            "To undo this you need the permission %(permission)s and, with a token, the scope "
            "%(scope)s."
        )
        raise PermissionDenied(text % {"permission": right.permission, "scope": right.scope})


def right_of(item: Item) -> Right | None:
    """The right that the reverse operation needs; None where it follows from another one."""
    if not item.is_decided:
        return None
    verb = VERBS[item.action]
    if isinstance(item.kind, AddressKind):
        verb = "change"
    table = item.kind.table
    scope = SCOPES.get(table) or SCOPES.get(item.model._meta.app_label) or "admin"
    return Right(scope, _permission(item.model, verb))


def _permission(model: type[models.Model], verb: str) -> str:
    app, name = STANDS_FOR.get(model._meta.label_lower, model._meta.label_lower).split(".")
    return f"{app}.{verb}_{name}"


# --- what is in the way ---------------------------------------------------------------------------


def _hide(plan: Plan, caller: Caller) -> None:
    lines = [later.line for refusal in plan.refusals for later in refusal.later]
    lines += [row for refusal in plan.refusals for row in refusal.rows if isinstance(row, Line)]
    seen = {line.key for line in _seen(lines, caller)}
    rows = [row for refusal in plan.refusals for row in refusal.rows if not isinstance(row, Line)]
    hidden = _hidden(rows, caller)
    plan.refusals = [_readable(one, seen, hidden, caller) for one in plan.refusals]


def _readable(
    refusal: Refusal, seen: set[str], hidden: set[tuple[str, Any]], caller: Caller
) -> Refusal:
    keys = {later.line.key for later in refusal.later}
    keys |= {row.key for row in refusal.rows if isinstance(row, Line)}
    rows = {_key(row) for row in refusal.rows if not isinstance(row, Line)}
    is_named = refusal.is_open or not caller.networks
    if keys <= seen and not rows & hidden and is_named:
        return refusal
    return Refusal(_("Something that you may not see is in the way."))


def _hidden(rows: Iterable[Any], caller: Caller) -> set[tuple[str, Any]]:
    by_model: dict[type[models.Model], set[Any]] = defaultdict(set)
    for row in rows:
        by_model[type(row)].add(row.pk)
    hidden: set[tuple[str, Any]] = set()
    for model, keys in by_model.items():
        left = set(keys)
        if caller.sees(model):
            found = visible(model._default_manager.filter(pk__in=keys), caller.networks)
            left -= set(found.values_list("pk", flat=True))
        hidden |= {(model._meta.label_lower, key) for key in left}
    return hidden


def _key(row: Any) -> tuple[str, Any]:
    return row._meta.label_lower, row.pk


# --- where lines lie ------------------------------------------------------------------------------


class _Places:
    """Which lines lie in the networks: both the row before and the row after."""

    def __init__(self, lines: Sequence[Line], networks: Sequence[Network]) -> None:
        self.lines, self.networks = lines, networks
        self.owners = {column: self._owners(column) for column in OWNERS}

    def inside(self) -> list[Line]:
        return [line for line in self.lines if self._is_inside(line)]

    def _is_inside(self, line: Line) -> bool:
        records = [record for record in (line.before, line.record) if record is not None]
        return all(self._has_place(line.table, record) for record in records)

    def _has_place(self, table: str, record: Any) -> bool:
        if getattr(record, "vrf_id", None) is not None:
            return False
        places = [getattr(record, name, None) for name in PLACES]
        given = [place for place in places if place is not None]
        if not all(lies_in(place, self.networks) for place in given):
            return False
        if table in OWNED:
            return self._has_owner(record)
        if table == "ipam.ipaddress" and record.server_id:
            return record.server_id in self.owners["server_id"]
        return table in PLACED and bool(given)

    def _has_owner(self, record: Any) -> bool:
        return any(getattr(record, name, None) in self.owners[name] for name in OWNERS)

    def _owners(self, column: str) -> set[Any]:
        """The servers or subnets in the networks: present ones, and those of these lines."""
        from ipam.models import Server, Subnet

        model: Any = {"subnet_id": Subnet, "server_id": Server}[column]
        keys = {getattr(line.record, column, None) for line in self.lines} - {None}
        every = model.objects.values_list("pk", flat=True)
        found = set(among(visible(every, self.networks), "pk", keys))
        present = set(among(every, "pk", keys))
        for line in self.lines:
            if line.model is model and line.object_id not in present:
                found.update(self._own(line))
        return found

    def _own(self, line: Line) -> set[Any]:
        is_inside = line.record.vrf_id is None
        place = getattr(line.record, "network", None) or line.record.ip_address
        if is_inside and place is not None and lies_in(place, self.networks):
            return {line.object_id}
        return set()
