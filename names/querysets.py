"""The searches of the lists."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Concat

from ipam.models import Subnet


class ZoneQuerySet(models.QuerySet[Any]):
    """Zones by their text."""

    def matching(self, text: str) -> ZoneQuerySet:
        return self.filter(_in_columns(text, "name", "description"))


class RecordQuerySet(models.QuerySet[Any]):
    """Records by their whole name, value or description."""

    def matching(self, text: str) -> RecordQuerySet:
        rows = self.annotate(whole_name=Concat("name", Value("."), "zone__name"))
        return rows.filter(_in_columns(text, "whole_name", "value", "description"))


class NamesOffQuerySet(models.QuerySet[Any]):
    """Subnets without names, found as subnets are."""

    def matching(self, text: str) -> NamesOffQuerySet:
        return self.filter(subnet__in=Subnet.objects.all().matching(text))


def _in_columns(text: str, *columns: str) -> Q:
    """Part of a column, ignoring case. PostgreSQL refuses to look for a NUL character, which is in
    no row."""
    if "\0" in text:
        return Q(pk__in=[])
    found = Q(pk__in=[])
    for column in columns:
        found |= Q(**{f"{column}__icontains": text.strip()})
    return found
