"""What every resource of the API has in common: pages, `fields=`, ETags, strict filters."""

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

from api.access import confines
from api.bulk import Bulk
from api.idempotency import Repeatable
from api.models import Network
from api.pagination import Pages

OWN_PARAMETERS = {"page", "page_size", "after", "before", "ordering", "fields"}


class Changed(exceptions.APIException):
    """Somebody else changed the row since the caller read it."""

    status_code = 412
    default_code = "changed"


class Filters(DjangoFilterBackend):
    """Filters that refuse names they do not know: a typing error must not return every row."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: APIView) -> QuerySet:
        filterset = self.get_filterset_class(view, queryset)
        further = getattr(view, "parameters", {}).get(getattr(view, "action", ""), ())
        refuse_unknown(
            request, *(filterset.base_filters if filterset else ()), *OWN_PARAMETERS, *further
        )
        if filterset is None or not set(request.query_params) & set(filterset.base_filters):
            return queryset  # making a form of all filters costs more than most lists
        chosen = self.get_filterset(request, queryset, view)
        if not chosen.is_valid():  # django-filter's own way stumbles over a % in what was sent
            raise exceptions.ValidationError(
                {name: list(map(str, wrong)) for name, wrong in chosen.errors.items()}
            )
        return chosen.qs


def refuse_unknown(request: Request, *known: str) -> None:
    """A query has no other names than these. Raises ValidationError."""
    if unknown := sorted(set(request.query_params) - set(known)):
        message = _("There is no such filter. Known are: %s.") % ", ".join(sorted(known))
        raise exceptions.ValidationError({name[:60]: [message] for name in unknown[:10]})


class Ordering(OrderingFilter):
    """`?ordering=-ip_address,hostname`, by the names that the view allows; others are refused, not
    ignored."""

    def remove_invalid_fields(
        self, queryset: QuerySet, fields: Any, view: APIView, request: Request
    ) -> list[str]:
        allowed = list(view.ordering_fields)  # type: ignore[attr-defined]
        if wrong := [name for name in fields if name.removeprefix("-") not in allowed]:
            raise exceptions.ValidationError(
                {
                    "ordering": [
                        _("Cannot order by %(name)s; order by: %(allowed)s.")
                        % {"name": wrong[0][:60], "allowed": ", ".join(allowed)}
                    ]
                }
            )
        return [*fields, "pk"]  # rows with equal values must not move between pages


class ChosenFields(serializers.Serializer):
    """`?fields=id,hostname` on any answer that holds rows."""

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        request = self.context.get("request")
        chosen = (
            request.query_params.get("fields")
            if request and request.method in ("GET", "HEAD")
            else None
        )
        names = [name.strip() for name in (chosen or "").split(",") if name.strip()]
        if not names:
            return fields
        if wrong := [name for name in names if name not in fields]:
            raise exceptions.ValidationError(
                {
                    "fields": [
                        _("There is no field %(name)s; there are: %(all)s.")
                        % {"name": wrong[0][:60], "all": ", ".join(fields)}
                    ]
                }
            )
        return {name: fields[name] for name in dict.fromkeys(names)}


class Readable(viewsets.ReadOnlyModelViewSet):
    """Rows to look at, one by one or in lists.

    Rows that have a place in the network know by `confined` which of them lie in some networks. A
    view of others says `confine = None`, and lets no confined token in."""

    lookup_value_regex = "[0-9]{1,18}"
    pagination_class = Pages
    filter_backends = [Filters, Ordering]
    scope = "admin"  # for what its actions change
    parameters: dict[str, tuple[str, ...]] = {}  # what single actions read from the query besides

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(self.get_object())

    def get_queryset(self) -> QuerySet:
        """All rows, or those that the caller's token is for."""
        rows, networks = super().get_queryset(), confines(self.request)
        return self.confine(rows, networks) if networks else rows

    def confine(self, rows: Any, networks: list[Network]) -> QuerySet:
        """Those of the rows that lie in the networks."""
        return rows.confined(networks)

    def shown(self, row: Any, status: int = 200) -> Response:
        """The row, and the ETag of its whole: `fields=` does not change it."""
        whole = self.plain(row)
        body = self.get_serializer(row).data if "fields" in self.request.query_params else whole
        return Response(body, status=status, headers={"ETag": etag(whole)})

    def plain(self, row: Any) -> Any:
        """All fields of the row, whatever the request asks for."""
        return self.serializer_class(row).data  # type: ignore[misc]


class Resource(Repeatable, Bulk, Readable, viewsets.ModelViewSet):
    """The rows of a model. A change is made to the row as it is under lock, so that no other change
    is lost."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head", "options"]
    scope = ""
    parameters = {"export": ("as",)}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            self.perform_create(serializer)
            row = self.again(serializer.instance)
        return self.shown(row, status=201)

    def update(
        self, request: Request, *args: Any, partial: bool = False, **kwargs: Any
    ) -> Response:
        with transaction.atomic():
            row = self.locked()
            serializer = self.get_serializer(row, data=request.data, partial=partial)
            serializer.is_valid(raise_exception=True)
            self.perform_update(serializer)
            row = self.again(row)
        return self.shown(row)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            self.perform_destroy(self.locked())
        return Response(status=204)

    def locked(self) -> Any:
        """The row as it is now, ours until the transaction ends, and what the caller believes it to
        be."""
        row = self.get_object()
        if hasattr(row, "lock"):
            row.lock()
        list(type(row)._default_manager.select_for_update().filter(pk=row.pk).values_list("pk"))
        row = self.get_object()
        wanted = self.request.headers.get("If-Match", "*")
        if wanted != "*" and etag(self.plain(row)) not in {
            part.strip() for part in wanted.split(",")
        }:
            raise Changed(
                _("Somebody has changed it since you read it. Read it again and decide anew.")
            )
        return row

    def again(self, row: Any) -> Any:
        """The row as the database has it now, with all that is shown of it. What a confined token
        has moved out of its bounds is refused: the transaction around is rolled back."""
        found = self.get_queryset().filter(pk=row.pk).first()
        self.refuse_unless(found is not None)
        return found

    def refuse_unless(self, within: bool) -> None:
        """Raises PermissionDenied when a row is not within the bounds of the caller's token."""
        if not within:
            bounds = ", ".join(map(str, confines(self.request)))
            raise exceptions.PermissionDenied(_("This token is for %s only.") % bounds)


def etag(data: Any) -> str:
    """A strong ETag: it changes with everything that is shown."""
    text = json.dumps(data, sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
