"""The search of the lists: part of a text, ignoring case."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet


def search(queryset: QuerySet, text: str, *columns: str, **others: Any) -> QuerySet:
    """Rows with the text in one of the columns, or that match one of the `others`."""
    text = text.strip()
    if not text:
        return queryset
    if "\0" in text:
        return queryset.none()  # PostgreSQL stores no NUL character and refuses to look for one
    found = Q(pk__in=[])
    for column in columns:
        found |= Q(**{f"{column}__icontains": text})
    for name, value in others.items():
        found |= Q(**{name: value})
    return queryset.filter(found)
