"""The admin of boot assignments: which server boots which image, and its state."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.local_time import when
from ipam.admin import marks
from ipam.admin.base import Facts, LedgerAdmin
from ipam.models import Server
from pxe.admin.searches import search
from pxe.models import BootAssignment

COLOURS = {
    "waiting": "reserved",
    "offered": "reserved",
    "done": "yes",
    "given_up": "no",
    "timed_out": "no",
}


@admin.register(BootAssignment)
class AssignmentAdmin(LedgerAdmin):
    list_display = ("server_link", "boots", "mode", "state_badge", "tries", "updated_at")
    list_filter = (("state", ChoicesDropdownFilter), ("mode", ChoicesDropdownFilter))
    search_fields = ("server__hostname",)
    search_help_text = _("Host name, IP, MAC or image")
    autocomplete_fields = ("server", "image")
    list_display_links = ("boots",)
    fieldsets = (
        (None, {"fields": ("server", "image", "mode")}),
        (_("Once"), {"fields": ("ends_with", "max_attempts", "time_limit")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request).select_related("server", "image")
        return rows.order_by("-updated_at", "-pk")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        servers = Server.objects.matching(search_term).values("pk")
        return search(queryset, search_term, "image__name", server__in=servers), False

    def get_readonly_fields(
        self, request: HttpRequest, obj: BootAssignment | None = None
    ) -> tuple[str, ...]:
        """An ended assignment is a record of the past: to try again, create another one."""
        if obj is None:
            return ()
        if obj.is_open:
            return ("server",)
        return ("server", "image", "mode", "ends_with", "max_attempts", "time_limit")

    def facts(self, obj: BootAssignment) -> Facts:
        facts: Facts = [(_("State"), self.state_badge(obj)), (_("Attempts"), self.tries(obj))]
        if obj.first_offered_at:
            facts.append((_("First offered"), when(obj.first_offered_at)))
        if obj.ended_at:
            facts.append((_("Ended"), when(obj.ended_at)))
        return [*facts, (_("Server"), marks.link(obj.server))]

    @admin.display(description=_("server"), ordering="server__hostname")
    def server_link(self, assignment: BootAssignment) -> SafeString:
        return marks.link(assignment.server)

    @admin.display(description=_("boots"), ordering="image__name")
    def boots(self, assignment: BootAssignment) -> str:
        return str(assignment.image or gettext("local disk"))

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, assignment: BootAssignment) -> SafeString:
        if assignment.mode == "always":
            return marks.badge("yes", gettext("in force"))
        return marks.badge(COLOURS[assignment.state], assignment.get_state_display())

    @admin.display(description=_("attempts"))
    def tries(self, assignment: BootAssignment) -> SafeString:
        if assignment.mode == "always":
            return marks.NOTHING
        return format_html("{} / {}", assignment.attempts, assignment.max_attempts)
