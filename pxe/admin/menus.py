"""The admin of boot menus: for which machines, and with which images."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ipam.admin import marks
from ipam.admin.base import LedgerAdmin, LedgerInline
from pxe.admin.searches import search
from pxe.models import BootMenu, MenuServer, MenuSubnet


class ServerInline(LedgerInline):
    model = MenuServer
    autocomplete_fields = ("server",)


class SubnetInline(LedgerInline):
    model = MenuSubnet
    autocomplete_fields = ("subnet",)


@admin.register(BootMenu)
class MenuAdmin(LedgerAdmin):
    list_display = ("name", "title", "for_whom", "offers", "default_text", "timeout_text", "shell")
    search_fields = ("name",)
    autocomplete_fields = ("images", "default_image")
    inlines = (ServerInline, SubnetInline)
    fieldsets = (
        (None, {"fields": ("name", "title", "is_default", "parent")}),
        (_("Items"), {"fields": ("all_images", "images", "shell")}),
        (_("Without a key"), {"fields": ("default_image", "timeout")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request).select_related("parent", "default_image")
        return rows.annotate(
            images_count=Count("images", distinct=True),
            server_rows_count=Count("server_rows", distinct=True),
            subnet_rows_count=Count("subnet_rows", distinct=True),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        return search(queryset, search_term, "name", "title"), False

    @admin.display(description=_("for"))
    def for_whom(self, menu: BootMenu) -> str | SafeString:
        if menu.parent:
            return gettext("in “%s”") % menu.parent
        if menu.is_default:
            return gettext("everybody else")
        return gettext("%(servers)s servers, %(subnets)s subnets") % {
            "servers": menu.server_rows_count,  # type: ignore[attr-defined]
            "subnets": menu.subnet_rows_count,  # type: ignore[attr-defined]
        }

    @admin.display(description=_("images"))
    def offers(self, menu: BootMenu) -> str:
        if menu.all_images:
            return gettext("all")
        return marks.count(menu.images_count)  # type: ignore[attr-defined]

    @admin.display(description=_("default"))
    def default_text(self, menu: BootMenu) -> str:
        return str(menu.default_image or gettext("local disk"))

    @admin.display(description=_("timeout"))
    def timeout_text(self, menu: BootMenu) -> str:
        if menu.timeout == 0:
            return gettext("none")
        return f"{menu.timeout} s"
