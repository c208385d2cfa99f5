"""The admin of restarts: the actions that services may name, and the requests."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from core.errors import IPManagerError
from ipam.admin import marks
from ipam.admin.base import LedgerAdmin
from registry import restart
from registry.admin.activity import ReadOnlyAdmin
from registry.models import RestartAction, RestartRequest

_COLOURS = {
    "proposed": "reserved",
    "wanted": "reserved",
    "taken": "restarting",
    "done": "yes",
    "failed": "no",
    "refused": "no",
    "expired": "unknown",
}


@admin.register(RestartAction)
class RestartActionAdmin(LedgerAdmin):
    """Services name the key; each host's own list says which command it means there."""

    list_display = ("key", "description", "command", "often", "enabled")
    search_fields = ("key",)
    readonly_fields = ()
    fieldsets = (
        (None, {"fields": ("key", "description", "argv", "enabled")}),
        (_("How often"), {"fields": ("limit", "period")}),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return queryset.filter(key__icontains=search_term.strip()), False

    @admin.display(description=_("command"))
    def command(self, action: RestartAction) -> Any:
        return " ".join(action.argv) or None

    @admin.display(description=_("how often"))
    def often(self, action: RestartAction) -> str:
        return gettext("%(times)d times in %(seconds)d s") % {
            "times": action.limit,
            "seconds": action.period,
        }


@admin.register(RestartRequest)
class RestartRequestAdmin(ReadOnlyAdmin):
    list_display = (
        "requested_at",
        "service",
        "action",
        "state",
        "requested_by",
        "approved_by",
        "agent",
        "finished_at",
    )
    list_select_related = ("service", "action")
    list_filter = (("status", ChoicesDropdownFilter),)
    actions = ("approve",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "service",
                    "action",
                    "state",
                    "requested_by",
                    "requested_at",
                    "approved_by",
                    "expires_at",
                )
            },
        ),
        (
            _("What came of it"),
            {"fields": ("agent", "taken_at", "finished_at", "exit_status", "output")},
        ),
    )

    @admin.display(description=_("status"), ordering="status")
    def state(self, request: RestartRequest) -> SafeString:
        return marks.badge(_COLOURS[request.status], request.get_status_display())

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("registry.change_restartrequest")

    @admin.action(description=_("Approve"), permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[RestartRequest]) -> None:
        for row in queryset[:50]:
            try:
                restart.approve(row, request.user.get_username())
                self.message_user(request, gettext("Approved: %s") % row)
            except IPManagerError as error:
                self.message_user(request, str(error), messages.ERROR)
