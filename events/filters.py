"""Which events a caller asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers

from events import kinds
from events.querysets import EventQuerySet
from ipam.models import Subnet
from ipam.querysets import network_inside

LARGEST_KEY = 2**63 - 1


class KindField(serializers.CharField):
    """A kind, or the part of its name before the dot."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not kinds.matching(text):
            nouns = sorted({kind.noun for kind in kinds.KINDS.values()})
            message = _("There is no kind “%(kind)s”. Kinds begin with: %(nouns)s.")
            raise serializers.ValidationError(
                message % {"kind": text[:60], "nouns": ", ".join(nouns)}
            )
        return text


class FilterQuery(serializers.Serializer):
    """The filters of events."""

    kind = serializers.ListField(
        child=KindField(max_length=40),
        required=False,
        max_length=100,
        help_text="A kind such as address.released, or all of address. May be repeated.",
    )
    subnet = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=LARGEST_KEY,
        help_text="Events in this subnet and in those below it, by its id.",
    )
    site = serializers.CharField(
        required=False, max_length=100, help_text="Events in subnets of this site."
    )


@dataclass(frozen=True)
class Filter:
    """What a subscription, a list or a stream chooses. Empty: everything."""

    kinds: tuple[str, ...] = ()
    subnet: int | None = None
    site: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Filter:
        """From the validated values of FilterQuery."""
        return cls(tuple(values.get("kind", ())), values.get("subnet"), values.get("site", ""))

    def choose(self, rows: EventQuerySet, subnets: QuerySet[Subnet]) -> EventQuerySet:
        """Those of the events that it names. A subnet that is not among these has no network."""
        if self.kinds:
            names = set(chain.from_iterable(map(kinds.matching, self.kinds)))
            rows = rows.of_kinds(sorted(names))
        if self.site:
            rows = rows.filter(site=self.site)
        if self.subnet is not None:
            rows = rows.filter(in_subnet(self.subnet, subnets))
        return rows


def in_subnet(key: int, subnets: QuerySet[Subnet]) -> Q:
    """Events of a subnet and of everything in its network. One query."""
    own = Q(subnet_id=key)
    subnet = subnets.filter(pk=key).first()
    if subnet is None:
        return own
    addresses = Q(ip_address__range=(subnet.network[0], subnet.network[-1]))
    return own | (Q(vrf_id=subnet.vrf_id) & (addresses | network_inside(subnet.network)))
