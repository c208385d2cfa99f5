"""A DHCP option's number, which may be typed as its name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from dhcp import options


class Named(int):
    """A number that was typed as a name. Which one it is depends on the version of IP, which the
    field cannot know."""

    typed = ""


class OptionNumberField(models.PositiveSmallIntegerField):
    """`42` or `ntp-server`; kept as the number. Whoever owns the row reads a Named by its
    version."""

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return super().to_python(value)
        for version in (4, 6):
            try:
                found = Named(options.number_of(value.strip(), version))
            except ValueError as error:
                complaint = error
                continue
            found.typed = value.strip()
            return found
        raise ValidationError(str(complaint), code="invalid")

    def formfield(self, **kwargs: Any) -> Any:
        return models.Field.formfield(
            self, **{**kwargs, "form_class": OptionNumberFormField, "widget": OptionWidget}
        )


class OptionNumberFormField(forms.CharField):
    """A number or a name; the model's field reads it."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(str(initial or ""), data)


class OptionWidget(UnfoldAdminTextInputWidget):
    """A text box that proposes the names."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        listed = f"{name}-names"
        box = super().render(name, value, {**(attrs or {}), "list": listed}, renderer)
        names = sorted({known.name for table in options.KNOWN.values() for known in table.values()})
        lines = format_html_join("", '<option value="{}">', ((known,) for known in names))
        return format_html('{}<datalist id="{}">{}</datalist>', box, listed, lines)
