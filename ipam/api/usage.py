"""Usage in the API: columns of the lists of subnets and pools, filters, orders, and the route
`usage/` with history and forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.utils.timezone import localdate
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.resources import StrictOrderingFilter, etag
from ipam.models import Pool, Subnet
from ipam.usage import Share, Usage, history, pool_usage, usage
from ipam.usage.forecast import forecast
from ipam.usage.history import Day
from ipam.usage.ranking import FIGURES, by_figures, with_figures

MEASURE: dict[Any, Callable[[Sequence[Any]], dict[int, Any]]] = {Subnet: usage, Pool: pool_usage}
KINDS = ("static", "dhcp")
JSON = dict[str, Any]


# --- lists ----------------------------------------------------------------------------------------


class ShowsUsage:
    """A Resource whose rows show their usage, which is not part of the ETag: it changes without
    them."""

    plain_class: Any  # the serializer without the usage

    def paginate_queryset(self: Any, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset)  # type: ignore[misc]
        self.measure(rows or [])
        return rows

    def shown(self: Any, row: Any, status: int = 200) -> Response:
        self.measure([row])
        body = self.get_serializer(row).data
        return Response(body, status=status, headers={"ETag": etag(self.plain(row))})

    def plain(self, row: Any) -> Any:
        """All fields but the usage."""
        return self.plain_class(row).data

    def measure(self: Any, rows: Sequence[Any]) -> None:
        """Put the usage of each row into its `measured`, unless `fields=` leaves it out."""
        model = self.queryset.model
        chosen = self.request.query_params.get("fields")
        if chosen and not set(map(str.strip, chosen.split(","))) & set(FIGURES[model]):
            return
        measured = MEASURE[model](rows)
        for row in rows:
            row.measured = measured.get(row.pk)


class UsageOrderingFilter(StrictOrderingFilter):
    """Orders by the figures of the usage, too."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: APIView) -> QuerySet:
        ordering = self.get_ordering(request, queryset, view)
        if not ordering:
            return queryset
        return queryset.order_by(*by_figures(queryset.model, ordering))


class UsageFilters(filters.FilterSet):
    """At least and at most for each figure: `static_percent__gte=90`, `static_free__lte=0`. Rows
    that have nothing to hand out have no figures."""

    @classmethod
    def get_filters(cls) -> Any:
        found = super().get_filters()
        for name in FIGURES.get(cls._meta.model, ()):
            for lookup in ("gte", "lte"):
                found[f"{name}__{lookup}"] = filters.NumberFilter(
                    field_name=name, lookup_expr=lookup
                )
        return found

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        names = set()
        for name, value in self.form.cleaned_data.items():
            figure = name.rpartition("__")[0]
            if value is not None and figure in FIGURES[queryset.model]:
                names.add(figure)
        return super().filter_queryset(with_figures(queryset, names))


# --- the route usage/ -----------------------------------------------------------------------------


class DaysSerializer(serializers.Serializer):
    """How much of the past to show."""

    days = serializers.IntegerField(
        min_value=1, max_value=36_500, required=False, default=history.DAYS
    )


def of_subnet(used: Usage, past: Sequence[Day], today: date | None = None) -> JSON:
    """A subnet's usage now, on each day of its past, and its forecast."""
    today = today or localdate()
    body: JSON = {
        "usable": used.usable,
        "static": used.own_static.total,
        "dhcp": used.own_dhcp.total,
        "allocated": used.allocated,
        "reserved": used.reserved,
        "quarantine": used.quarantine,
        "live": used.live,
        "available": used.available,
        "percent": used.percent,
    }
    body["current"] = {kind: share_json(getattr(used, kind)) for kind in KINDS}
    body["history"] = list(map(day_json, past))
    body["forecast"] = {kind: _forecast(kind, past, getattr(used, kind), today) for kind in KINDS}
    return body


def of_pool(kind: str, share: Share, past: Sequence[Day]) -> JSON:
    """A pool's usage now, on each day of its past, and its forecast."""
    days = [{"day": day.day.isoformat(), **share_json(getattr(day, kind))} for day in past]
    found = _forecast(kind, past, share, localdate())
    return {"current": share_json(share), "history": days, "forecast": found}


def share_json(share: Share) -> JSON:
    return {
        "total": share.total,
        "used": share.used,
        "free": share.free,
        "percent": round(share.percent, 2),
    }


def day_json(day: Day) -> JSON:
    return {
        "day": day.day.isoformat(),
        "static": share_json(day.static),
        "dhcp": share_json(day.dhcp),
    }


def _forecast(kind: str, past: Sequence[Day], now: Share, today: date) -> JSON | None:
    found = forecast([(day.day, getattr(day, kind).used) for day in past], now, today)
    if found is None:
        return None
    return {"full_on": found.full_on.isoformat(), "per_day": found.per_day}


# --- what the schema says of it -------------------------------------------------------------------


class ShareSerializer(serializers.Serializer):
    total = serializers.IntegerField(help_text="Addresses that can be handed out.")
    used = serializers.IntegerField(help_text="Of these, allocated, reserved or leased.")
    free = serializers.IntegerField()
    percent = serializers.FloatField(help_text="Used against total, 0 to 100.")


class SharesSerializer(serializers.Serializer):
    static = ShareSerializer(help_text="Addresses that IPManager allocates.")
    dhcp = ShareSerializer(help_text="Addresses that dnsmasq hands out.")


class DaySerializer(SharesSerializer):
    day = serializers.DateField()


class PoolDaySerializer(ShareSerializer):
    day = serializers.DateField()


class ForecastSerializer(serializers.Serializer):
    full_on = serializers.DateField(help_text="The day on which nothing is left.")
    per_day = serializers.FloatField(help_text="How many addresses are used up in a day.")


class ForecastsSerializer(serializers.Serializer):
    """Null without a growth that the last 28 days bear out."""

    static = ForecastSerializer(allow_null=True)
    dhcp = ForecastSerializer(allow_null=True)


class UsageSerializer(serializers.Serializer):
    """How full a subnet is. `current`, `history` and `forecast` include the subnets inside it; the
    other figures are its own."""

    usable = serializers.IntegerField(
        help_text="Addresses that machines can use, without the gateway."
    )
    static = serializers.IntegerField(help_text="Of these, those that IPManager allocates.")
    dhcp = serializers.IntegerField(help_text="Of these, those in DHCP pools.")
    allocated = serializers.IntegerField()
    reserved = serializers.IntegerField()
    quarantine = serializers.IntegerField()
    live = serializers.IntegerField(help_text="Allocated, reserved and quarantined together.")
    available = serializers.IntegerField(help_text="Free ones that IPManager allocates.")
    percent = serializers.FloatField(help_text="Live against usable, 0 to 100.")
    current = SharesSerializer()
    history = DaySerializer(many=True)
    forecast = ForecastsSerializer()


class PoolUsageSerializer(serializers.Serializer):
    """How full a pool is."""

    current = ShareSerializer()
    history = PoolDaySerializer(many=True)
    forecast = ForecastSerializer(allow_null=True)
