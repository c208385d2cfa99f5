"""The inbox: unknown devices, with a button for each thing that can be done about one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from core.errors import IPManagerError
from core.local_time import when
from discovery.inbox.actions import ACTIONS, act
from discovery.inbox.models import UnknownDevice
from discovery.manufacturer import manufacturer
from discovery.pages import SOURCES, ReadOnlyAdmin, cell, randomised_badge
from ipam.admin import marks

_BUTTON = '<button class="ipm-button" formaction="{}" formmethod="post" title="{}">{}</button>'
NAMED = 20  # results of an action that are told one by one
_COLOURS = {"new": "reserved", "ignored": "unknown", "done": "yes"}
_RECENT = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


class StateFilter(DropdownFilter):
    """The new ones, unless another state is chosen."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        return [*UnknownDevice.State.choices[1:], ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value() or UnknownDevice.State.NEW)


class SeenFilter(DropdownFilter):
    title = _("last seen")
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        return [("hour", _("last hour")), ("day", _("last day")), ("week", _("last week"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        span = _RECENT.get(self.value() or "")
        if span is None:
            return queryset
        return queryset.filter(last_seen__gt=timezone.now() - span)


class RandomisedFilter(DropdownFilter):
    title = _("MAC address")
    parameter_name = "mac"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        return [("local", _("randomised")), ("global", _("of a manufacturer"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() not in ("local", "global"):
            return queryset
        return queryset.randomised(self.value() == "local")  # type: ignore[attr-defined]


@admin.register(UnknownDevice)
class UnknownDeviceAdmin(ReadOnlyAdmin):
    list_display = ("device", "name", "where", "last_seen_at", "first_seen_at", "dhcp", "buttons")
    list_display_links = None
    list_filter = (StateFilter, SeenFilter, RandomisedFilter)
    list_before_template = "admin/discovery/inbox_intro.html"
    search_fields = ("mac_address",)
    search_help_text = _("MAC, IP, network or host name")
    nothing_yet = _("Every device that was seen is in the ledger, or was ignored.")
    actions = ("ignore", "reserve", "adopt", "quarantine", "undo")
    fieldsets = (
        (None, {"fields": ("device", "state_badge", "note", "outcome")}),
        (_("Seen"), {"fields": ("name", "where", "first_seen", "last_seen", "dhcp", "origin")}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return UnknownDevice.objects.select_related("vrf").order_by("-last_seen", "-pk")

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:pk>/act/<slug:name>/",
            self.admin_site.admin_view(self.act_view),
            name="discovery_unknowndevice_act",
        )
        return [own, *super().get_urls()]

    # --- columns ----------------------------------------------------------------------------------

    @admin.display(description=_("device"), ordering="mac_address")
    def device(self, row: UnknownDevice) -> SafeString:
        maker = manufacturer(row.mac_address) or randomised_badge(row.mac_address)
        return cell(
            format_html(
                '<a class="ipm-link ipm-mac" href="{}">{}</a><div class="ipm-small">{}</div>',
                row.get_absolute_url(),
                row.mac_address,
                maker or gettext("unknown manufacturer"),
            )
        )

    @admin.display(description=_("calls itself"), ordering="hostname")
    def name(self, row: UnknownDevice) -> SafeString | str:
        return row.hostname or marks.NOTHING

    @admin.display(description=_("where"), ordering="ip_address")
    def where(self, row: UnknownDevice) -> SafeString | str:
        if not row.ip_address:
            return marks.NOTHING
        url = marks.address_list_url(q=str(row.ip_address))
        vrf = marks.badge("plain", row.vrf) if row.vrf else ""
        source = SOURCES.get(row.source, row.source)
        return cell(
            format_html(
                '<a class="ipm-link" href="{}">{}</a> {}<div class="ipm-small">{}</div>',
                url,
                row.ip_address,
                vrf,
                source,
            )
        )

    @admin.display(description=_("last seen"), ordering="last_seen")
    def last_seen_at(self, row: UnknownDevice) -> str:
        return marks.ago(row.last_seen)

    @admin.display(description=_("first seen"), ordering="first_seen")
    def first_seen_at(self, row: UnknownDevice) -> Any:
        return when(row.first_seen)

    @admin.display(description=_("DHCP requests"), ordering="requests")
    def dhcp(self, row: UnknownDevice) -> SafeString | str:
        if not row.requests:
            return marks.NOTHING
        return str(row.requests)

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, row: UnknownDevice) -> SafeString:
        return marks.badge(_COLOURS[row.state], row.get_state_display())

    @admin.display(description=_("done"))
    def outcome(self, row: UnknownDevice) -> Any:
        return row.get_done_display() if row.done else marks.NOTHING

    @admin.display(description=_("actions"))
    def buttons(self, row: UnknownDevice) -> SafeString:
        """Each posts the list's own form, whose token is good for it."""
        found = []
        for action in ACTIONS.values():
            if action.fits(row):
                url = reverse("admin:discovery_unknowndevice_act", args=[row.pk, action.name])
                found.append((url, action.label, action.short))
        return cell(format_html_join(" ", _BUTTON, found), "ipm-actions")

    # --- actions ----------------------------------------------------------------------------------

    def _may(self, request: HttpRequest, name: str) -> bool:
        return request.user.has_perms(ACTIONS[name].permissions)

    def has_ignore_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "ignore")

    def has_reserve_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "reserve")

    def has_adopt_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "adopt")

    def has_undo_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "undo")

    @admin.action(description=_("Ignore"), permissions=["ignore"])
    def ignore(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        self._act(request, "ignore", queryset.values_list("pk", flat=True))

    @admin.action(description=_("Reserve their addresses"), permissions=["reserve"])
    def reserve(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        self._act(request, "reserve", queryset.values_list("pk", flat=True))

    @admin.action(description=_("Adopt as servers"), permissions=["adopt"])
    def adopt(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        self._act(request, "adopt", queryset.values_list("pk", flat=True))

    @admin.action(description=_("Quarantine their addresses"), permissions=["reserve"])
    def quarantine(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        self._act(request, "quarantine", queryset.values_list("pk", flat=True))

    @admin.action(description=_("Undo"), permissions=["undo"])
    def undo(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        self._act(request, "undo", queryset.values_list("pk", flat=True))

    def act_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """POST does one thing about one device."""
        if request.method == "POST" and name in ACTIONS:
            if not self._may(request, name):
                raise PermissionDenied
            self._act(request, name, [pk])
        return HttpResponseRedirect(reverse("admin:discovery_unknowndevice_changelist"))

    def _act(self, request: HttpRequest, name: str, ids: Any) -> None:
        done, refused = [], []
        for pk in list(ids):
            try:
                done.append(act(pk, name))
            except IPManagerError as error:
                refused.append(str(error))
        if done:
            self.message_user(request, _told(name, done), messages.SUCCESS)
        for text in refused[:NAMED]:
            self.message_user(request, text, messages.ERROR)
        if len(refused) > NAMED:
            text = gettext("… and %d more.") % (len(refused) - NAMED)
            self.message_user(request, text, messages.ERROR)


def _told(name: str, done: list[UnknownDevice]) -> SafeString:
    """What was done, and a way back."""
    if len(done) == 1:
        subject = done[0].mac_address
    else:
        subject = ngettext("%d device", "%d devices", len(done)) % len(done)
    text = format_html("{}: {}.", subject, ACTIONS[name].label)
    if name == "undo":
        return text
    state = done[0].state
    url = f"{reverse('admin:discovery_unknowndevice_changelist')}?state={state}"
    way = gettext("It can be undone here.")
    return format_html('{} <a class="ipm-link" href="{}">{}</a>', text, url, way)
