"""What the resources of the API have in common: pages, `fields=`, ETags, strict filters."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions, serializers, viewsets
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import as_of
from api.access import confines
from api.as_of.resource import Past, asked_moment
from api.bulk import Bulk
from api.confinement import refuse_unless, visible, with_visible_relation
from api.idempotency import Repeatable
from api.known_fields import WARNINGS, refuse_body
from api.models import Network
from api.pagination import Pagination

OWN_PARAMETERS = {"page", "page_size", "after", "before", "ordering", "fields"}


class RowChanged(exceptions.APIException):
    """412: the row has changed since the caller read it."""

    status_code = 412
    default_code = "changed"


class StrictFilterBackend(DjangoFilterBackend):
    """Filters that refuse unknown names: a typing error must not return every row."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: APIView) -> QuerySet:
        filterset_class = self.get_filterset_class(view, queryset)
        names: set[str] = set()
        if filterset_class:
            names = set(filterset_class.base_filters)
        of_action = getattr(view, "parameters", {}).get(getattr(view, "action", ""), ())
        if isinstance(view, Past) and view.has_past():
            of_action = (*of_action, as_of.NAME)
        refuse_unknown(request, *names, *OWN_PARAMETERS, *of_action)
        if names.isdisjoint(request.query_params):
            return queryset  # making a form of all filters costs more than most lists
        filterset = self.get_filterset(request, queryset, view)
        if not filterset.is_valid():  # django-filter's own error cannot hold a % of the query
            errors = {name: list(map(str, found)) for name, found in filterset.errors.items()}
            raise exceptions.ValidationError(errors)
        rows = filterset.qs
        for name in names.intersection(request.query_params):
            path = filterset.filters[name].field_name or ""
            rows = with_visible_relation(rows, path, confines(request))
        return rows


def refuse_unknown(request: Request, *known: str) -> None:
    """Refuse a query with other names than these. Raises ValidationError."""
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        message = _("There is no such filter. Known are: %s.") % ", ".join(sorted(known))
        raise exceptions.ValidationError({name[:60]: [message] for name in unknown[:10]})


class StrictOrderingFilter(OrderingFilter):
    """`?ordering=-ip_address,hostname`, by the names that the view allows; others are refused, not
    ignored."""

    def remove_invalid_fields(
        self, queryset: QuerySet, fields: Any, view: APIView, request: Request
    ) -> list[str]:
        allowed = list(view.ordering_fields)  # type: ignore[attr-defined]
        for name in fields:
            if name.removeprefix("-") not in allowed:
                message = _("Cannot order by %(name)s; order by: %(allowed)s.")
                values = {"name": name[:60], "allowed": ", ".join(allowed)}
                raise exceptions.ValidationError({"ordering": [message % values]})
        return [*fields, "pk"]  # rows with equal values must not move between pages


class ChosenFields(serializers.Serializer):
    """`?fields=id,hostname` on any response that holds rows."""

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        names = self._chosen_names()
        if not names:
            return fields
        for name in names:
            if name not in fields:
                message = _("There is no field %(name)s; there are: %(all)s.")
                values = {"name": name[:60], "all": ", ".join(fields)}
                raise exceptions.ValidationError({"fields": [message % values]})
        return {name: fields[name] for name in dict.fromkeys(names)}

    def _chosen_names(self) -> list[str]:
        request = self.context.get("request")
        if request is None or request.method not in ("GET", "HEAD"):
            return []
        names = request.query_params.get("fields", "").split(",")
        return list(filter(None, map(str.strip, names)))


class Readable(Past, viewsets.ReadOnlyModelViewSet):
    """Rows to read, one by one or in lists.

    The queryset of rows that have a place in the network has `confined`, for confined tokens. A
    view of other rows sets `confine = None`, and lets no confined token in."""

    lookup_value_regex = "[0-9]{1,18}"
    pagination_class = Pagination
    filter_backends = [StrictFilterBackend, StrictOrderingFilter]
    scope = "admin"  # for what its actions change
    parameters: dict[str, tuple[str, ...]] = {}  # further names in the query, by action

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if moment := asked_moment(request):
            row = self.past_row(moment)
            return Response(row, headers={"ETag": etag(row)})
        return self.shown(self.get_object())

    def get_queryset(self) -> QuerySet:
        """All rows, or those that the caller's token is confined to."""
        rows, networks = super().get_queryset(), confines(self.request)
        if networks:
            return self.confine(rows, networks)
        return rows

    def confine(self, rows: Any, networks: list[Network]) -> QuerySet:
        """The rows that lie in the networks."""
        return visible(rows, networks)

    def shown(self, row: Any, status: int = 200) -> Response:
        """The row, and the ETag of all its fields: `fields=` does not change it."""
        whole = self.plain(row)
        body = whole
        if "fields" in self.request.query_params:
            body = self.get_serializer(row).data
        return Response(body, status=status, headers={"ETag": etag(whole)})

    def plain(self, row: Any) -> Any:
        """All fields of the row, whatever the request asks for."""
        return self.serializer_class(row).data  # type: ignore[misc]


class Changeable(Readable):
    """Rows that requests change, under lock, so that no other change is lost."""

    def locked(self) -> Any:
        """The row as it is now, locked until the transaction ends. Raises RowChanged when it is not
        the one of If-Match (RFC 9110, 13.1.1)."""
        row = self.get_object()
        if hasattr(row, "lock"):
            row.lock()
        list(type(row)._default_manager.select_for_update().filter(pk=row.pk).values_list("pk"))
        row = self.get_object()
        expected = set(map(str.strip, self.request.headers.get("If-Match", "*").split(",")))
        if expected != {"*"} and etag(self.plain(row)) not in expected:
            raise RowChanged(_("The row has changed since you read it. Read it again."))
        return row

    def again(self, row: Any) -> Any:
        """The row as the database has it now. Raises PermissionDenied, and so rolls back, when a
        confined token has moved it out of its subnets."""
        found = self.get_queryset().filter(pk=row.pk).first()
        self.refuse_unless(found is not None)
        return found

    def refuse_unless(self, within: bool) -> None:
        """Raises PermissionDenied when a row is not within the subnets of the caller's token."""
        refuse_unless(within, confines(self.request))


class Resource(Repeatable, Bulk, Changeable, viewsets.ModelViewSet):
    """The rows of a model. A row is changed under lock, so that no other change is lost."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head", "options"]
    scope = ""
    parameters = {"export": ("as",)}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            self.perform_create(serializer)
            row = self.again(serializer.instance)
        return self.shown_with_warnings(row, status=201)

    def update(
        self, request: Request, *args: Any, partial: bool = False, **kwargs: Any
    ) -> Response:
        with transaction.atomic():
            row = self.locked()
            serializer = self.get_serializer(row, data=request.data, partial=partial)
            serializer.is_valid(raise_exception=True)
            self.perform_update(serializer)
            row = self.again(row)
        return self.shown_with_warnings(row)

    def shown_with_warnings(self, row: Any, status: int = 200) -> Response:
        """The row that was written, and what the caller should know about it."""
        response = self.shown(row, status)
        if warnings := self.warnings([row.pk]):
            response.data = {**response.data, WARNINGS: warnings}
        return response

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_body(request)
        with transaction.atomic():
            self.perform_destroy(self.locked())
        return Response(status=204)


def etag(data: Any) -> str:
    """A strong ETag: it changes with everything that is shown."""
    text = json.dumps(data, sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
