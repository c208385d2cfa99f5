"""What the usher adds to the ledger's screen of servers: what each boots, and what it did."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from ipam.admin import marks
from ipam.admin.base import Facts, LedgerInline, extend, when
from ipam.models import Server
from pxe.admin.events import badge
from pxe.models import BootAssignment, BootEvent, BootIdentity

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
        events = BootEvent.objects.of(server)[:SHOWN]
        lines = ((when(event.at), badge(event), event.detail) for event in events)
        return [
            (_("Boots"), marks.links(rows)),
            (_("Boot timeline"), format_html_join("", "<div>{} {} {}</div>", lines) or marks.NOTHING),
        ]


extend(Server, Boots)
