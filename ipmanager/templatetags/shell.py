"""What stands around every page."""

from typing import Any

from django import template
from django.template.context import Context

from ipam.pages.chosen import Chosen
from ipmanager.shell.health_dot import dot

register = template.Library()


@register.inclusion_tag("shell/health_dot.html", takes_context=True)
def health_dot(context: Context) -> dict[str, Any]:
    """How the site is, and why."""
    return {"dot": dot(context["request"].user)}


@register.inclusion_tag("shell/switch.html", takes_context=True)
def place_switch(context: Context) -> dict[str, Any]:
    """The VRF and the site that are chosen."""
    request = context["request"]
    return {"chosen": Chosen.of(request), "here": request.get_full_path()}
