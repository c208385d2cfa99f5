"""The screen of what is probed, and how far each round has come."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter

from core.local_time import when
from discovery.models import DiscoveryRound, SubnetDiscovery
from ipam.admin import marks
from ipam.admin.base import WIDGETS, LedgerForm, ListAdmin


@admin.register(SubnetDiscovery)
class SubnetDiscoveryAdmin(ListAdmin):
    form = LedgerForm
    formfield_overrides = WIDGETS
    list_display = ("subnet", "enabled", "methods", "interval", "rate", "last_round", "found")
    list_filter = (("enabled", BooleanRadioFilter),)
    nothing_yet = _("No subnet is probed. Add one, and the worker asks who is there.")
    autocomplete_fields = ("subnet",)
    readonly_fields = ("last_round", "found", "error")
    fieldsets = (
        (None, {"fields": ("subnet", "enabled", "interval", "rate", "agent")}),
        (_("Methods"), {"fields": ("ping", "arp", "names")}),
        (_("Last round"), {"fields": ("last_round", "found", "error")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("subnet", "round")
        return rows.order_by("subnet__network")

    @admin.display(description=_("methods"))
    def methods(self, row: SubnetDiscovery) -> str:
        used = {_("ping"): row.ping, _("ARP"): row.arp, _("reverse names"): row.names}
        return ", ".join(str(name) for name, is_used in used.items() if is_used)

    @admin.display(description=_("last round"))
    def last_round(self, row: SubnetDiscovery) -> SafeString | str:
        last = _round(row)
        if last is None or last.last_ended_at is None:
            return marks.badge("unknown ipm-quiet", gettext("Never"))
        text = gettext("%(at)s, in %(seconds)d s")
        return text % {"at": when(last.last_ended_at), "seconds": last.last_seconds}

    @admin.display(description=_("answers"))
    def found(self, row: SubnetDiscovery) -> str:
        last = _round(row)
        number = last.last_sent if last else 0
        text = ngettext("%(found)d of %(number)d probe", "%(found)d of %(number)d probes", number)
        return text % {"found": last.last_answered if last else 0, "number": number}

    @admin.display(description=_("error"))
    def error(self, row: SubnetDiscovery) -> str | SafeString:
        last = _round(row)
        return (last and last.error) or marks.NOTHING


def _round(row: SubnetDiscovery) -> DiscoveryRound | None:
    return getattr(row, "round", None)
