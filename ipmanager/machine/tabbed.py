"""The form of a server as one of the tabs of its page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from ipam.admin.base import extend
from ipam.models import Server
from ipmanager.machine.page import tabs


class Tabbed:
    """A mixin for the servers' admin."""

    class Media:
        css = {"all": ["ipmanager/networks.css"]}

    def render_change_form(
        self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if original := context.get("original"):
            context["row_tabs"] = tabs(request, original, "change")
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]


extend(Server, Tabbed)
