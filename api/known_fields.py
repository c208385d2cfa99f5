"""Refuse JSON fields that a request cannot have: a misspelt name must not look like a success."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.request import Request

MOST_NAMED = 10  # unknown fields of one object
LONGEST_NAME = 60
LEAST_LIKENESS = 0.3  # `ip` is as near to `ip_address` as that
# A copy of a row has them, and they are soon outdated.
TIMES = frozenset({"created_at", "updated_at"})
WARNINGS = "warnings"  # the response to a write may have them beside the row's fields


class KnownFields(serializers.Serializer):
    """A serializer that refuses unknown fields, and values of read-only fields that would be lost.

    A read-only field may be sent back as it was read, so that a row can be read, changed and put;
    in a new row it must be empty."""

    outdated: frozenset[str] = TIMES

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        refused = unknown_fields(data, self.fields) | self._lost_values(data)
        if not refused:
            return super().to_internal_value(data)
        try:
            super().to_internal_value(data)
        except exceptions.ValidationError as error:
            # The unknown fields first: they are why a required one is missing.
            others: Any = error.detail
            refused |= others
        raise exceptions.ValidationError(refused)

    def _lost_values(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        """The errors of values that differ from those of read-only fields."""
        compared = (data.keys() & self._read_only_names) - self.outdated
        if not compared:
            return {}
        shown = self._shown()
        error = [_("This field is read-only.")]
        return {name: error for name in compared if not _is_same(data[name], shown.get(name))}

    @cached_property
    def _read_only_names(self) -> set[str]:
        return {name for name, field in self.fields.items() if field.read_only}

    def _shown(self) -> Mapping[str, Any]:
        """The row as its readers see it; nothing for a new one."""
        if self.instance is None:
            return {}
        return type(self)(self.instance).data


class NoFields(KnownFields):
    """The body of an action that takes none."""


def checked(
    shape: Callable[..., serializers.BaseSerializer], request: Request, data: Any = None
) -> Any:
    """The values of the request's body, or of other data, in this shape. Raises
    ValidationError."""
    asked = shape(data=request.data if data is None else data, context={"request": request})
    asked.is_valid(raise_exception=True)
    return asked.validated_data


def refuse_body(request: Request) -> None:
    """Raises ValidationError for a body with fields, or of another kind than an object."""
    if request.data:
        checked(NoFields, request)


def unknown_fields(
    sent: Iterable[str], fields: Mapping[str, serializers.Field]
) -> dict[str, list[str]]:
    """The errors of the first names that are not known, each with the nearest one to write."""
    known = {*fields, WARNINGS}
    unknown = [name for name in sent if name not in known]
    if not unknown:
        return {}
    writable = [name for name, field in fields.items() if not field.read_only]
    return {name[:LONGEST_NAME]: [unknown_field(name, writable)] for name in unknown[:MOST_NAMED]}


def unknown_field(name: str, known: list[str]) -> str:
    """The error of an unknown field: the nearest known name, and all of them."""
    if not known:
        return _("Unknown field. This request takes no fields.")
    everything = ", ".join(known)
    if near := nearest(name, known):
        values = {"near": near, "all": everything}
        return _("Unknown field. Did you mean %(near)s? Known fields: %(all)s.") % values
    return _("Unknown field. Known fields: %s.") % everything


def nearest(name: str, known: list[str]) -> str | None:
    """The known name that is most like this one, or None when none is like it."""
    lowered = name[:LONGEST_NAME].lower()
    return next(iter(get_close_matches(lowered, known, 1, LEAST_LIKENESS)), None)


def _is_same(sent: Any, shown: Any) -> bool:
    """Whether a value is what its readers see; all empty values are the same."""
    return sent == shown or _text(sent) == _text(shown)


def _text(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    return json.dumps(value, sort_keys=True, default=str)
