"""Many rows in one request, all of them or none: POST makes, PATCH changes, DELETE removes, at
`…/bulk/`.

Every row is checked, so that one response names everything that is wrong: `errors` has
`3.hostname` for a field of the fourth row. Success returns the rows' keys in the request's
order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api import problems
from api.known_fields import WARNINGS
from api.parsers import MAX_ROWS
from core.errors import IPManagerError, Reason

RowData = dict[str, Any]
BULK_RESULT = inline_serializer(
    "BulkDone",
    {
        "count": serializers.IntegerField(),
        "ids": serializers.ListField(child=serializers.IntegerField()),
        "warnings": serializers.ListField(child=serializers.CharField(), required=False),
    },
)


@dataclass(frozen=True)
class RowRefusal:
    """Why one row cannot be written: 400, 404 or 409, and the reasons by field."""

    status: int
    errors: problems.Errors


class RowsRefused(IPManagerError):
    """Some rows cannot be written, so none was."""

    code = "rows_refused"

    def __init__(self, refusals: dict[int, RowRefusal], total: int) -> None:
        super().__init__(
            Reason(
                _("%(bad)d of %(all)d rows cannot be written, so none was.")
                % {"bad": len(refusals), "all": total}
            ),
            _("Correct the rows that `errors` names by their number, counted from 0."),
        )
        statuses = {refusal.status for refusal in refusals.values()}
        self.status = 400
        if len(statuses) == 1:
            self.status = statuses.pop()
        self.errors = {}
        for number, refusal in sorted(refusals.items()):
            for name, sentences in refusal.errors.items():
                self.errors[f"{number}.{name}"] = sentences


def invalid(detail: Any) -> RowRefusal:
    """The refusal of a row that a serializer has found invalid."""
    return RowRefusal(400, problems.flattened(detail))


class Bulk:
    """What a Resource needs for `…/bulk/`."""

    @extend_schema(
        responses={201: BULK_RESULT},
        description=f"Make up to {MAX_ROWS} rows, all of them or none.",
    )
    @action(
        detail=False, methods=["post"], url_path="bulk", filterset_class=None, pagination_class=None
    )
    def bulk_create(self: Any, request: Request) -> Response:
        rows = _objects(request)
        with transaction.atomic():
            ids = self.create_rows(rows)
            self.refuse_outside(ids)
        return _result(ids, 201, self.warnings(ids))

    @extend_schema(
        responses={200: BULK_RESULT},
        description=f"Change up to {MAX_ROWS} rows; each names its `id`.",
    )
    @bulk_create.mapping.patch
    def bulk_update(self: Any, request: Request) -> Response:
        rows = _objects(request)
        with transaction.atomic():
            self.lock_rows()
            existing = self.found([row.get("id") for row in rows])
            ids = for_each_row(rows, lambda row: self.change_row(existing, row))
            self.refuse_outside(ids)
        return _result(ids, 200, self.warnings(ids))

    @extend_schema(
        responses={200: BULK_RESULT},
        description=f"Delete up to {MAX_ROWS} rows by their keys.",
    )
    @bulk_create.mapping.delete
    def bulk_delete(self: Any, request: Request) -> Response:
        keys = list(dict.fromkeys(_keys(request)))
        with transaction.atomic():
            self.lock_rows()
            existing = self.found(keys)
            for_each_row(keys, lambda key: self.perform_destroy(row_with_key(existing, key)))
        return _result(keys)

    def warnings(self, ids: Sequence[int]) -> list[str]:
        """What the caller should know about the rows that it has written."""
        return []

    # --- how ---

    def create_rows(self: Any, rows: Sequence[RowData]) -> list[int]:
        """Make the rows and return their keys. Raises RowsRefused."""
        self.lock_rows()
        return for_each_row(rows, self.create_row)

    def create_row(self: Any, row: RowData) -> int:
        serializer = self.get_serializer(data=row)
        serializer.is_valid(raise_exception=True)
        self.perform_create(serializer)
        return serializer.instance.pk

    def change_row(self: Any, existing: dict[int, Any], row: RowData) -> int:
        instance = row_with_key(existing, row.get("id"))
        serializer = self.get_serializer(instance, data=row, partial=True)
        serializer.is_valid(raise_exception=True)
        self.perform_update(serializer)
        return instance.pk

    def lock_rows(self: Any) -> None:
        """Take the model's lock, so that what is checked stays true until all is written."""
        model = self.queryset.model
        if hasattr(model, "lock"):
            model().lock()

    def found(self: Any, keys: Sequence[Any]) -> dict[int, Any]:
        """The rows with these keys that the caller may see, locked."""
        model = self.queryset.model
        valid = list(filter(_is_key, keys))
        list(model._default_manager.select_for_update().filter(pk__in=valid).values_list("pk"))
        return {row.pk: row for row in self.get_queryset().filter(pk__in=valid)}

    def refuse_outside(self: Any, ids: Sequence[int]) -> None:
        """A confined token may not write rows outside its subnets. Raises PermissionDenied."""
        self.refuse_unless(self.get_queryset().filter(pk__in=ids).count() == len(set(ids)))


def for_each_row(rows: Sequence[Any], work: Callable[[Any], Any]) -> list[Any]:
    """Do the work for every row, each in a savepoint, and return the results. Raises RowsRefused
    with the errors of all rows."""
    results, refusals = [], {}
    for number, row in enumerate(rows):
        try:
            with transaction.atomic():
                results.append(work(row))
        except Exception as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            refusals[number] = refusal
    if refusals:
        raise RowsRefused(refusals, len(rows))
    return results


def _refusal(error: Exception) -> RowRefusal | None:
    """The refusal that an exception stands for; None for a fault of our own."""
    described = problems.describe(error)
    if described is None or described[0] >= 500:
        return None
    status, body, _headers = described
    return RowRefusal(status, body.get("errors") or {problems.WHOLE: [body["detail"]]})


def row_with_key(existing: dict[int, Any], key: Any) -> Any:
    """The row with this key. Raises ValidationError when the caller sees none."""
    if _is_key(key) and key in existing:
        return existing[key]
    raise exceptions.ValidationError({"id": [_("There is no such row.")]})


def _is_key(value: Any) -> bool:
    return type(value) is int and 0 < value < 10**18  # True is an int, too


def _objects(request: Request) -> list[RowData]:
    rows = _list(request)
    wrong = [number for number, row in enumerate(rows) if not isinstance(row, dict)]
    if wrong:
        errors = {str(number): [_("A row is a JSON object.")] for number in wrong[:10]}
        raise exceptions.ValidationError(errors)
    return rows


def _list(request: Request) -> list[Any]:
    if not isinstance(request.data, list) or not 0 < len(request.data) <= MAX_ROWS:
        raise exceptions.ValidationError(_("Send a JSON list of 1 to %d rows.") % MAX_ROWS)
    return request.data


def _keys(request: Request) -> list[Any]:
    """The keys, with None for every value that cannot be one."""
    return [key if _is_key(key) else None for key in _list(request)]


def _result(ids: Sequence[int], status: int = 200, warnings: Sequence[str] = ()) -> Response:
    body = {"count": len(ids), "ids": ids}
    if warnings:
        body[WARNINGS] = warnings
    return Response(body, status=status)
