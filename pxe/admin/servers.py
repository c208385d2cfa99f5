"""Extend the admin of servers: what each server boots, and its boot timeline."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ipam.admin import marks
from ipam.admin.base import Facts, LedgerInline, extend
from ipam.models import Server
from pxe.admin.events import badge, to_the_second
from pxe.events import boot_state
from pxe.events.timeline import Diagnosis
from pxe.models import BootAssignment, BootIdentity

SHOWN = 12


class IdentityInline(LedgerInline):
    model = BootIdentity
    max_num = 1


class BootMixin:
    """Add the boot assignments, the diagnosis and the timeline to a server's page."""

    def get_inlines(self, request: HttpRequest, obj: Server | None) -> list[Any]:
        return [*super().get_inlines(request, obj), IdentityInline]  # type: ignore[misc]

    def facts(self, obj: Server) -> Facts:
        return [*super().facts(obj), *self._boot_facts(obj)]  # type: ignore[misc]

    def _boot_facts(self, server: Server) -> Facts:
        rows = BootAssignment.objects.open().filter(server=server).select_related("image", "server")
        events = boot_state.events_of(server)
        if not (rows or events):
            return []  # most servers do not use network boot
        lines = ((to_the_second(event), badge(event), event.detail) for event in events[:SHOWN])
        return [
            (_("Boots"), marks.links(rows)),
            (_("Boot state"), diagnosis_badge(boot_state.diagnosis(events, timezone.now()))),
            (
                _("Boot timeline"),
                format_html_join("", "<div>{} {} {}</div>", lines) or marks.NOTHING,
            ),
        ]


def diagnosis_badge(found: Diagnosis) -> SafeString | str:
    """The diagnosis, with a badge when it is good or bad."""
    if found.good is None:
        return found.text
    badge_of = {True: marks.badge("yes", _("good")), False: marks.badge("no", _("trouble"))}
    return format_html("{} {}", badge_of[found.good], found.text)


extend(Server, BootMixin)
