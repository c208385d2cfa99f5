"""IP addresses: their holders, and the verbs reserve, release and quarantine, for one or many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

from core.errors import Exhausted, Invalid, NotFound
from ipam.addresses import shorten
from ipam.admin import marks
from ipam.admin.base import REFUSALS, LedgerAdmin, LedgerForm, LedgerList, sentences, when
from ipam.admin.filters import ActiveFilter, PlaceFilter, SubnetFilter, VRFFilter
from ipam.admin.pickers import is_key, subnet_field
from ipam.allocate import (
    allocate,
    find,
    next_free,
    quarantine,
    release,
    reserve,
    reserve_next,
    take_from_server,
)
from ipam.freeze import Frozen
from ipam.models import IPAddress, Server, Sighting, Subnet
from ipam.sql import cached_counts

DEVICE = ("hostname", "mac_address", "platform", "manufacturer", "vm_id")
AT_ONCE = 500  # rows that one action works on
NAMED = 50  # results of an action that are told one by one


class AddressForm(LedgerForm):
    """The row as a person wants it. `apply_form` calls the verbs that bring it there."""

    checked_when_saved = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        server = self.fields.get("server")
        if isinstance(server, forms.ModelChoiceField):
            server.queryset = Server.objects.filter(pk=self.instance.server_id)
            page = marks.link(self.instance.server, gettext("To the server."))
            server.help_text = format_html("{} {}", page, _when_emptied(self.instance))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.row = self.target(cleaned)
        self.changes = set()
        for name, value in cleaned.items():
            if value != getattr(self.row, name):
                self.changes.add(name)
        self._check_description(cleaned.get("status"))
        if cleaned.get("server") and cleaned["server"] != self.row.server:
            self.add_error("server", _("Assign an address to a server on the server's own page."))
        if cleaned.get("status") == "available" and self._describes_device(cleaned):
            self.add_error(
                "status",
                _("An available address has no device: reserve or allocate it first."),
            )
        return cleaned

    def _check_description(self, status: str | None) -> None:
        editable = status == "reserved" or (status == "quarantine" and "status" in self.changes)
        if "description" in self.changes and not editable:
            self.add_error(
                "description",
                _("The description can only be edited while the address is reserved."),
            )

    def _describes_device(self, cleaned: dict[str, Any]) -> bool:
        changed = self.changes.intersection(DEVICE)
        return any(map(cleaned.get, changed))

    def target(self, cleaned: dict[str, Any]) -> IPAddress:
        """The row as it is now, in an object of its own: the instance takes the form's values, and
        may have been made from an older state."""
        row = IPAddress.objects.filter(pk=self.instance.pk).first()
        return row or find(self.instance.ip_address, self.instance.vrf_id)

    def clean_description(self) -> str:
        return self.cleaned_data["description"].replace("\r\n", "\n")  # browsers send the former

    def clean_vm_id(self) -> str | None:
        vm_id = self.cleaned_data["vm_id"] or None
        if vm_id is None:
            return None
        twin = IPAddress.objects.filter(vm_id=vm_id).exclude(pk=self.instance.pk).first()
        if twin:
            raise ValidationError(
                gettext("VM “%(vm)s” has %(address)s already.") % {"vm": vm_id, "address": twin}
            )
        return vm_id


def _when_emptied(row: IPAddress) -> str:
    """What happens when the address is taken away from its server."""
    if row.reservation is None:
        return gettext("Empty it to free the address.")
    if not row.reservation:
        return gettext("Empty it: the address is reserved again.")
    text = gettext("Empty it: the address is reserved again, for “%s”.")
    return text % shorten(row.reservation)


class NewAddressForm(AddressForm):
    """An address that has no row yet, or a free one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        status = self.fields.get("status")
        if isinstance(status, forms.ChoiceField):
            choices = dict(IPAddress.Status.choices)
            del choices["available"]
            status.choices = list(choices.items())
            status.initial = "reserved"

    def target(self, cleaned: dict[str, Any]) -> IPAddress:
        vrf = cleaned.get("vrf")
        try:
            row = find(cleaned.get("ip_address") or "", vrf and vrf.pk)
        except Invalid:
            return IPAddress()  # the field's own check says so
        if row.status != "available":
            taken = {"address": row, "holder": row.holder}
            self.add_error("ip_address", gettext("%(address)s is taken by %(holder)s.") % taken)
        self.instance = copy(row)
        return row


class NoteForm(forms.Form):
    """Why addresses are reserved or put into quarantine."""

    note = forms.CharField(
        label=_("Note"), max_length=2000, widget=UnfoldAdminTextareaWidget({"rows": 3})
    )


