"""API tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.health_checks import REMIND
from accounts.reauthentication import ConfirmedChanges, confirmation
from api.models import SCOPE_TEXTS, Token, lifetime
from api.tokens import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS, rotate
from core.errors import IPManagerError


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


class RotateForm(forms.Form):
    """How long the old secret stays valid."""

    overlap_hours = forms.IntegerField(
        label=_("Hours for which the old secret stays valid"),
        min_value=0,
        max_value=LONGEST_OVERLAP_HOURS,
        initial=OVERLAP_HOURS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("Change the programs that use it within this time. 0: it ends at once."),
    )


class TokenStates(admin.SimpleListFilter):
    """The tokens that expire soon, that have been replaced, or that have expired."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("soon", _("expires soon")),
            ("replaced", _("replaced")),
            ("expired", _("expired")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        now = timezone.now()
        if self.value() == "soon":
            return queryset.filter(replaced_at=None, expiry__gt=now, expiry__lt=now + REMIND)
        if self.value() == "replaced":
            return queryset.filter(replaced_at__isnull=False, expiry__gt=now)
        if self.value() == "expired":
            return queryset.filter(expiry__lte=now)
        return queryset


def state_of(token: Token) -> tuple[str, Any]:
    """The badge of a token and its text."""
    if token.expired:
        return "no", _("expired")
    if token.replaced_at:
        return "unknown", _("replaced")
    if token.expiry and token.expiry < timezone.now() + REMIND:
        days = (token.expiry - timezone.now()).days
        return "reserved", ngettext("%d day left", "%d days left", days) % days
    return "yes", _("valid")


@admin.register(Token)
class TokenAdmin(ConfirmedChanges, ModelAdmin):
    """Create, list and revoke tokens. Only the answer to the request that creates a token shows its
    value."""

    form = TokenForm
    list_display = ["name", "user", "scope_words", "created", "expiry", "state", "last_used"]
    list_filter = [TokenStates]
    actions_detail = ["rotate"]
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
        "replaced_at",
        "last_used",
        "token_key",
    ]
    add_fieldsets = [
        (None, {"fields": ["name", "user", "scopes", "days", "networks", "subnets", "services"]})
    ]

    @admin.display(description=_("scopes"))
    def scope_words(self, token: Token) -> str:
        return ", ".join(token.scopes)

    @admin.display(description=_("state"))
    def state(self, token: Token) -> SafeString:
        kind, text = state_of(token)
        return format_html('<span class="ipm-badge ipm-{}">{}</span>', kind, text)

    @action(description=_("Replace"), url_path="rotate", icon="autorenew", permissions=["rotate"])
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the overlap, then show the new value once."""
        token = self.get_object(request, unquote(object_id))
        if token is None or not self._owns(request, token):
            raise Http404
        page = confirmation(request)
        if page is not None:
            return page
        form = RotateForm(request.POST or None)
        if form.is_valid():
            try:
                new, value = rotate(token, form.cleaned_data["overlap_hours"])
            except IPManagerError as error:
                form.add_error(None, str(error))
            else:
                self.log_change(request, token, "replaced by a new secret")
                new.value = value
                return self.response_add(request, new)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Replace an API token"),
            "opts": self.opts,
            "token": token,
            "form": form,
            "list_url": reverse("admin:ipmanager_token_changelist"),
        }
        return TemplateResponse(request, "admin/ipmanager/token/rotate.html", context)

    def has_rotate_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return self.has_add_permission(request)

    @staticmethod
    def _owns(request: HttpRequest, token: Token) -> bool:
        return bool(request.user.is_superuser) or token.user_id == request.user.pk

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
