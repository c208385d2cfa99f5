"""The admin of boot events, of known and unknown machines. Read-only."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from ipam import search
from ipam.admin import marks
from ipam.admin.base import ListAdmin
from pxe.models import BootEvent

COLOURS = {"done": "yes", "refused": "no", "offer": "reserved", "failed": "no", "missing": "no"}


@admin.register(BootEvent)
class EventAdmin(ListAdmin):
    list_display = (
        "moment",
        "server_link",
        "event",
        "ip_address",
        "mac_address",
        "firmware_text",
        "detail",
    )
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter),)
    nothing_yet = _("No machine has asked what to boot.")
    search_fields = ("ip_address",)
    search_help_text = _("IP address, network or MAC address")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("server")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return queryset.filter(search.condition(search_term, names=())), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BootEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BootEvent | None = None) -> bool:
        return False

    @admin.display(description=_("when"), ordering="at")
    def moment(self, event: BootEvent) -> str:
        return to_the_second(event)

    @admin.display(description=_("server"), ordering="server__hostname")
    def server_link(self, event: BootEvent) -> SafeString:
        return marks.link(event.server)

    @admin.display(description=_("event"), ordering="kind")
    def event(self, event: BootEvent) -> SafeString:
        return badge(event)

    @admin.display(description=_("firmware"), ordering="firmware")
    def firmware_text(self, event: BootEvent) -> str:
        return event.firmware.upper() or marks.NOTHING


def to_the_second(event: BootEvent) -> str:
    """The event's date and time with seconds, which matter between two steps of a boot."""
    return f"{formats.date_format(localtime(event.at))} {localtime(event.at):%H:%M:%S}"


def badge(event: BootEvent) -> SafeString:
    """The kind of the event as a coloured badge."""
    return marks.badge(COLOURS.get(event.kind, "unknown"), event.get_kind_display())
