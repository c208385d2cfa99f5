"""The sessions of all users. Deleting one logs it out."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accounts import sessions
from accounts.models import Session


@admin.register(Session)
class SessionAdmin(ModelAdmin):
    list_display = ["user", "address", "user_agent", "logged_in_at", "last_seen"]
    list_display_links = None
    list_select_related = ["user"]
    list_filter = [("user", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["user__username", "address"]
    search_help_text = _("User or address")
    fields = ["user", "address", "user_agent", "logged_in_at", "last_seen"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        rows: QuerySet[Session] = super().get_queryset(request)
        return rows.filter(user__isnull=False, expire_date__gt=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Session) -> None:
        sessions.end(Session.objects.filter(pk=obj.pk), obj.user or "")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        for session in queryset:
            self.delete_model(request, session)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False
