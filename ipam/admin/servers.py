"""Servers and their interfaces; saving one says where its address has found its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Prefetch, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter

from core.local_time import when
from ipam.admin import marks
from ipam.admin.base import Facts, LedgerAdmin, LedgerForm, LedgerInline, Parts
from ipam.admin.filters import VRFFilter
from ipam.admin.pickers import subnet_field
from ipam.allocate import hold_next
from ipam.models import Interface, IPAddress, Server
from ipam.sightings import in_use


class ServerForm(LedgerForm):
    next_free_in = subnet_field(
        label=_("or the next free one in"),
        required=False,
        help_text=_(
            "Leave the IP address empty and choose a subnet: the server gets its next free address."
        ),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        subnet = cleaned.get("next_free_in")
        if subnet and cleaned.get("ip_address"):
            self.add_error("next_free_in", _("Give an IP address or choose a subnet, not both."))
        elif subnet and subnet.vrf != cleaned.get("vrf", self.instance.vrf):
            self.add_error("next_free_in", _("This subnet lies in another VRF than the server."))
        return cleaned


def interface_details(nic: Interface) -> str:
    values = (nic.name, nic.ip_address, nic.mac_address, nic.duid)
    return " ".join(map(str, filter(None, values)))


class InterfaceInline(LedgerInline):
    model = Interface
    fields = ("name", "mac_address", "ip_address", "duid")


@admin.register(Server)
class ServerAdmin(LedgerAdmin):
    form = ServerForm
    list_display = (
        "hostname",
        "ip_address",
        "mac_address",
        "device_type",
        "manufacturer",
        "location",
        "lan_port",
        "enabled",
        "subnet_link",
    )
    list_filter = (("enabled", BooleanRadioFilter), VRFFilter)
    search_fields = ("hostname",)
    search_help_text = _("Host name, IP, network or MAC")
    inlines = (InterfaceInline,)
    parts = Parts(_("Interfaces"), Interface, "server_id", lambda nic: nic.name, interface_details)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        # Of a server with many addresses only the row of its own is shown.
        own = IPAddress.objects.filter(ip_address=F("server__ip_address")).select_related("subnet")
        placed = Prefetch("addresses", own, to_attr="rows_of_its_address")
        return super().get_queryset(request).prefetch_related(placed)

    def get_fieldsets(self, request: HttpRequest, obj: Server | None = None) -> list:
        network = ["ip_address", "mac_address", "vrf", "enabled", "when_disabled"]
        if self.has_change_permission(request, obj):
            network.insert(1, "next_free_in")
        return [
            (None, {"fields": ("hostname", "description")}),
            (_("Network"), {"fields": network}),
            (_("Machine"), {"fields": ("device_type", "manufacturer", "location", "lan_port")}),
        ]

    def facts(self, obj: Server) -> Facts:
        held = []
        for row in obj.addresses.select_related("subnet"):
            held.append((marks.link(row), marks.link(row.subnet)))
        addresses = format_html_join("", "<div>{} · {}</div>", held) or marks.NOTHING
        return [
            (_("Its addresses"), addresses),
            (_("Created"), when(obj.created_at)),
            (_("Updated"), when(obj.updated_at)),
        ]

    @admin.display(description=_("subnet"))
    def subnet_link(self, server: Server) -> SafeString:
        for row in server.rows_of_its_address:  # type: ignore[attr-defined]
            if row.subnet is None:
                return marks.badge("unknown", gettext("In no subnet"))
            return marks.link(row.subnet, row.subnet.network)
        return marks.NOTHING

    def get_deleted_objects(self, objs: Iterable[Server], request: HttpRequest) -> tuple:
        to_delete, *others = super().get_deleted_objects(objs, request)
        held = IPAddress.objects.filter(server__in=objs).order_by("ip_address")
        to_delete += map(gettext("%s becomes free").__mod__, held)
        return (to_delete, *others)

    def save_model(self, request: HttpRequest, obj: Server, form: ModelForm, change: bool) -> None:
        subnet = form.cleaned_data.get("next_free_in")
        if subnet and not obj.ip_address:
            obj.ip_address = hold_next(subnet, obj.mac_address).ip_address
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        for level, text in placement_messages(form.instance):
            self.message_user(request, text, level)


def placement_messages(server: Server) -> Iterator[tuple[int, str | SafeString]]:
    """In which subnet each address of a server is now, and who else uses it, as messages with their
    level."""
    for text in in_use.warnings([server.pk]):
        yield messages.WARNING, text
    for row in IPAddress.objects.filter(server=server).select_related("subnet"):
        if row.taken_reservation:
            yield messages.WARNING, row.taken_reservation
        if row.subnet:
            yield (
                messages.INFO,
                format_html(gettext("{} is in {}."), marks.link(row), marks.link(row.subnet)),
            )
        else:
            text = gettext("%s is in no subnet. It is placed when a subnet for it is created.")
            yield messages.WARNING, text % row
