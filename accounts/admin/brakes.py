"""Accounts that are guessed at. Deleting a row lets the next attempt through at once."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts.models import LoginBrake


@admin.register(LoginBrake)
class LoginBrakeAdmin(ModelAdmin):
    list_display = ["name", "kind", "source_or_unknown", "failures", "last_failed_at", "next_at"]
    list_filter = ["kind"]
    search_fields = ["name", "source"]
    search_help_text = _("Account or source")

    @admin.display(description=_("source"), ordering="source")
    def source_or_unknown(self, row: LoginBrake) -> str:
        return row.source or str(_("unknown addresses"))

    @admin.display(description=_("next attempt from"), ordering="blocked_until")
    def next_at(self, row: LoginBrake) -> Any:
        return row.blocked_until if row.delay else _("at once")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LoginBrake | None = None) -> bool:
        return False
