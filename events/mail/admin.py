"""What each person wants to be told by mail: a page of one's own account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from discovery.pages import ReadOnlyAdmin
from events.mail import compose
from events.mail.models import MailPreference
from events.webhooks.admin import Lines


class MailForm(forms.ModelForm):
    kinds = Lines(
        label=_("Kinds"), help_text=_("One per line, as in address.*; empty means all kinds.")
    )
    subnets = Lines(
        label=_("Subnets"), help_text=_("Networks, one per line; empty means everything.")
    )

    class Meta:
        model = MailPreference
        fields = ["enabled", "frequency", "hour", "kinds", "subnets", "site"]
        widgets = {
            "enabled": UnfoldBooleanSwitchWidget,
            "frequency": UnfoldAdminSelectWidget,
            "hour": UnfoldAdminIntegerFieldWidget,
            "site": UnfoldAdminTextInputWidget,
        }


@admin.register(MailPreference)
class MailPreferenceAdmin(ReadOnlyAdmin):
    list_display = ("user", "enabled", "frequency", "hour")
    list_display_links = None
    nothing_yet = _("Nobody has chosen to be told by mail.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """By the person's name. No name contains a NUL, which no database takes."""
        name = search_term.strip().replace("\0", "")
        return queryset.filter(user__username__icontains=name), False

    def get_urls(self) -> list[URLPattern]:
        own = path("mine/", self.admin_site.admin_view(self.mine), name="events_mail")
        return [own, *super().get_urls()]

    def mine(self, request: HttpRequest) -> HttpResponse:
        """One's own preferences. POST saves them, or sends a test."""
        user: Any = request.user
        row = MailPreference.objects.filter(user=user).first()
        row = row or MailPreference(user=user, enabled=False)
        form = MailForm(request.POST or None, instance=row)
        if request.method == "POST" and form.is_valid():
            self._save(request, form)
            return HttpResponseRedirect(reverse("admin:events_mail"))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Mail"),
            "form": form,
            "address": user.email,
            "is_configured": compose.is_configured(),
        }
        return TemplateResponse(request, "admin/events/mail.html", context)

    def _save(self, request: HttpRequest, form: MailForm) -> None:
        form.instance.language = get_language() or "en"
        row = form.save()
        if request.POST.get("do") == "test" and row.user.email and compose.is_configured():
            compose.add_test(row)
            text = gettext("A test was sent to %s.") % row.user.email
            self.message_user(request, text, messages.SUCCESS)
        else:
            self.message_user(request, gettext("Saved."), messages.SUCCESS)
