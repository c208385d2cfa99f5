"""Which lines a reader may see: those of the models that the user may view; of a token that is
confined to networks, those that lie in the networks both before and after the change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from api.access import confines
from api.confinement import visible
from changes.lines import OWNER_COLUMNS, compared_columns, history_of
from changes.log.tables import all_lines, logged_models
from ipam.addresses import Network
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.querysets import either, inside, network_inside

Networks = Sequence[Network]
# Columns that nobody is shown: what they hold stands for a secret.
HIDDEN = {"ipmanager.token": {"digest"}, "dhcp.agenttoken": {"key"}}


def shown_columns(model: type[models.Model]) -> list[str]:
    """The columns of a model's lines that a reader may see."""
    hidden = HIDDEN.get(model._meta.label_lower, set())
    return [name for name in compared_columns(model) if name not in hidden]


@dataclass(frozen=True)
class Reader:
    """Who reads the log: a user, and the networks that the token is confined to."""

    user: Any
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, request: Any) -> Reader:
        """The reader who sends a request, of the API or of a page."""
        networks: Sequence[Network] = ()
        if hasattr(request, "auth"):
            networks = confines(request)
        return cls(request.user, tuple(networks))

    def may_view(self, model: type[models.Model]) -> bool:
        meta = model._meta
        return bool(self.user.has_perm(f"{meta.app_label}.view_{meta.model_name}"))

    def tables(self) -> list[type[models.Model]]:
        """The models of which the reader may see lines."""
        placed = filter(self._is_placed, logged_models())
        return list(filter(self.may_view, placed))

    def _is_placed(self, model: type[models.Model]) -> bool:
        return not self.networks or model._meta.label_lower in CONFINED

    def lines(self, model: type[models.Model]) -> QuerySet:
        """The lines of a model that the reader may see; none of one that is not visible."""
        if not self.may_view(model) or not self._is_placed(model):
            return all_lines(model).none()
        allowed = self._own(model)
        if self.networks:
            allowed &= CONFINED[model._meta.label_lower](self.networks)
        return _before_and_after(model, allowed) if allowed else all_lines(model)

    def rows(self, model: type[models.Model]) -> QuerySet:
        """The rows of a model that the reader may see."""
        if not self.may_view(model):
            return model._default_manager.none()
        return visible(model._default_manager.filter(self._own(model)), self.networks)

    def _own(self, model: type[models.Model]) -> Q:
        """The condition of rows that have an owner; empty if the reader may see all of them."""
        column = OWNER_COLUMNS.get(model._meta.label_lower)
        if column is None or self.user.is_superuser:
            return Q()
        return Q(**{column: self.user.pk})


def _before_and_after(model: type[models.Model], allowed: Q) -> QuerySet:
    """The lines that meet the condition, and whose line before meets it."""
    key = model._meta.pk.attname
    earlier = (
        history_of(model)
        .filter(**{key: OuterRef(key)}, history_date__lte=OuterRef("history_date"))
        .exclude(history_date=OuterRef("history_date"), history_id__gte=OuterRef("history_id"))
        .order_by("-history_date", "-history_id")
        .values("history_id")[:1]
    )
    was_inside = history_of(model).filter(allowed, history_id=OuterRef("former"))
    lines = history_of(model).filter(allowed).annotate(former=Subquery(earlier))
    return lines.filter(Q(former=None) | Exists(was_inside))


# --- where a line lies ----------------------------------------------------------------------------
#
# A row that a line refers to may have moved or gone since. It counts as inside if none of its own
# lines says otherwise.


def _subnet(networks: Networks) -> Q:
    return Q(either(map(network_inside, networks)), vrf=None)


def _server(networks: Networks) -> Q:
    return Q(inside("ip_address", networks), vrf=None)


def _address(networks: Networks) -> Q:
    held = Q(server=None) | _only_ever(Server, "server_id", _server(networks))
    return Q(held, inside("ip_address", networks), vrf=None)


def _interface(networks: Networks) -> Q:
    here = Q(ip_address=None) | inside("ip_address", networks)
    return Q(here, _only_ever(Server, "server_id", _server(networks)))


def _of_subnet(networks: Networks) -> Q:
    return Q(_only_ever(Subnet, "subnet_id", _subnet(networks)))


def _of_server(networks: Networks) -> Q:
    return Q(_only_ever(Server, "server_id", _server(networks)))


def _everywhere(networks: Networks) -> Q:
    return Q()


def _only_ever(model: type[models.Model], column: str, within: Q) -> Q:
    """The row in this column was inside at some time and elsewhere never."""
    lines = history_of(model).filter(id=OuterRef(column))
    elsewhere = lines.exclude(within)
    if model is Server:  # one that has no address yet is nowhere
        elsewhere = elsewhere.exclude(ip_address=None, vrf=None)
    return Q(Exists(lines.filter(within))) & ~Q(Exists(elsewhere))


CONFINED: dict[str, Callable[[Networks], Q]] = {
    Subnet._meta.label_lower: _subnet,
    Pool._meta.label_lower: _of_subnet,
    Server._meta.label_lower: _server,
    Interface._meta.label_lower: _interface,
    IPAddress._meta.label_lower: _address,
    "discovery.subnetdiscovery": _of_subnet,
    "machines.machine": _of_server,
    "pxe.bootassignment": _of_server,
    "pxe.bootimage": _everywhere,
}
