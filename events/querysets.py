"""The questions about events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import Q

from api.models import Network
from events import kinds
from ipam.querysets import either, inside, network_inside

if TYPE_CHECKING:
    from events.models import Event  # noqa: F401


class EventQuerySet(models.QuerySet["Event"]):
    """Events, of everything that happens."""

    def readable_by(self, user: Any) -> EventQuerySet:
        """Those that the user may read: of the kinds whose subjects the user may view."""
        if user.is_superuser and user.is_active:
            return self
        readable = [kind.name for kind in kinds.KINDS.values() if may_read(user, kind)]
        records = Q(kind__startswith="record.", subject_model__in=_viewable(user))
        own = Q(owner_id=None) | Q(owner_id=user.pk)
        return self.filter(Q(kind__in=readable) | records, own)

    def confined(self, networks: Iterable[Network]) -> EventQuerySet:
        """Those of the global address space that name no address outside of the networks."""
        here = list(networks)
        address = inside("ip_address", here)
        other = Q(other_address=None) | inside("other_address", here)
        network = Q(ip_address=None) & either(map(network_inside, here))
        return self.filter(address | network, other, vrf_id=None, subject_model__in=_confinable())

    def of_kinds(self, names: Iterable[str]) -> EventQuerySet:
        return self.filter(kind__in=list(names))

    def after(self, number: int) -> EventQuerySet:
        """Those after this one, in the order in which they are told."""
        return self.filter(pk__gt=number).order_by("pk")


def may_read(user: Any, kind: kinds.Kind) -> bool:
    """Whether the user may read events of this kind, whatever they are about."""
    return bool(kind.permission) and user.has_perm(kind.permission)


def _viewable(user: Any) -> list[str]:
    labels = (model._meta.label_lower for model in apps.get_models())
    return [label for label in labels if user.has_perm(kinds.view_permission(label))]


def _confinable() -> list[str]:
    """The models of which a confined token may see rows at all."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        if hasattr(model._default_manager.all(), "confined"):
            found.append(model._meta.label_lower)
    return found
