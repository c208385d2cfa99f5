"""The time picker of lists and rows."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone

from changes.past import shown

register = template.Library()


@register.inclusion_tag("admin/changes/picker.html")
def past_picker(opts: Any, original: Any = None, as_of: Any = None) -> dict[str, Any]:
    """Choose a moment; nothing where the model has no past."""
    is_new = original is not None and not original.pk
    if opts is None or is_new or shown.find(opts.app_label, opts.model_name) is None:
        return {}
    names = [opts.app_label, opts.model_name]
    action = reverse("past:list", args=names)
    if original is not None:
        # A link: this stands inside the form of the row, which cannot hold another one.
        return {"action": reverse("past:row", args=[*names, original.pk]), "row": original}
    latest = timezone.localtime().strftime("%Y-%m-%dT%H:%M")
    return {"action": action, "picked": latest, "latest": latest}
