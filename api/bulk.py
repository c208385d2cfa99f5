"""Many rows in one request, all of them or none: POST makes, PATCH changes, DELETE removes, at
`…/bulk/`.

Every row is judged, so that one answer names all that is wrong: `errors` has `3.hostname` for a
field of the fourth row. The answer to success is the rows' keys in the request's order."""

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
from core.errors import IPManagerError

MOST = 1000
Row = dict[str, Any]
DONE = inline_serializer(
    "BulkDone",
    {
        "count": serializers.IntegerField(),
        "ids": serializers.ListField(child=serializers.IntegerField()),
    },
)
KEYS = {"type": "array", "items": {"type": "integer"}, "maxItems": MOST}


@dataclass(frozen=True)
class Refusal:
    """Why one row cannot be written: 400, 404 or 409, and the reasons by field."""

    status: int
    errors: problems.Errors


class RowsRefused(IPManagerError):
    """Some rows cannot be written, so none was."""

    code = "rows_refused"

    def __init__(self, refusals: dict[int, Refusal], total: int) -> None:
        super().__init__(
            _("%(bad)d of %(all)d rows cannot be written, so none was.")
            % {"bad": len(refusals), "all": total},
            _("Mend the rows that `errors` names by their number, counted from 0."),
        )
        statuses = {refusal.status for refusal in refusals.values()}
        self.status = statuses.pop() if len(statuses) == 1 else 400
        self.errors = {
            f"{number}.{name}": sentences
            for number, refusal in sorted(refusals.items())
            for name, sentences in refusal.errors.items()
        }


def invalid(detail: Any) -> Refusal:
    """The refusal of a row whose shape a serializer has found wrong."""
    return Refusal(400, problems.flattened(detail))


class Bulk:
    """What a Resource needs for `…/bulk/`."""

    @extend_schema(
        responses={201: DONE}, description=f"Make up to {MOST} rows, all of them or none."
    )
    @action(
        detail=False, methods=["post"], url_path="bulk", filterset_class=None, pagination_class=None
    )
    def bulk_create(self: Any, request: Request) -> Response:
        rows = _objects(request)
        with transaction.atomic():
            ids = self.create_rows(rows)
            self.refuse_strangers(ids)
        return _done(ids, 201)

    @extend_schema(
        responses={200: DONE}, description=f"Change up to {MOST} rows; each names its `id`."
    )
    @bulk_create.mapping.patch
    def bulk_update(self: Any, request: Request) -> Response:
        rows = _objects(request)
        with transaction.atomic():
            self.lock_rows()
            there = self.found([row.get("id") for row in rows])
            ids = each(rows, lambda row: self.change_row(there, row))
            self.refuse_strangers(ids)
        return _done(ids)

    @extend_schema(
        request={"application/json": KEYS},
        responses={200: DONE},
        description=f"Delete up to {MOST} rows.",
    )
    @bulk_create.mapping.delete
    def bulk_delete(self: Any, request: Request) -> Response:
        keys = list(dict.fromkeys(_hashable(request)))
        with transaction.atomic():
            self.lock_rows()
            there = self.found(keys)
            each(keys, lambda key: self.perform_destroy(one(there, key)))
        return _done(keys)

    # --- how ---

    def create_rows(self: Any, rows: Sequence[Row]) -> list[int]:
        """Make the rows; their keys. Raises RowsRefused."""
        self.lock_rows()
        return each(rows, self.create_row)

    def create_row(self: Any, row: Row) -> int:
        serializer = self.get_serializer(data=row)
        serializer.is_valid(raise_exception=True)
        self.perform_create(serializer)
        return serializer.instance.pk

    def change_row(self: Any, there: dict[int, Any], row: Row) -> int:
        instance = one(there, row.get("id"))
        serializer = self.get_serializer(instance, data=row, partial=True)
        serializer.is_valid(raise_exception=True)
        self.perform_update(serializer)
        return instance.pk

    def lock_rows(self: Any) -> None:
        """What is judged stays true until all is written."""
        model = self.queryset.model
        if hasattr(model, "lock"):
            model().lock()

    def found(self: Any, keys: Sequence[Any]) -> dict[int, Any]:
        """The rows with these keys that the caller may see, locked."""
        model = self.queryset.model
        numbers = [key for key in keys if _is_key(key)]
        list(model._default_manager.select_for_update().filter(pk__in=numbers).values_list("pk"))
        return {row.pk: row for row in self.get_queryset().filter(pk__in=numbers)}

    def refuse_strangers(self: Any, ids: Sequence[int]) -> None:
        """A token that is for some networks only may not write rows elsewhere."""
        self.refuse_unless(self.get_queryset().filter(pk__in=ids).count() == len(set(ids)))


def each(rows: Sequence[Any], work: Callable[[Any], Any]) -> list[Any]:
    """Do the work for every row, each in a savepoint. Raises RowsRefused with what was wrong with
    all of them."""
    done, refusals = [], {}
    for number, row in enumerate(rows):
        try:
            with transaction.atomic():
                done.append(work(row))
        except Exception as error:
            answer = problems.describe(error)
            if answer is None or answer[0] >= 500:
                raise
            status, body, _headers = answer
            refusals[number] = Refusal(
                status, body.get("errors") or {problems.WHOLE: [body["detail"]]}
            )
    if refusals:
        raise RowsRefused(refusals, len(rows))
    return done


def one(there: dict[int, Any], key: Any) -> Any:
    """The row with this key. Raises ValidationError when the caller sees none."""
    if _is_key(key) and key in there:
        return there[key]
    raise exceptions.ValidationError({"id": [_("There is no such row.")]})


def _is_key(value: Any) -> bool:
    return type(value) is int and 0 < value < 10**18  # True is a number, too


def _objects(request: Request) -> list[Row]:
    rows = _limited(request)
    if wrong := [number for number, row in enumerate(rows) if not isinstance(row, dict)]:
        raise exceptions.ValidationError(
            {f"{number}": [_("A row is a JSON object.")] for number in wrong[:10]}
        )
    return rows


def _limited(request: Request) -> list[Any]:
    if not isinstance(request.data, list) or not 0 < len(request.data) <= MOST:
        raise exceptions.ValidationError(_("Send a JSON list of 1 to %d rows.") % MOST)
    return request.data


def _hashable(request: Request) -> list[Any]:
    """The keys; what is no number names no row."""
    return [key if _is_key(key) else None for key in _limited(request)]


def _done(ids: Sequence[int], status: int = 200) -> Response:
    return Response({"count": len(ids), "ids": ids}, status=status)
