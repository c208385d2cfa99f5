"""What the admin shows around its pages (settings.UNFOLD): the sidebar in the order of work, style
and icon."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

# The sidebar: a group's title and its models; an app's name stands for all its models that come no
# earlier.
ORDER: list[tuple[Any, list[str]]] = [
    (_("Addresses"), ["ipam.subnet", "ipam.ipaddress", "ipam.server", "ipam.vrf", "ipam.sighting"]),
    (_("DHCP"), ["dhcp"]),
    (_("Network boot"), ["pxe.bootassignment", "pxe.bootimage", "pxe.bootmenu", "pxe"]),
    (_("Services"), ["registry.service", "registry.registryconfig", "registry"]),
    (_("Access"), ["auth.user", "auth.group", "ipmanager.token", "ipmanager.pulse"]),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar for this reader: only what may be seen."""
    overview = [
        {"title": _("Overview"), "icon": "dashboard", "link": reverse("admin:index")},
        {"title": _("IP list"), "icon": "lists", "link": "/ipam/", "active": False},
    ]
    groups = [{"title": title, "items": _items(request, names)} for title, names in ORDER]
    return [
        {"items": overview},
        *({**group, "separator": True} for group in groups if group["items"]),
    ]


def _items(request: HttpRequest, names: list[str]) -> list[dict[str, Any]]:
    registered = {model._meta.label_lower: screen for model, screen in admin.site._registry.items()}
    labels = (
        label
        for name in names
        for label in registered
        if label == name or label.startswith(f"{name}.")
    )
    return [
        _item(registered[label])
        for label in dict.fromkeys(labels)
        if registered[label].has_view_permission(request)
    ]


def _item(screen: admin.ModelAdmin) -> dict[str, Any]:
    link = reverse(f"admin:{screen.opts.app_label}_{screen.opts.model_name}_changelist")
    title = capfirst(screen.opts.verbose_name_plural)
    return {"title": title, "icon": getattr(screen, "icon", "chevron_right"), "link": link}


def favicon(request: HttpRequest) -> str:
    return static("ipmanager/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    return static("ipmanager/admin.css")
