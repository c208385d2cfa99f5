"""The pages of names in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RelatedDropdownFilter,
)

from ipam.admin import marks
from ipam.admin.base import LedgerAdmin
from names.models import NamesOff, Record, Zone
from names.zones.served import heads_of


@admin.register(Zone)
class ZoneAdmin(LedgerAdmin):
    list_display = ("name", "enabled", "number_of_records", "description_or_none")
    list_filter = (("enabled", BooleanRadioFilter),)
    search_fields = ("name", "description")
    readonly_fields = (*LedgerAdmin.readonly_fields, "told")
    nothing_yet = _("No name is served. Add the zone of your subnets' domain.")
    fieldsets = (
        (None, {"fields": ("name", "description", "enabled")}),
        (
            _("For other name servers"),
            {
                "description": _("What secondaries, PowerDNS and zone files are told."),
                "fields": ("ttl", "primary_server", "contact", "told"),
            },
        ),
        (_("Times"), {"fields": ("refresh", "retry", "expire", "negative_ttl")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(number=Count("records"))

    @admin.display(description=_("records"), ordering="number")
    def number_of_records(self, zone: Zone) -> SafeString:
        url = reverse("admin:names_record_changelist", query={"zone__id__exact": zone.pk})
        number = zone.__dict__["number"]  # counted with the list
        return format_html('<a class="ipm-link" href="{}">{}</a>', url, number)

    @admin.display(description=_("SOA and NS"))
    def told(self, zone: Zone) -> str | SafeString:
        """As others are told them now."""
        if zone.pk is None:
            return marks.NOTHING
        heads = [(one.type, one.value) for one in heads_of(zone)]
        return format_html_join("", "<div>{} {}</div>", heads)

    @admin.display(description=_("description"), ordering="description")
    def description_or_none(self, zone: Zone) -> str | SafeString:
        return zone.description or marks.NOTHING


@admin.register(Record)
class RecordAdmin(LedgerAdmin):
    list_display = ("whole_name", "type", "value", "description_or_none")
    list_filter = (("zone", RelatedDropdownFilter), ("type", ChoicesDropdownFilter))
    list_select_related = ("zone",)
    search_fields = ("name", "value", "description")
    autocomplete_fields = ("zone",)
    nothing_yet = _("Names of servers and addresses need no record. Add one for anything else.")
    fieldsets = ((None, {"fields": ("zone", "name", "type", "value", "ttl", "description")}),)

    @admin.display(description=_("name"), ordering="name")
    def whole_name(self, record: Record) -> str:
        return record.fqdn

    @admin.display(description=_("description"), ordering="description")
    def description_or_none(self, record: Record) -> str | SafeString:
        return record.description or marks.NOTHING


@admin.register(NamesOff)
class NamesOffAdmin(LedgerAdmin):
    list_display = ("subnet", "created_at")
    list_select_related = ("subnet",)
    search_fields = ("subnet",)
    autocomplete_fields = ("subnet",)
    nothing_yet = _("Every subnet with a domain in one of the zones has names.")
    fieldsets = ((None, {"fields": ("subnet",)}),)
