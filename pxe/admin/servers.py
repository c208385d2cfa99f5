"""What the usher adds to the ledger's screen of servers: what each boots, and what it did."""

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


class Boots:
    """A mixin of the servers' admin: what it boots, and its timeline."""

    def get_inlines(self, request: HttpRequest, obj: Server | None) -> list[Any]:
        return [*super().get_inlines(request, obj), IdentityInline]  # type: ignore[misc]

    def facts(self, obj: Server) -> Facts:
        return [*super().facts(obj), *self._boot_facts(obj)]  # type: ignore[misc]

    def _boot_facts(self, server: Server) -> Facts:
        rows = BootAssignment.objects.open().filter(server=server).select_related("image", "server")
        events = boot_state.events_of(server)
        if not (rows or events):
            return []  # most servers have nothing to do with network boot
        lines = ((to_the_second(event), badge(event), event.detail) for event in events[:SHOWN])
        return [
            (_("Boots"), marks.links(rows)),
            (_("Boot state"), verdict(boot_state.diagnosis(events, timezone.now()))),
            (
                _("Boot timeline"),
                format_html_join("", "<div>{} {} {}</div>", lines) or marks.NOTHING,
            ),
        ]


def verdict(found: Diagnosis) -> SafeString | str:
    """The diagnosis; bad news stands out."""
    if found.good is None:
        return found.text
    mark = marks.badge("yes", _("good")) if found.good else marks.badge("no", _("trouble"))
    return format_html("{} {}", mark, found.text)


extend(Server, Boots)
