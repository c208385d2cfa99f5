"""What a resource needs for `?as_of=TIME`; it says by `as_of_class` how a past row is shown.

Filters, orders and the subnets of a confined token are judged by the past rows; besides, a confined
token sees no past of a row that is outside of its subnets today. What is computed from the present
is left out, and no filter or order by it is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import confines
from api.as_of import NAME
from api.as_of.page import PastPage
from core.history.past import moments, tables
from core.history.past.walk import lines_of_row


class Past:
    """Rows as they were. Part of every Readable."""

    as_of_class: Any = None  # the serializer of past rows; None: the past cannot be asked for
    present_facts: Sequence[str] = ()  # fields that history does not know: null
    computed_now: Sequence[str] = ()  # what lists may only be filtered and ordered by today

    def initial(self: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse the past of what has none, and changes of the past."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if NAME not in request.query_params:
            return
        asks = request.method in SAFE_METHODS and self.action in ("list", "retrieve")
        if not asks or not self.has_past():
            message = _("Only rows and lists with a history can be asked for the past.")
            raise exceptions.ValidationError({NAME: [message]})
        self.refuse_computed(request.query_params)

    def has_past(self: Any) -> bool:
        """Whether past rows can be shown, and are known."""
        return self.as_of_class is not None and self.queryset.model in tables.tracked()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if moment := asked_moment(request):
            return self.past_list(moment)
        return super().list(request, *args, **kwargs)  # type: ignore[misc]

    def refuse_computed(self, query: Mapping[str, str]) -> None:
        """Raises ValidationError for a filter or an order that only the present can answer."""
        message = _("This is computed from the present; it cannot be asked of the past.")
        asked = {name: name for name in query}
        asked |= {name.strip().lstrip("-"): "ordering" for name in _ordering(query)}
        for name, parameter in asked.items():
            if name.partition("__")[0] in self.computed_now:
                raise exceptions.ValidationError({parameter: [message]})

    def past_list(self: Any, moment: datetime) -> Response:
        with tables.at(moment):
            rows = self.filter_queryset(self.past_queryset(moment))
        page = PastPage(rows, moment, self.request)
        found = self.seen_today(page.rows())
        results = self.past_json(found, moment)
        links = {"next": page.next_link(), "previous": page.previous_link()}
        return Response({NAME: _text(moment), "count": None, **links, "results": results})

    def past_row(self: Any, moment: datetime) -> dict[str, Any]:
        """One row. Raises Http404."""
        row = self.past_object(moment)
        if not self.seen_today([row]):
            raise Http404
        [body] = self.past_json([row], moment)
        return {NAME: _text(moment), **body}

    def past_queryset(self: Any, moment: datetime) -> Any:
        """The rows of a list, narrowed by what its filters imply; asked within the past."""
        return self.get_queryset()

    def past_object(self: Any, moment: datetime) -> Any:
        """One row. Raises Http404."""
        model = self.queryset.model
        lines = lines_of_row(model, int(self.kwargs["pk"]), moment)
        with tables.at(moment, {model: lines}):
            return self.get_object()

    def past_facts(self, rows: Sequence[Any]) -> Mapping[int, dict[str, Any]]:
        """Further fields of past rows, by the rows' keys; asked within the past."""
        return {}

    def past_json(self: Any, rows: Sequence[Any], moment: datetime) -> Sequence[dict[str, Any]]:
        """Past rows as they are shown."""
        with tables.at(moment):
            facts = {} if "fields" in self.request.query_params else self.past_facts(rows)
            context = self.get_serializer_context()
            shown = self.as_of_class(rows, many=True, context=context).data
        return [
            {**self.without_present(body), **facts.get(row.pk, {})}
            for row, body in zip(rows, shown, strict=True)
        ]

    def without_present(self, body: Mapping[str, Any]) -> dict[str, Any]:
        unknown = dict.fromkeys(set(body) & set(self.present_facts))
        return {**body, **unknown}

    def seen_today(self: Any, rows: Sequence[Any]) -> Sequence[Any]:
        """Those of the past rows whose present, if they have one, the caller may see."""
        networks = confines(self.request)
        if not networks:
            return rows
        present = self.present(rows)
        seen = set(self.confine(present, networks).values_list("pk", flat=True))
        hidden = set(present.values_list("pk", flat=True)) - seen
        return [row for row in rows if row.pk not in hidden]

    def present(self: Any, rows: Sequence[Any]) -> Any:
        """The same rows as they are today, if they still exist."""
        return self.queryset.model._default_manager.filter(pk__in=[row.pk for row in rows])


def asked_moment(request: Request) -> datetime | None:
    """The moment of the query; None for the present. Raises Invalid."""
    text = request.query_params.get(NAME)
    return None if text is None else moments.parse(text)


def _ordering(query: Mapping[str, str]) -> list[str]:
    return query.get("ordering", "").split(",")


def _text(moment: datetime) -> str:
    return moment.isoformat()
