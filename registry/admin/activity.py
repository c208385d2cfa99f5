"""The admin of unusual activity and of logged calls. Read-only."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from ipam.admin import marks
from ipam.admin.base import ListAdmin
from registry.models import Call, Unusual


class ReadOnlyAdmin(ListAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Unusual)
class UnusualAdmin(ReadOnlyAdmin):
    """Delete a row after reading it; it appears again if the activity is repeated."""

    list_display = (
        "last_seen",
        "kind_badge",
        "subject",
        "environment",
        "caller",
        "detail",
        "times",
        "first_seen",
    )
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("subject", "caller")

    @admin.display(description=_("kind"), ordering="kind")
    def kind_badge(self, row: Unusual) -> SafeString:
        return marks.badge("reserved", row.get_kind_display())


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    list_display = (
        "at",
        "environment",
        "method",
        "path",
        "service_id",
        "status",
        "duration_ms",
        "caller",
    )
    list_display_links = None
    search_fields = ("service_id", "environment")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
