"""Fields that pick a row out of many: a search box that asks the server, not a list of all of
them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.http import HttpRequest

from ipam.models import IPAddress, Subnet

LONGEST = 18  # digits: every longer number may be too large for the database


def is_key(text: str) -> bool:
    """Whether this text from a browser may be a row's key. A database is asked for nothing else."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST


class KeysOnly:
    """A text that cannot be a row's key is shown as nothing chosen; the field itself says that it
    is refused."""

    def optgroups(
        self, name: str, value: Sequence[str], attrs: dict[str, Any] | None = None
    ) -> list[Any]:
        keys = list(map(str, value))
        if not all(map(is_key, keys)):
            keys = [""]
        return super().optgroups(name, keys, attrs)  # type: ignore[misc]


class Picker(KeysOnly, AutocompleteSelect):
    """Picks one row."""


class MultiplePicker(KeysOnly, AutocompleteSelectMultiple):
    """Picks several rows."""


class PicksRows:
    """A page whose `autocomplete_fields` are pickers."""

    def formfield_for_foreignkey(
        self: Any, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Picker(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(
        self: Any, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", MultiplePicker(db_field, self.admin_site))
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]


def subnet_field(**options: Any) -> forms.ModelChoiceField:
    """One subnet, found by an address inside it, its network, its name or VLAN."""
    relation = IPAddress._meta.get_field("subnet")
    widget = Picker(relation, admin.site, attrs={"style": "width: 100%"})
    return forms.ModelChoiceField(Subnet.objects.all(), widget=widget, **options)
