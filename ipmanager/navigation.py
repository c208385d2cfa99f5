"""What the admin shows around its pages (settings.UNFOLD): the sidebar in the order of work, style
and icon."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from changes.log.rights import Reader

# The sidebar: a group's title and its models. An app's name stands for all of its models that are
# not listed before.
GROUPS: list[tuple[Any, list[str]]] = [
    (
        _("Addresses"),
        [
            "admin:networks",
            "ipam.subnet",
            "ipam.ipaddress",
            "ipam.server",
            "machines.machine",
            "ipam.vrf",
            "ipam.sighting",
            "past:who_had",
        ],
    ),
    (
        _("Network"),
        ["discovery.conflict", "discovery.unknowndevice", "discovery.rogueserver", "discovery"],
    ),
    (_("DHCP"), ["admin:dhcp_why", "dhcp"]),
    (_("Names"), ["names.zone", "names.record", "names"]),
    (_("Network boot"), ["pxe.bootassignment", "pxe.bootimage", "pxe.bootmenu", "pxe"]),
    (_("Services"), ["registry.service", "registry.registryconfig", "registry"]),
    (_("Events"), ["events.event", "events.webhook", "events.webhookdelivery", "events"]),
    (_("Access"), ["auth.user", "auth.group", "ipmanager.token", "accounts", "ipmanager.pulse"]),
]


# Pages that belong to no model: title, icon and permission, by the name of their URL.
PAGES = {
    "admin:networks": (_("Networks"), "lan", "ipam.view_subnet"),
    "admin:dhcp_why": (_("Why this address?"), "help", "dhcp.view_lease"),
    "past:who_had": (_("Who had this address?"), "manage_history", "ipam.view_ipaddress"),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar with the pages that this user may see."""
    overview: list[dict[str, Any]] = [
        {"title": _("Overview"), "icon": "dashboard", "link": reverse("admin:index")},
        {"title": _("IP list"), "icon": "lists", "link": "/ipam/", "active": False},
    ]
    if Reader.of(request).tables():
        history = {"title": _("History"), "icon": "history", "link": reverse("changes:log")}
        overview.append(history)
    sidebar: list[dict[str, Any]] = [{"items": overview}]
    for title, names in GROUPS:
        if items := _items(request, names):
            sidebar.append({"title": title, "items": items, "separator": True})
    return sidebar


def _items(request: HttpRequest, names: list[str]) -> list[dict[str, Any]]:
    pages = dict.fromkeys(page for name in names for page in _pages(name))
    items = [_item(page) for page in pages if page.has_view_permission(request)]
    return [*_links(request, names), *items]


def _links(request: HttpRequest, names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        title, icon, permission = PAGES.get(name, ("", "", ""))
        if permission and request.user.has_perm(permission):
            yield {"title": title, "icon": icon, "link": reverse(name)}


def _pages(name: str) -> Iterator[admin.ModelAdmin]:
    """The admin of a model, as in `ipam.subnet`, or those of all models of an app."""
    for model, page in admin.site._registry.items():
        if name in (model._meta.label_lower, model._meta.app_label):
            yield page


def _item(page: admin.ModelAdmin) -> dict[str, Any]:
    link = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
    title = capfirst(page.opts.verbose_name_plural)
    return {"title": title, "icon": getattr(page, "icon", "chevron_right"), "link": link}


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu of the user's own account."""
    return [
        {"title": _("Your account"), "link": reverse("admin:account")},
        {"title": _("Mail"), "link": reverse("admin:events_mail")},
        {"title": _("Change password"), "link": reverse("admin:password_change")},
    ]


def favicon(request: HttpRequest) -> str:
    return static("ipmanager/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    return static("ipmanager/admin.css")
