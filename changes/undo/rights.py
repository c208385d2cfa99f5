"""Who may undo a change: whoever may see every row that it touches, and may do by hand what the
undo does. A token that is confined to subnets undoes only what lies in them as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils.translation import gettext as _

from api.access import Right
from api.confinement import lies_in, visible
from api.models import Network
from changes.lines import Line
from changes.undo.items import Item, Refusal
from changes.undo.kinds import Kind, among, grouped, key_of
from changes.undo.plan import Plan
from changes.undo.timelines import keys_of
from core.errors import NotFound, Reason
from ipam.models import Server, Subnet

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
    "names": "subnets",
    "pxe": "boot",
    "registry": "registry",
    "discovery": "subnets",
}
# A machine is made and taken back with the rights of its server.
STANDS_FOR = {"machines.machine": "ipam.server"}
# The columns by which a row lies in the network.
PLACES = ("network", "ip_address", "first", "last")
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
    plan.never = list(filter(caller.sees, plan.never))
    seen = _seen(plan.lines, caller)
    if not seen and (caller.networks or not plan.never):
        raise NotFound(Reason(_("There is no such change.")))
    if not plan.chosen <= seen:
        raise PermissionDenied(_("It touches rows that you may not see."))
    for item in plan.items:
        _require(item, caller)
    _hide(plan, caller)


def _seen(lines: Iterable[Line], caller: Caller) -> set[str]:
    """The keys of the lines that the caller may see."""
    found: list[Line] = []
    for model, some in grouped(lines, attrgetter("model")).items():
        if caller.sees(model):
            found += some
    if caller.networks:
        return keys_of(filter(_Places(found, caller.networks).contain, found))
    return keys_of(found)


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
    if not (item.is_decided or item.keeps_holder):
        return None
    verb = VERBS[item.action]
    if item.is_address:
        verb = "change"
    return Right(scope_of(item.kind), _permission(item.model, verb))


def scope_of(kind: Kind) -> str:
    """The scope that a token needs to write the table."""
    of_app = SCOPES.get(kind.model._meta.app_label, "admin")
    return SCOPES.get(kind.table, of_app)


def _permission(model: type[models.Model], verb: str) -> str:
    app, name = STANDS_FOR.get(model._meta.label_lower, model._meta.label_lower).split(".")
    return f"{app}.{verb}_{name}"


# --- what is in the way ---------------------------------------------------------------------------


def _hide(plan: Plan, caller: Caller) -> None:
    lines: list[Line] = []
    rows: list[models.Model] = []
    for refusal in plan.refusals:
        lines += refusal.all_lines
        rows += refusal.rows
    seen = _seen(lines, caller)
    seen_rows = _seen_rows(rows, caller)
    for place, refusal in enumerate(plan.refusals):
        is_named = refusal.is_open or not caller.networks
        is_seen = seen.issuperset(keys_of(refusal.all_lines))
        if not (is_named and is_seen and seen_rows.issuperset(map(key_of, refusal.rows))):
            plan.refusals[place] = Refusal(_("Something that you may not see is in the way."))


def _seen_rows(rows: Iterable[models.Model], caller: Caller) -> set[tuple[str, Any]]:
    """The keys of the rows that the caller may see."""
    seen: set[tuple[str, Any]] = set()
    for model, some in grouped(rows, type).items():
        if caller.sees(model):
            keys = set(map(attrgetter("pk"), some))
            found = visible(model._default_manager.filter(pk__in=keys), caller.networks)
            seen.update(map(key_of, found))
    return seen


# --- where lines lie ------------------------------------------------------------------------------


class _Places:
    """Which lines lie in the networks: both the row before and the row after."""

    def __init__(self, lines: Sequence[Line], networks: Sequence[Network]) -> None:
        self.lines, self.networks = lines, networks
        self.subnets = self._owners(Subnet, "subnet_id")
        self.servers = self._owners(Server, "server_id")

    def contain(self, line: Line) -> bool:
        is_there = self._has_place(line.table, line.record)
        if line.before is None:
            return is_there
        return is_there and self._has_place(line.table, line.before)

    def _has_place(self, table: str, record: Any) -> bool:
        places = _places(record)
        if not self._are_inside(record, places):
            return False
        if table in OWNED:
            return self._has_owner(record)
        if table == "ipam.ipaddress" and record.server_id:
            return record.server_id in self.servers
        return table in PLACED and bool(places)

    def _are_inside(self, record: Any, places: Iterable[Any]) -> bool:
        if getattr(record, "vrf_id", None) is not None:
            return False
        return all(map(partial(lies_in, networks=self.networks), places))

    def _has_owner(self, record: Any) -> bool:
        subnet, server = getattr(record, "subnet_id", None), getattr(record, "server_id", None)
        return subnet in self.subnets or server in self.servers

    def _owners(self, model: Any, column: str) -> set[Any]:
        """The servers or subnets in the networks: present ones, and those of these lines."""
        keys = {getattr(line.record, column, None) for line in self.lines} - {None}
        every = model.objects.values_list("pk", flat=True)
        found = set(among(visible(every, self.networks), "pk", keys))
        present = set(among(every, "pk", keys))
        for line in self.lines:
            if line.model is model and line.object_id not in present:
                places = _places(line.record)
                if places and self._are_inside(line.record, places):
                    found.add(line.object_id)
        return found


def _places(record: Any) -> list[Any]:
    """What the record says about where it lies."""
    found = []
    for name in PLACES:
        if getattr(record, name, None) is not None:
            found.append(getattr(record, name))
    return found
