"""What the admin shows around its pages (settings.UNFOLD): seven sections at the left in the order
of work, the pages of a section as tabs above each of them, style and icon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from changes.log.rights import Reader

# A section's title, icon and pages. An app's name stands for all of its models that are not listed
# before, a name with a colon for a page of PAGES.
SECTIONS: list[tuple[Any, str, list[str]]] = [
    (_("Home"), "home", ["admin:index", "changes:log", "events.event", "ipmanager.pulse"]),
    (
        _("Networks"),
        "lan",
        [
            "admin:networks",
            "admin:networks_map",
            "ipam.subnet",
            "ipam.ipaddress",
            "ipam:addresses",
            "discovery.conflict",
            "past:who_had",
            "ipam.sighting",
            "discovery.subnetdiscovery",
            "ipam.vrf",
            "importers:import",
        ],
    ),
    (_("Machines"), "dns", ["machines.machine", "ipam.server", "discovery.unknowndevice"]),
    (
        _("DHCP and DNS"),
        "settings_ethernet",
        [
            "admin:dhcp_why",
            "dhcp.lease",
            "dhcp.dhcpscope",
            "names.zone",
            "names.record",
            "dhcp.dhcpserver",
            "dhcp.generation",
            "dhcp",
            "discovery.rogueserver",
            "names",
        ],
    ),
    (_("Boot"), "restart_alt", ["pxe.bootassignment", "pxe.bootimage", "pxe.bootmenu", "pxe"]),
    (_("Services"), "hub", ["registry.service", "registry.registryconfig", "registry"]),
    (
        _("Settings"),
        "settings",
        ["auth.user", "auth.group", "ipmanager.token", "accounts", "events.webhook", "events"],
    ),
]


# Pages that belong to no model: title and permission, by the name of their URL.
PAGES: dict[str, tuple[Any, str]] = {
    "admin:index": (_("Overview"), ""),
    "admin:networks": (_("Networks"), "ipam.view_subnet"),
    "admin:networks_map": (_("Map"), "ipam.view_subnet"),
    "admin:dhcp_why": (_("Why this address?"), "dhcp.view_lease"),
    "changes:log": (_("History"), ""),
    "ipam:addresses": (_("IP list"), ""),
    "importers:import": (_("Import"), "ipam.add_subnet"),
    "past:who_had": (_("Who had this address?"), "ipam.view_ipaddress"),
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sections with a page that this user may see."""
    sections = list(_sections(request))
    here = _nearest(request.path, (tab["link"] for item in sections for tab in item["tabs"]))
    for item in sections:
        for tab in item["tabs"]:
            tab["active"] = tab["link"] == here
            item["active"] |= tab["active"]
    return [{"items": sections}]


def _sections(request: HttpRequest) -> Iterator[dict[str, Any]]:
    """The first section that names a page has it."""
    told: set[str] = set()
    for title, icon, names in SECTIONS:
        found = {tab["link"]: tab for tab in _tabs(request, names)}
        tabs = [found[link] for link in found if link not in told]
        told |= found.keys()
        if tabs:
            yield {
                "title": title,
                "icon": icon,
                "link": tabs[0]["link"],
                "active": False,
                "tabs": tabs,
            }


def _nearest(path: str, links: Iterable[str]) -> str:
    """The page to which this one belongs: that of the longest link that it begins with."""
    index = reverse("admin:index")
    return max((link for link in links if _leads_to(link, path, index)), key=len, default="")


def _leads_to(link: str, path: str, index: str) -> bool:
    return link == path or (link != index and path.startswith(link))


def _tabs(request: HttpRequest, names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        if name in PAGES:
            title, permission = PAGES[name]
            if _may_see(request, name, permission):
                yield {"title": title, "link": _link(name)}
        for page in _pages(name):
            if page.has_view_permission(request):
                yield _tab(page)


def _may_see(request: HttpRequest, name: str, permission: str) -> bool:
    if name == "changes:log":
        return bool(Reader.of(request).tables())
    return not permission or request.user.has_perm(permission)


def _pages(name: str) -> Iterator[admin.ModelAdmin]:
    """The admin of a model, as in `ipam.subnet`, or those of all models of an app."""
    for model, page in admin.site._registry.items():
        if name in (model._meta.label_lower, model._meta.app_label):
            yield page


def _tab(page: admin.ModelAdmin) -> dict[str, Any]:
    link = _link(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
    return {"title": capfirst(page.opts.verbose_name_plural), "link": link}


def _link(name: str) -> str:
    return _reversed(name, get_urlconf(), get_script_prefix())


@cache
def _reversed(name: str, *_where: str | None) -> str:
    """Every page has links to fifty others, which are always the same."""
    return reverse(name)


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


def script(request: HttpRequest) -> str:
    return static("ipmanager/keys.js")
