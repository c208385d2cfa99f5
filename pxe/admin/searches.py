"""Search boxes that look for a part of a text."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet


def having(queryset: QuerySet, text: str, *columns: str, **others: Any) -> QuerySet:
    """Rows with the text in one of the columns, or that meet one of the other conditions."""
    text = text.strip()
    if not text:
        return queryset
    if "\0" in text:
        return queryset.none()  # no text in PostgreSQL holds one, and asking is an error
    found = Q(pk__in=[])
    for column in columns:
        found |= Q(**{f"{column}__icontains": text})
    for name, value in others.items():
        found |= Q(**{name: value})
    return queryset.filter(found)
