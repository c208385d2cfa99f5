"""The form “New machine”, and the list of machines with what came with each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.local_time import when
from ipam import addresses
from ipam.admin import marks
from ipam.admin.base import Facts, LedgerAdmin, LedgerForm, extend
from ipam.admin.pickers import subnet_field
from ipam.admin.servers import ServerAdmin
from ipam.models import Server
from machines.create import Port, Specification, make
from machines.models import Machine, MachineService
from machines.remove import remove
from machines.serializers import PortSerializer
from pxe.models import BootAssignment, BootImage
from registry.services.callers import Caller

SERVICE = re.compile(r"(?P<name>[^:]+)(?::(?P<port>[0-9]+))?")
PART_PERMISSIONS = {
    "image": ("pxe.add_bootassignment", _("You may not assign boot images.")),
    "services": ("registry.add_service", _("You may not register services.")),
}


def _text(label: Any, help_text: Any = "", *, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=253,
        widget=UnfoldAdminTextInputWidget,
    )


class NewMachineForm(LedgerForm):
    """What one call of the API takes, in one form. `make` checks it, under the ledger's lock."""

    checked_when_saved = True

    hostname = _text(_("host name"), required=True)
    mac_address = _text(_("MAC address"), _("In any usual spelling."))
    subnet = subnet_field(label=_("subnet"), required=False)
    ip_address = _text(_("IP address"), _("Empty: the next free one of the subnet."))
    image = forms.ModelChoiceField(
        BootImage.objects.filter(enabled=True),
        label=_("boot image"),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    boot = forms.ChoiceField(
        label=_("boots it"),
        choices=BootAssignment.Mode,
        initial=BootAssignment.Mode.ONCE,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    services = _text(
        _("service ports"),
        _("Names, as in “http ssh:22”: with a port, or with the next free one."),
    )
    location = _text(_("location"))
    description = _text(_("description"))

    class Meta:
        model = Machine
        fields = ("expires_at",)

    def clean_mac_address(self) -> str | None:
        return _parsed(addresses.parse_mac, self.cleaned_data["mac_address"])

    def clean_ip_address(self) -> Any:
        return _parsed(addresses.parse_address, self.cleaned_data["ip_address"])

    def clean_services(self) -> list[Port]:
        ports = []
        for word in self.cleaned_data["services"].replace(",", " ").split():
            found = SERVICE.fullmatch(word)
            shape = PortSerializer(data=found and found.groupdict())
            if not shape.is_valid():
                raise ValidationError(_("“%s” is not NAME or NAME:PORT.") % word)
            ports.append(Port(**shape.validated_data))
        return ports

    def specification(self) -> Specification:
        """What the form asks for."""
        asked = self.cleaned_data
        facts = {name: asked[name] for name in ("location", "description")}
        return Specification(
            asked["hostname"],
            asked["mac_address"],
            asked["subnet"],
            wanted=asked["ip_address"],
            image=asked["image"],
            boot=asked["boot"] or BootAssignment.Mode.ONCE,
            services=asked["services"],
            expires_at=asked["expires_at"],
            facts=facts,
        )


def _parsed(parse: Any, text: str) -> Any:
    if not text:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error


@admin.register(Machine)
class MachineAdmin(LedgerAdmin):
    """Machines have the rights of servers: they are servers."""

    list_display = ("server", "ip_address", "mac_address", "ports", "expires_at", "created_at")
    search_fields = ("server",)
    search_help_text = _("Host name, IP, network or MAC")
    readonly_fields = ()
    nothing_yet = _("Make one here, by POST to /api/v1/machines/, or with “ipmanager up”.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request).select_related("server")
        return rows.prefetch_related("service_rows__service")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        if obj is None:
            kwargs["form"] = NewMachineForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Machine | None = None) -> list:
        lifetime = (_("Time to live"), {"fields": ("expires_at",)})
        if obj is not None:
            return [lifetime]
        return [
            (None, {"fields": ("hostname", "description", "location")}),
            (_("Network"), {"fields": ("mac_address", "subnet", "ip_address")}),
            (_("Network boot"), {"fields": ("image", "boot")}),
            (_("Services"), {"fields": ("services",)}),
            lifetime,
        ]

    def facts(self, obj: Machine) -> Facts:
        return [
            (_("Server"), marks.link(obj.server)),
            (_("IP address"), self.ip_address(obj) or marks.NOTHING),
            (_("Service ports"), self.ports(obj)),
            (_("Created"), when(obj.created_at)),
        ]

    @admin.display(description=_("IP address"), ordering="server__ip_address")
    def ip_address(self, machine: Machine) -> Any:
        return machine.server.ip_address

    @admin.display(description=_("MAC address"), ordering="server__mac_address")
    def mac_address(self, machine: Machine) -> Any:
        return machine.server.mac_address

    @admin.display(description=_("service ports"))
    def ports(self, machine: Machine) -> SafeString | str:
        found = []
        for row in machine.service_rows.all():
            found.append((row.name, row.service.port or "–"))
        return format_html_join(" ", "{}:{}", found) or marks.NOTHING

    # --- writing ----------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Machine, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        specification = form.specification()
        _refuse_parts(request, specification)
        person = request.user.get_username()
        made = make(specification, Caller(name=person, manages=True, person=person))
        obj.__dict__.update(made.machine.__dict__)

    def delete_model(self, request: HttpRequest, obj: Machine) -> None:
        remove(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        for machine_id in list(queryset.values_list("pk", flat=True)):
            remove(machine_id)

    # --- rights -----------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ipam.add_server")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ipam.view_server") or self.has_change_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ipam.change_server")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user = request.user
        if obj is None or obj.service_rows.exists():
            return user.has_perms(["ipam.delete_server", "registry.delete_service"])
        return user.has_perm("ipam.delete_server")

    def get_deleted_objects(self, objs: Iterable[Machine], request: HttpRequest) -> tuple:
        """What goes with the machines; their rights are those of their parts."""
        objs = list(objs)
        going = [f"{machine.server} {machine.server.ip_address or ''}".strip() for machine in objs]
        for row in MachineService.objects.filter(machine__in=objs).select_related("service"):
            going.append(str(row.service))
        return going, {str(_("machines")): len(objs)}, set(), []


def _refuse_parts(request: HttpRequest, specification: Specification) -> None:
    """Raises ValidationError for a part that the user may not make at its own page."""
    for part, (permission, refusal) in PART_PERMISSIONS.items():
        if getattr(specification, part) and not request.user.has_perm(permission):
            raise ValidationError({part: refusal})


class NewMachine:
    """A mixin for the servers' admin: the way to the form."""

    actions_list = (*ServerAdmin.actions_list, "new_machine")

    @action(
        description=_("New machine"),
        url_path="new-machine",
        icon="deployed_code",
        permissions=["add"],
    )
    def new_machine(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:machines_machine_add"))


extend(Server, NewMachine)
