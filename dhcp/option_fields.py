"""A model field for the number of a DHCP option, which may be typed as its name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from dhcp import options


class TypedNumber(int):
    """A number with the text that was typed. A name stands for different numbers in DHCPv4 and
    DHCPv6, and only the row knows its version: `rules.check_option` reads `typed` again."""

    typed = ""


class OptionNumberField(models.PositiveSmallIntegerField):
    """Takes `42` or `ntp-server`, stores the number."""

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return super().to_python(value)
        typed = value.strip()
        try:
            number = TypedNumber(_number_of(typed))
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from error
        number.typed = typed
        return number

    def formfield(self, **kwargs: Any) -> Any:
        own = {"form_class": OptionNumberFormField, "widget": OptionWidget}
        return models.Field.formfield(self, **kwargs | own)


def _number_of(typed: str) -> int:
    """The number in DHCPv4, or else in DHCPv6. Raises ValueError."""
    try:
        return options.number_of(typed, 4)
    except ValueError:
        return options.number_of(typed, 6)


class OptionNumberFormField(forms.CharField):
    """A text; the model's field reads it."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(str(initial or ""), data)


class OptionWidget(UnfoldAdminTextInputWidget):
    """A text box that proposes the names of options."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        list_id = f"{name}-names"
        box = super().render(name, value, {**(attrs or {}), "list": list_id}, renderer)
        lines = format_html_join("", '<option value="{}">', zip(options.names(), strict=True))
        return format_html('{}<datalist id="{}">{}</datalist>', box, list_id, lines)
