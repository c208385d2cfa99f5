"""The admin of events: read-only."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from events.event_json import as_json, subject_path
from events.kinds import KINDS, matching
from events.mail import admin as mail  # noqa: F401  (its screens)
from events.models import Event
from events.querysets import EventQuerySet
from events.webhooks import admin as webhooks  # noqa: F401  (its screens)
from ipam import search
from ipam.admin import marks
from ipam.admin.lists import ListAdmin

BAD = {"failed", "down", "hung", "stuck", "silent", "raised", "opened", "seen", "above_threshold"}
GOOD = {"up", "ok", "healed", "back", "cleared", "ended", "gone", "finished", "live"}


class KindFilter(DropdownFilter):
    """One kind; the list of kinds is short and known."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind.name, kind.label) for kind in KINDS.values()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset.of_kinds(matching(value)) if value else queryset


@admin.register(Event)
class EventAdmin(ListAdmin):
    """Only events of what the user may view."""

    list_display = ("moment", "kind_badge", "named", "subnet_site", "actor")
    list_display_links = ("moment",)
    list_filter = (KindFilter, "at")
    list_filter_submit = True
    search_fields = ("subject",)
    search_help_text = _("Subject, site, IP address or network")
    nothing_yet = _("Nothing has happened yet, or no worker runs.")
    fieldsets = (
        (None, {"fields": ("number", "moment", "kind_badge", "named", "actor", "change", "site")}),
        (_("What receivers are sent"), {"fields": ("payload",)}),
    )
    readonly_fields = ("number", "moment", "kind_badge", "named", "payload")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return EventQuerySet(Event).readable_by(request.user).order_by("-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        return queryset.filter(_condition(search_term)), False

    @admin.display(description=_("number"))
    def number(self, row: Event) -> int:
        return row.pk

    @admin.display(description=_("at"), ordering="at")
    def moment(self, row: Event) -> str:
        return f"{localtime(row.at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=_("kind"), ordering="kind")
    def kind_badge(self, row: Event) -> SafeString:
        kind = KINDS.get(row.kind)
        return marks.badge(_colour(row.kind), str(kind.label) if kind else row.kind)

    @admin.display(description=_("subject"), ordering="subject")
    def named(self, row: Event) -> SafeString | str:
        url = "" if row.kind.endswith(".deleted") else subject_path(row)
        if not url:
            return row.subject
        return format_html('<a class="ipm-link" href="{}">{}</a>', url, row.subject)

    @admin.display(description=_("site"), ordering="site")
    def subnet_site(self, row: Event) -> str:
        return row.site or marks.NOTHING

    @admin.display(description=_("JSON"))
    def payload(self, row: Event) -> SafeString:
        text = json.dumps(as_json(row), indent=2, ensure_ascii=False, default=str)
        return format_html('<pre class="ipm-pre">{}</pre>', text)


def _condition(text: str) -> models.Q:
    """Events that name an address in a network, or have the text in their subject or site."""
    term = search.meaning(text.strip())
    found = models.Q(pk__in=[])
    if not text.strip():
        return models.Q()
    for ends in term.ranges if term else ():
        found |= models.Q(ip_address__range=ends)
    if term and (part := term.mac or term.name):
        found |= search.by_part(part, (models.F("subject"), models.F("site")))
    return found


def _colour(kind: str) -> str:
    verb = kind.partition(".")[2]
    if verb in BAD:
        return "no"
    return "yes" if verb in GOOD else "reserved"
