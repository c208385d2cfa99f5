"""API tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.reauthentication import ConfirmedChanges
from api.models import SCOPE_TEXTS, Token, lifetime


class Lines(forms.CharField):
    """A list of texts, one per line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}), required=False, **options
        )

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(super().to_python(value)).splitlines() if line.strip()]

    def clean(self, value: Any) -> Any:
        return self.to_python(value)


class TokenForm(forms.ModelForm):
    """The properties of a new token."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("What the token is for."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=SCOPE_TEXTS,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=["read"],
        help_text=_("A request is allowed if both the scopes and the user's permissions allow it."),
    )
    days = forms.IntegerField(
        label=_("Lifetime in days"),
        min_value=1,
        max_value=36500,
        initial=365,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Leave empty for a token that never expires."),
    )
    networks = Lines(
        label=_("Networks"),
        help_text=_(
            "Networks from which the token can be used, one per line. Leave empty for any network."
        ),
    )
    subnets = Lines(
        label=_("Subnets"),
        help_text=_(
            "Networks of the global address space whose rows the token can read and change, "
            "one per line. Leave empty for all rows."
        ),
    )

    services = Lines(
        label=_("Services"),
        help_text=_(
            "Services that the token can register, one per line, as in production/billing or "
            "test/*. Leave empty for all services, except those in production."
        ),
    )

    class Meta:
        model = Token
        fields = ["name", "user", "scopes", "networks", "subnets", "services"]


@admin.register(Token)
class TokenAdmin(ConfirmedChanges, ModelAdmin):
    """Create, list and revoke tokens. Only the answer to the request that creates a token shows its
    value."""

    icon = "key"
    form = TokenForm
    list_display = ["name", "user", "scope_words", "created", "expiry", "last_used"]
    list_select_related = ["user"]
    search_fields = ["name", "user__username"]
    search_help_text = _("Name or user")
    fields = [
        "name",
        "user",
        "scopes",
        "networks",
        "subnets",
        "services",
        "created",
        "expiry",
        "last_used",
        "token_key",
    ]
    add_fieldsets = [
        (None, {"fields": ["name", "user", "scopes", "days", "networks", "subnets", "services"]})
    ]

    @admin.display(description=_("scopes"))
    def scope_words(self, token: Token) -> str:
        return ", ".join(token.scopes)

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Token | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A token has its user's permissions: only superusers create one for another user."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "user" and field is not None:
            users = User.objects.filter(is_active=True)
            if not request.user.is_superuser:
                users = users.filter(username=request.user.get_username())
            field.queryset = users
            field.initial = request.user.pk
        return field

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        facts = dict(form.cleaned_data)
        user, days = facts.pop("user"), facts.pop("days")
        created, value = Token.objects.create(user, expiry=lifetime(days), **facts)
        obj.pk, obj.value = created.pk, value

    def response_add(
        self, request: HttpRequest, obj: Token, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A page instead of a redirect with a message, which would keep the value in the
        session."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("Token created"),
            "opts": self.opts,
            "token": obj,
            "value": obj.value,
            "list_url": reverse("admin:ipmanager_token_changelist"),
        }
        answer = TemplateResponse(request, "admin/ipmanager/token/made.html", context)
        answer["Cache-Control"] = "no-store"
        return answer
