"""The forms of login, second factor and confirmation, with the admin's widgets."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

CODE_LENGTH = 40  # more than any code has


def code_field(**options: Any) -> forms.CharField:
    """A field for a code that browsers offer to fill in (autocomplete=one-time-code)."""
    attributes = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
    if options.pop("autofocus", False):
        attributes["autofocus"] = "autofocus"
    widget = UnfoldAdminTextInputWidget(attrs=attributes)
    return forms.CharField(max_length=CODE_LENGTH, widget=widget, **options)


class CodeForm(forms.Form):
    """The second step of the login."""

    code = code_field(
        label=_("Code"),
        autofocus=True,
        help_text=_("The six digits in your authenticator, or one of your recovery codes."),
    )


class SetUpForm(forms.Form):
    """The proof that the authenticator has the key."""

    code = code_field(
        label=_("Code"), help_text=_("The six digits that the authenticator shows now.")
    )


class ConfirmForm(forms.Form):
    """The password or a code, asked for again. The prefix keeps its fields apart from those of the
    form that is to be confirmed."""

    prefix = "confirm"

    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        max_length=4096,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "current-password", "autofocus": "autofocus"}
        ),
    )
    code = code_field(label=_("Or a code of your authenticator"), required=False)

    def __init__(self, *arguments: Any, with_code: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not with_code:
            del self.fields["code"]
