"""Which models have pages of the past, and what these show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import display_for_field
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst

from core.history.past.tables import tracked
from dhcp.models import DhcpScope
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet

NOTHING = "–"
# The columns of each list.
COLUMNS: dict[Any, tuple[str, ...]] = {
    Subnet: ("network", "name", "vrf", "gateway", "vlan_id", "site", "domain", "description"),
    Pool: ("first", "last", "kind", "subnet"),
    IPAddress: ("ip_address", "status", "hostname", "mac_address", "server", "vm_id", "subnet"),
    Server: ("hostname", "ip_address", "mac_address", "device_type", "location", "enabled"),
    Interface: ("name", "server", "ip_address", "mac_address"),
    VRF: ("name", "rd", "description"),
    DhcpScope: ("subnet", "server", "enabled", "lease_time", "known_only", "domain"),
}
# Rows that a row's page lists: model, and the column that names the row.
PARTS: dict[Any, tuple[tuple[Any, str], ...]] = {
    Subnet: ((Pool, "subnet"), (DhcpScope, "subnet")),
    Server: ((Interface, "server"), (IPAddress, "server")),
    VRF: ((Subnet, "vrf"),),
}
NOT_SHOWN = {IPAddress: {"active"}}  # what history does not know
MOST_PARTS = 100


@dataclass(frozen=True)
class Cell:
    """A value, and the page of the past of the row that it names."""

    label: str
    text: str
    url: str = ""


def models() -> list[Any]:
    """Those with a history."""
    return [model for model in COLUMNS if model in tracked()]


def find(app: str, name: str) -> Any:
    """The model with pages of the past, or None."""
    return {model._meta.label_lower: model for model in models()}.get(f"{app}.{name}")


def may_see(request: HttpRequest, model: Any) -> bool:
    """As of the present, by the model's screen, if it has one of its own."""
    if screen := admin.site._registry.get(model):
        return screen.has_view_permission(request)
    return request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")


def headers(model: Any) -> list[str]:
    return [str(capfirst(model._meta.get_field(name).verbose_name)) for name in COLUMNS[model]]


def cells(row: Any, as_of: str) -> list[Cell]:
    """The columns of a list; the first one leads to the row's page."""
    first, *others = [cell(row, name, as_of) for name in COLUMNS[type(row)]]
    return [replace(first, url=url(type(row), as_of, row.pk)), *others]


def facts(row: Any, as_of: str) -> Iterator[Cell]:
    """All columns of a row."""
    hidden = {row._meta.pk.name} | NOT_SHOWN.get(type(row), set())
    for field in row._meta.concrete_fields:
        if field.name not in hidden:
            yield cell(row, field.name, as_of)


def cell(row: Any, name: str, as_of: str) -> Cell:
    field = row._meta.get_field(name)
    label, value = str(capfirst(field.verbose_name)), getattr(row, name)
    if value in (None, "", []):
        return Cell(label, NOTHING)
    if field.is_relation:
        target = url(type(value), as_of, value.pk) if type(value) in models() else ""
        return Cell(label, str(value), target)
    if isinstance(value, list):
        return Cell(label, ", ".join(map(str, value)))
    return Cell(label, str(display_for_field(value, field, NOTHING)))


def url(model: Any, as_of: str, key: int | None = None, **query: Any) -> str:
    """A page of the past: of a list, or with a key of a row."""
    names = [model._meta.app_label, model._meta.model_name]
    path = reverse("past:list", args=names)
    if key is not None:
        path = reverse("past:row", args=[*names, key])
    return f"{path}?{urlencode({'as_of': as_of, **query})}"


def relations(model: Any) -> list[str]:
    """The related rows that are shown by name."""
    return [field.name for field in model._meta.concrete_fields if field.is_relation]