class NextFreeForm(forms.Form):
    description = forms.CharField(
        label=_("Description"),
        max_length=2000,
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=_("What the address is kept for."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {"subnet": subnet_field(label=_("Subnet"), required=True), **self.fields}


def apply_form(row: IPAddress, wanted: dict[str, Any], changed: set[str]) -> IPAddress:
    """Bring a row to the state that a form wants, by the verbs. Return the row; one that is
    available again may have no key any more."""
    note = ""
    if "description" in changed:
        note = wanted["description"]
    if row.server_id and "server" in changed:
        row = take_from_server(row)
        if "status" not in changed:  # nobody has it now: it is not allocated to the next one
            return row
    if wanted["status"] != row.status:
        row = _move(row, wanted, note)
    edited = False
    for name in changed.intersection((*DEVICE, "description")):
        if wanted[name] != getattr(row, name):
            setattr(row, name, wanted[name])
            edited = True
    if edited:
        row.save()
    return row


def _move(row: IPAddress, wanted: dict[str, Any], note: str) -> IPAddress:
    if wanted["status"] == "available":
        return release(row)
    if wanted["status"] == "reserved":
        return reserve(row, note)
    if wanted["status"] == "quarantine":
        return quarantine(row, note)
    return _allocate(row, wanted)


def _allocate(row: IPAddress, wanted: dict[str, Any]) -> IPAddress:
    subnet = Subnet.objects.containing(row.ip_address, row.vrf_id)
    if subnet is None:
        raise NotFound(
            gettext("%s is in no subnet.") % row.ip_address, gettext("Create the subnet first.")
        )
    if row.status != "available":
        release(row)
    return allocate(
        subnet,
        wanted=row.ip_address,
        hostname=wanted.get("hostname") or "",
        vm_id=wanted.get("vm_id"),
        mac_address=wanted.get("mac_address"),
    ).row


class AddressPaginator(Paginator):
    """Counts all addresses once, and again when the ledger has changed."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if rows.query.where:
            return rows.count()
        return cached_counts.remembered("addresses", IPAddress.objects.count)


class AddressList(LedgerList):
    """Only the page's keys are fetched in order, so that the rows before them cost no join."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        keys = list(self.result_list.values_list("pk", flat=True))  # type: ignore[has-type]
        found = IPAddress.objects.filter(pk__in=keys).with_last_answer()
        rows = found.select_related("subnet", "server", "vrf").in_bulk()
        # A row may be deleted between the two queries.
        self.result_list = [rows[key] for key in keys if key in rows]

    def apply_select_related(self, qs: QuerySet) -> QuerySet:
        return qs


@admin.register(IPAddress)
class IPAddressAdmin(LedgerAdmin):
    form = AddressForm
    list_display = (
        "ip_address",
        "subnet_link",
        "hostname",
        "status_badge",
        "activity",
        "type_badge",
        "mac_address",
        "holder",
    )
    list_per_page = 25
    paginator = AddressPaginator
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ActiveFilter,
        ("subnet", SubnetFilter),
        ("ip_type", ChoicesDropdownFilter),
        VRFFilter,
        PlaceFilter,
    )
    search_fields = ("ip_address",)
    search_help_text = _("IP, network, MAC, host name or VM")
    actions = ("reserve", "release", "quarantine")
    actions_list = ("next_free",)
    import_kind = "addresses"
    actions_detail = ("new_server_here",)
    dates = ("created_at", "updated_at", "freed_at")
    readonly_fields = (
        *(*dates, "subnet_link", "space", "type_badge"),
        *("activity", "last_answer", "sightings"),
    )

    class Media:
        js = ("ipam/description.js",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AddressList

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        # The list fetches what is known of a row for its page alone.
        if request.resolver_match and "object_id" in request.resolver_match.kwargs:
            return rows.with_last_answer()
        return rows

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        if obj is None:
            kwargs["form"] = NewAddressForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: IPAddress | None = None) -> list:
        if obj is None:
            return [
                (None, {"fields": ("ip_address", "vrf", "status", "description")}),
                (_("Device"), {"fields": DEVICE}),
            ]
        return [
            (None, {"fields": ("ip_address", "subnet_link", "space", "type_badge")}),
            (_("Who has it"), {"fields": ("status", "server", "description")}),
            (_("Device"), {"fields": DEVICE}),
            (_("Seen"), {"fields": ("activity", "last_answer", "sightings")}),
            (_("Dates"), {"fields": self.dates}),
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: IPAddress | None = None
    ) -> Sequence[str]:
        if obj is None:
            return self.readonly_fields
        # The device of a server's row follows from the server.
        if obj.server_id:
            return (*self.readonly_fields, "ip_address", *DEVICE)
        return (*self.readonly_fields, "ip_address", "server")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "server" and field:
            # Without the buttons for other servers: it is this one or none.
            field.widget = field.widget.widget
        if db_field.name == "description" and field:
            field.widget.attrs["rows"] = 3
        return field

    def has_delete_permission(self, request: HttpRequest, obj: IPAddress | None = None) -> bool:
        """Addresses are released, not deleted: rows come and go with pools and holders."""
        return False

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """A server can be created only on an address without a holder."""
        actions = super().get_actions_detail(request, object_id)
        if not is_key(str(object_id)):
            return actions
        unheld = IPAddress.objects.filter(pk=object_id, server=None, vm_id=None)
        if unheld.exclude(status="allocated").exists():
            return actions
        return [action for action in actions if action.path != "new-server"]

    def has_add_server_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("ipam.add_server")

    # --- columns and fields -----------------------------------------------------------------------

    @admin.display(description=_("subnet"), ordering="subnet__network")
    def subnet_link(self, row: IPAddress) -> SafeString:
        if row.subnet is None:
            return marks.badge("unknown", gettext("In no subnet"))
        name = marks.link(row.subnet)
        if row.vrf is None:
            return name
        return format_html("{} {}", name, marks.badge("plain", row.vrf))

    @admin.display(description=_("VRF"))
    def space(self, row: IPAddress) -> SafeString:
        return marks.link(row.vrf, otherwise=gettext("Global"))

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, row: IPAddress) -> SafeString:
        return marks.status(row)

    @admin.display(description=_("active"), ordering="active")
    def activity(self, row: IPAddress) -> SafeString:
        return marks.activity(row)

    @admin.display(description=_("last answer"))
    def last_answer(self, row: IPAddress) -> SafeString | str:
        return row.last_answer or marks.NOTHING

    @admin.display(description=_("type"), ordering="ip_type")
    def type_badge(self, row: IPAddress) -> SafeString:
        return marks.badge(row.ip_type, row.get_ip_type_display())

    @admin.display(description=_("VM/Server"), ordering=Coalesce("server__hostname", "vm_id"))
    def holder(self, row: IPAddress) -> SafeString:
        return marks.link(row.server, otherwise=row.vm_id or marks.NOTHING)

    @admin.display(description=_("seen"))
    def sightings(self, row: IPAddress) -> SafeString:
        lines = []
        for seen in Sighting.objects.filter(vrf=row.vrf_id, ip_address=row.ip_address)[:10]:
            lines.append((seen.get_source_display(), seen.mac_address or "", when(seen.seen_at)))
        never = conditional_escape(gettext("Never: no lease, ARP entry or ping is known."))
        return format_html_join("", "<div>{} {} · {}</div>", lines) or never

    # --- saving -----------------------------------------------------------------------------------

    def save_model(
        self, request: HttpRequest, obj: IPAddress, form: forms.ModelForm, change: bool
    ) -> None:
        row = apply_form(form.row, form.cleaned_data, form.changes)  # type: ignore[attr-defined]
        if row.pk:
            obj.pk = row.pk
            obj.refresh_from_db()
        if row.status == "reserved" and "server" in form.changes:  # type: ignore[attr-defined]
            text = gettext("%(address)s is reserved: %(note)s")
            note = row.description or marks.NOTHING
            self.message_user(request, text % {"address": row, "note": note}, messages.INFO)

    def response_change(self, request: HttpRequest, obj: IPAddress) -> HttpResponse:
        if IPAddress.objects.filter(pk=obj.pk).exists():
            return super().response_change(request, obj)
        text = gettext("%s is available. Outside of static pools an available address has no row.")
        self.message_user(request, text % obj.ip_address, messages.SUCCESS)
        return HttpResponseRedirect(self.page("changelist"))

    # --- next free --------------------------------------------------------------------------------

    @action(
        description=_("Next free IP"),
        url_path="next-free",
        icon="my_location",
        permissions=["view"],
    )
    def next_free(self, request: HttpRequest) -> HttpResponse:
        """Show the next free address of a subnet; reserve it when asked to."""
        if request.method == "POST":
            form = NextFreeForm(request.POST)
            if form.is_valid():
                return self._reserve_next(request, **form.cleaned_data)
        else:
            form = NextFreeForm(initial=request.GET.dict())
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Next free IP"),
            "opts": self.opts,
            "media": self.media + form.media,
            "form": form,
            "may_reserve": self.has_change_permission(request),
            **_next_free_in(_chosen_subnet(request)),
        }
        return TemplateResponse(request, "admin/ipam/ipaddress/next_free.html", context)

    def _reserve_next(self, request: HttpRequest, subnet: Subnet, description: str) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        try:
            row = reserve_next(subnet, description)
        except (Exhausted, Frozen) as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(marks.next_free_url(subnet.pk))
        self.message_user(
            request,
            gettext("%(address)s is reserved in %(subnet)s.") % {"address": row, "subnet": subnet},
            messages.SUCCESS,
        )
        return HttpResponseRedirect(self.page("change", row.pk))

    @action(
        description=_("New server here"),
        url_path="new-server",
        icon="dns",
        permissions=["add_server"],
    )
    def new_server_here(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return HttpResponseRedirect(
            _new_server_url(ip_address=row.ip_address, vrf=row.vrf_id or "")
        )

    # --- actions on many --------------------------------------------------------------------------

    @admin.action(description=_("Reserve, with a note"), permissions=["change"])
    def reserve(self, request: HttpRequest, queryset: QuerySet[IPAddress]) -> HttpResponse | None:
        return self._with_note(request, queryset, "reserve", reserve)

    @admin.action(description=_("Put into quarantine, with a reason"), permissions=["change"])
    def quarantine(
        self, request: HttpRequest, queryset: QuerySet[IPAddress]
    ) -> HttpResponse | None:
        return self._with_note(request, queryset, "quarantine", quarantine)

    @admin.action(description=_("Release"), permissions=["change"])
    def release(self, request: HttpRequest, queryset: QuerySet[IPAddress]) -> None:
        self._for_each(request, queryset, release, _PAST["release"])

    def _with_note(
        self,
        request: HttpRequest,
        queryset: QuerySet[IPAddress],
        name: str,
        verb: Callable[[IPAddress, str], IPAddress],
    ) -> HttpResponse | None:
        """Ask for a note first, then do it."""
        form = NoteForm(request.POST if "note" in request.POST else None)
        if form.is_valid():
            note = form.cleaned_data["note"]
            self._for_each(request, queryset, lambda row: verb(row, note), _PAST[name])
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": _ASK[name],
            "opts": self.opts,
            "media": self.media,
            "form": form,
            "action": name,
            "rows": queryset.select_related("server")[:NAMED],
            "count": queryset.count(),
            "more": max(0, queryset.count() - NAMED),
            "keys": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "across": request.POST.get("select_across", "0"),
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/ipam/ipaddress/note.html", context)

    def _for_each(
        self,
        request: HttpRequest,
        queryset: QuerySet[IPAddress],
        verb: Callable[[IPAddress], IPAddress],
        past: Any,
    ) -> None:
        """Call the verb for each row and report each result: a refused row does not stop the
        others."""
        count = queryset.count()
        if count > AT_ONCE:
            raise Invalid(
                gettext("%(count)d addresses are too many at once; select %(most)d at most.")
                % {"count": count, "most": AT_ONCE}
            )
        done, refused = [], []
        for row in queryset.order_by("ip_address"):
            try:
                with transaction.atomic():
                    done.append(str(verb(row).ip_address))
            except REFUSALS as error:
                refused.append(sentences(error))
        if done:
            text = past(len(done)) % {"count": len(done), "named": _named(done)}
            self.message_user(request, text, messages.SUCCESS)
        for text in refused[:NAMED]:
            self.message_user(request, text, messages.ERROR)
        if len(refused) > NAMED:
            text = gettext("%d more were refused.") % (len(refused) - NAMED)
            self.message_user(request, text, messages.ERROR)


_ASK = {"reserve": _("Reserve addresses"), "quarantine": _("Put addresses into quarantine")}
_PAST = {
    "reserve": lambda n: ngettext(
        "%(count)d address is reserved: %(named)s", "%(count)d addresses are reserved: %(named)s", n
    ),
    "release": lambda n: ngettext(
        "%(count)d address is free: %(named)s", "%(count)d addresses are free: %(named)s", n
    ),
    "quarantine": lambda n: ngettext(
        "%(count)d address is in quarantine: %(named)s",
        "%(count)d addresses are in quarantine: %(named)s",
        n,
    ),
}


def _named(names: Sequence[str]) -> str:
    shown = list(names[:NAMED])
    if len(names) > NAMED:
        shown.append("…")
    return ", ".join(shown)


def _chosen_subnet(request: HttpRequest) -> Subnet | None:
    wanted = request.POST.get("subnet") or request.GET.get("subnet", "")
    if not is_key(wanted):
        return None
    return Subnet.objects.filter(pk=wanted).first()


def _next_free_in(subnet: Subnet | None) -> dict[str, Any]:
    """What the page shows of a chosen subnet."""
    if subnet is None:
        return {"subnet": None, "free": None, "subnet_url": "", "server_url": "", "children": ""}
    free = next_free(subnet)
    return {
        "subnet": subnet,
        "free": free,
        "children": "" if free else marks.free_children(subnet),
        "subnet_url": marks.change_url(subnet),
        "server_url": _new_server_url(next_free_in=subnet.pk, vrf=subnet.vrf_id or ""),
    }


def _new_server_url(**initial: Any) -> str:
    return f"{reverse('admin:ipam_server_add')}?{urlencode(initial)}"
