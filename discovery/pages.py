"""What the screens of discovery share."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from discovery.inbox.models import is_local
from ipam.admin import marks
from ipam.admin.base import ListAdmin
from ipam.models import Sighting

SOURCES: dict[str, Any] = {
    **dict(Sighting.Source.choices),
    "offer": _("DHCP offer"),
    "log": _("DHCP log"),
}


class ReadOnlyAdmin(ListAdmin):
    """Rows that the network writes; what people do about them has buttons of its own."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        return queryset.matching(search_term), False  # type: ignore[attr-defined]


def cell(content: SafeString, kind: str = "ipm-cell") -> SafeString:
    """Several parts as one block: on a phone, a list puts the parts of a cell side by side."""
    return format_html('<div class="{}">{}</div>', kind, content)


def mac_line(mac: str, maker: str) -> SafeString:
    """A MAC address with what is known of its maker."""
    if not maker and is_local(mac):
        maker = gettext("randomised")
    return format_html(
        '<span class="ipm-mac">{}</span> <span class="ipm-small">{}</span>', mac, maker
    )


def randomised_badge(mac: str) -> SafeString | str:
    if not is_local(mac):
        return ""
    return marks.badge("plain", gettext("randomised"))
