"""What a token that is confined to subnets may see.

Its lists, its filters and the rows that it may refer to hold only rows inside its networks: the key
of another row is answered like one that does not exist. A refusal that names other rows says "Not
available to this token". So does a refusal that does not say which rows it names: only a
`core.errors.Reason` is shown."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import django_filters as filters
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request

from api.access import confines
from api.models import Network
from core.errors import Reason


def visible(rows: Any, networks: Sequence[Network]) -> QuerySet:
    """Those of the rows that a token for these networks may see; all of them without networks. None
    of a model whose queryset does not say which rows lie in networks (`confined`)."""
    if not networks:
        return rows
    if not hasattr(rows, "confined"):
        return rows.none()
    return rows.confined(networks)


def refuse_unless(within: bool, networks: Iterable[Network]) -> None:
    """Raises PermissionDenied when a row is not within the networks of the caller's token."""
    if not within:
        names = ", ".join(map(str, networks))
        raise exceptions.PermissionDenied(_("This token is for %s only.") % names)


# --- references between rows ----------------------------------------------------------------------


class RowKey(serializers.PrimaryKeyRelatedField):
    """The key of a row that the caller may see, or to which the changed row refers already."""

    def get_queryset(self) -> QuerySet:
        rows: Any = super().get_queryset()
        networks = confines(self.context["request"])
        if not networks:
            return rows
        changed = getattr(self.parent, "instance", None)
        present = getattr(changed, f"{self.source}_id", None)
        seen = Q(pk__in=visible(rows, networks).values("pk"))
        return rows.filter(seen | Q(pk=present))


class RowFilter(filters.ModelChoiceFilter):
    """The rows that refer to a row that the caller may see. What refers to any other row counts as
    referring to none."""

    def get_queryset(self, request: Request) -> QuerySet:
        return visible(super().get_queryset(request), confines(request))

    def filter(self, qs: QuerySet, value: Any) -> QuerySet:
        request = self.parent.request
        if value != self.null_value or not confines(request):
            return super().filter(qs, value)
        return qs.exclude(**{f"{self.field_name}__in": self.get_queryset(request)})


def with_visible_relation(rows: QuerySet, path: str, networks: Sequence[Network]) -> QuerySet:
    """The rows whose related row is visible, for a filter on one of its columns as in
    `subnet__site`."""
    relation, _separator, _column = path.rpartition("__")
    if not networks or not relation:
        return rows
    model: Any = rows.model
    for name in relation.split("__"):
        model = model._meta.get_field(name).related_model
    related = visible(model._default_manager.all(), networks)
    return rows.filter(**{f"{relation}__in": related})


# --- rows that are written ------------------------------------------------------------------------


class LocatedRow(serializers.Serializer):
    """A row that lies in the network. `Meta.located_by` names the fields that say where: addresses,
    networks, or rows that have a place themselves. A confined token writes a row only if at least
    one of them is set, and all of them are inside its networks. It writes no row without
    `located_by`."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Checked before the rules are asked, which look at rows elsewhere."""
        values = super().run_validation(data)
        request = self.context.get("request")
        if request is not None and self.root in (self, self.parent):
            self._refuse_elsewhere(values, confines(request))
        return values

    def _refuse_elsewhere(self, values: dict[str, Any], networks: Sequence[Network]) -> None:
        if not networks:
            return
        places = []
        for name in getattr(self.Meta, "located_by", ()):  # type: ignore[attr-defined]
            place = values[name] if name in values else getattr(self.instance, name, None)
            if place is not None:
                places.append(place)
        within = {lies_in(place, networks) for place in places}
        refuse_unless(within == {True}, networks)


def lies_in(place: Any, networks: Sequence[Network]) -> bool:
    """Whether an address or a network lies in one of the networks. A row does: RowKey accepts no
    other."""
    if isinstance(place, Model):
        return True
    area: Any = ipaddress.ip_network(place)
    return any(area.version == one.version and area.subnet_of(one) for one in networks)


# --- refusals -------------------------------------------------------------------------------------


class Readable:
    """Which sentences of a refusal a token for these networks may read. One query for each model
    that they name."""

    def __init__(self, sentences: Iterable[object], networks: Sequence[Network]) -> None:
        named: dict[type[Model], set[Any]] = defaultdict(set)
        for sentence in sentences:
            for row in getattr(sentence, "rows", ()):
                named[type(row)].add(row.pk)
        self._visible: dict[type[Model], set[Any]] = {}
        for model, keys in named.items():
            rows = visible(model._default_manager.filter(pk__in=keys), networks)
            self._visible[model] = set(rows.values_list("pk", flat=True))

    def __contains__(self, sentence: object) -> bool:
        if not isinstance(sentence, Reason):
            return False
        return all(row.pk in self._visible[type(row)] for row in sentence.rows)
