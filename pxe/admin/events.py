"""What machines did on their way up, known and unknown ones."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.views import ChangeList

from ipam import search
from ipam.admin import marks
from ipam.admin.base import LedgerList
from pxe.models import BootEvent

COLOURS = {"done": "yes", "refused": "no", "ended": "no", "offer": "reserved"}


@admin.register(BootEvent)
class EventAdmin(ModelAdmin):
    """Written by machines, read by people."""

    icon = "timeline"
    list_display = ("moment", "server_link", "event", "ip_address", "mac_address", "firmware_text", "detail")
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter),)
    list_filter_submit = True
    list_per_page = 50
    empty_value_display = marks.NOTHING
    show_full_result_count = False
    search_fields = ("ip_address",)
    search_help_text = _("IP address, network or MAC address")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("server")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return queryset.filter(search.condition(search_term, names=())), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: BootEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BootEvent | None = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LedgerList

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
    """Between two steps of a boot, seconds count."""
    return f"{formats.date_format(localtime(event.at))} {localtime(event.at):%H:%M:%S}"


def badge(event: BootEvent) -> SafeString:
    return marks.badge(COLOURS.get(event.kind, "unknown"), event.get_kind_display())
