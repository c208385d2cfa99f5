"""Users and groups. Every change has to be confirmed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldBooleanSwitchWidget

from accounts import second_factor, sessions
from accounts.models import SecondFactorGroup
from accounts.reauthentication import ConfirmedChanges, confirmation

admin.site.unregister(User)
admin.site.unregister(Group)
# The keys of second factors are nobody's to see or to set; removing one is an action on users.
admin.site.unregister(TOTPDevice)
admin.site.unregister(StaticDevice)


@admin.register(User)
class UserAdmin(ConfirmedChanges, DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        *("username", "email", "first_name", "last_name", "is_staff"),
        "has_second_factor",
    )
    actions = ["log_out", "remove_second_factor"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        devices = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        return super().get_queryset(request).annotate(second_factor=Exists(devices))

    @admin.display(description=_("second factor"), boolean=True)
    def has_second_factor(self, user: User) -> bool:
        return bool(getattr(user, "second_factor", False))

    @admin.action(description=_("Log out everywhere"), permissions=["change"])
    def log_out(self, request: HttpRequest, users: QuerySet[User]) -> None:
        ended = sum(sessions.end(sessions.of_user(user), user) for user in users)
        text = ngettext("%d session was logged out.", "%d sessions were logged out.", ended)
        messages.success(request, text % ended)

    def has_administer_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description=_("Remove the second factor"), permissions=["administer"])
    def remove_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """For a user who has lost the authenticator and the recovery codes."""
        for user in users:
            if second_factor.remove(user):
                sessions.end(sessions.of_user(user), user)
                self.log_change(request, user, "second factor removed")
                text = _("%s logs in by password and sets up a new second factor if required.")
                messages.success(request, text % user)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        return confirmation(request) or super().user_change_password(request, id, form_url)


class GroupForm(forms.ModelForm):
    """A group, and whether its members need a second factor."""

    needs_second_factor = forms.BooleanField(
        label=_("Require a second factor"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_(
            "Members log in with a code of their authenticator. Members without one are logged "
            "out, set it up at the next login, and can do nothing else before."
        ),
    )

    class Meta:
        model = Group
        fields = ["name", "permissions"]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        required = SecondFactorGroup.objects.filter(group_id=self.instance.pk)
        self.fields["needs_second_factor"].initial = required.exists()


@admin.register(Group)
class GroupAdmin(ConfirmedChanges, DjangoGroupAdmin, ModelAdmin):
    form = GroupForm
    fields = ["name", "needs_second_factor", "permissions"]
    list_display = ["name", "requires_second_factor"]
    list_select_related = ["second_factor"]

    @admin.display(description=_("second factor"), boolean=True)
    def requires_second_factor(self, group: Group) -> bool:
        return hasattr(group, "second_factor")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        group = form.instance
        if form.cleaned_data.get("needs_second_factor"):
            SecondFactorGroup.objects.get_or_create(group=group)
        else:
            SecondFactorGroup.objects.filter(group=group).delete()
