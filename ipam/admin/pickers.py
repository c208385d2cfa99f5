"""Fields that pick a row out of many: a search box that asks the server, not a list of all of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect

from ipam.models import IPAddress, Subnet


def subnet_field(**options: Any) -> forms.ModelChoiceField:
    """One subnet, found by an address inside it, its network, its name or VLAN."""
    relation = IPAddress._meta.get_field("subnet")
    widget = AutocompleteSelect(relation, admin.site, attrs={"style": "width: 100%"})
    return forms.ModelChoiceField(Subnet.objects.all(), widget=widget, **options)
