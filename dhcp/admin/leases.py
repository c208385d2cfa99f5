"""Leases, compared with the ledger; reserve their addresses or end them. And the page that explains
why a machine gets its address."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from core.errors import IPManagerError
from dhcp.admin.generations import ReadOnlyAdmin
from dhcp.admin.hand_edits import chosen_ids
from dhcp.leases.adopt import adopt, refuse_ended
from dhcp.leases.evict import evict, is_possible
from dhcp.leases.lease_file import FOREVER
from dhcp.models import Lease
from dhcp.state import machines
from dhcp.state.machines import format_time
from dhcp.state.why import why
from ipam import search
from ipam.admin import marks
from ipam.models import Interface, Server

_COLOURS = {
    Lease.Verdict.RIGHT: "yes",
    Lease.Verdict.UNKNOWN: "unknown",
    Lease.Verdict.KNOWN: "unknown",
    Lease.Verdict.ELSEWHERE: "reserved",
    Lease.Verdict.CONFLICT: "no",
}


# What each kind of verdict looks like.
KIND_COLOURS = {
    machines.LIVE: "yes",
    machines.TOLD: "yes",
    machines.PENDING: "reserved",
    machines.BLOCKED: "unknown",
    machines.UNSERVED: "no",
    "free": "available",
    "leased": "allocated",
    "taken": "allocated",
}


class VerdictFilter(DropdownFilter):
    title = _("verdict")
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        return list(Lease.Verdict.choices)

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() not in Lease.Verdict.values:
            return queryset
        return queryset.filter(verdict=self.value())


class LiveFilter(DropdownFilter):
    title = _("ended")
    parameter_name = "over"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        return [("too", _("ended ones, too"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() == "too":
            return queryset
        return queryset.live()  # type: ignore[attr-defined]


@admin.register(Lease)
class LeaseAdmin(ReadOnlyAdmin):
    list_display = ("ip_address", "machine", "hostname", "verdict_badge", "until", "seen_at")
    list_display_links = None
    list_filter = (VerdictFilter, LiveFilter)
    list_filter_submit = True
    search_fields = ("ip_address",)
    search_help_text = _("Host name, IP, network or MAC")
    actions = ("make_reservations", "end_chosen")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return Lease.objects.leases().judged().order_by("ip_address")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        condition = search.condition(search_term, names=(models.F("hostname"),))
        return queryset.filter(condition), False

    def get_urls(self) -> list[URLPattern]:
        return [
            path("why/", self.admin_site.admin_view(self.why_view), name="dhcp_why"),
            path("evict/", self.admin_site.admin_view(self.evict_view), name="dhcp_evict"),
            *super().get_urls(),
        ]

    def has_reserve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perms(["ipam.add_server", "ipam.change_server"])

    @admin.action(description=_("Reserve its address for each machine"), permissions=["reserve"])
    def make_reservations(self, request: HttpRequest, queryset: models.QuerySet[Lease]) -> None:
        for lease in queryset:
            try:
                refuse_ended(lease)
                server = adopt(lease)
            except IPManagerError as error:
                self.message_user(request, str(error), messages.ERROR)
                continue
            text = gettext("{} is reserved for {}.")
            self.message_user(request, format_html(text, lease.ip_address, marks.link(server)))

    def has_evict_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may_evict(request)

    @admin.action(description=_("End leases of other machines' addresses"), permissions=["evict"])
    def end_chosen(self, request: HttpRequest, queryset: models.QuerySet[Lease]) -> HttpResponse:
        return HttpResponseRedirect(evict_url(*queryset.values_list("pk", flat=True)))

    def evict_view(self, request: HttpRequest) -> HttpResponse:
        """GET says what ending these leases means, POST ends them."""
        if not may_evict(request):
            raise PermissionDenied
        found = list(Lease.objects.conflicting().filter(pk__in=chosen_ids(request)))
        back = reverse("admin:dhcp_lease_changelist")
        if not found:
            text = gettext("None of these leases is of another machine's address.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(back)
        if request.method == "POST":
            for lease in found:
                self._evict(request, lease)
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("End a lease"),
            "opts": self.opts,
            "media": self.media,
            "leases": [(lease, owner_of_address(lease)) for lease in found],
        }
        return TemplateResponse(request, "admin/dhcp/evict.html", context)

    def _evict(self, request: HttpRequest, lease: Lease) -> None:
        try:
            eviction = evict(lease, request.user.get_username())
        except IPManagerError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        text = gettext(
            "%(ip)s is free for its machine. %(mac)s may use it until %(until)s at most."
        )
        facts = {
            "ip": eviction.ip_address,
            "mac": eviction.mac_address,
            "until": format_time(eviction.until),
        }
        self.message_user(request, text % facts, messages.SUCCESS)

    def why_view(self, request: HttpRequest) -> HttpResponse:
        """The verdict about a machine or an address, and the decision."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("q", request.GET.get("mac", "")).strip()
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Why this address?"),
            "asked": asked,
            "media": self.media,
        }
        if asked:
            try:
                found = why(asked)
            except (ValueError, IPManagerError) as error:
                context["error"] = str(error)
            else:
                context["explanation"] = found
                context["mark"] = KIND_COLOURS.get(found.kind, "unknown")
        return TemplateResponse(request, "admin/dhcp/why.html", context)

    @admin.display(description=_("machine"), ordering="mac_address")
    def machine(self, lease: Lease) -> SafeString | str:
        if not lease.mac_address:
            return lease.duid or marks.NOTHING
        return format_html(
            '<a class="ipm-link" href="{}">{}</a>', why_url(lease.mac_address), lease.mac_address
        )

    @admin.display(description=_("verdict"))
    def verdict_badge(self, lease: Lease) -> SafeString:
        verdict = Lease.Verdict(lease.verdict)  # type: ignore[attr-defined]
        badge = marks.badge(_COLOURS[verdict], verdict.label)
        if verdict != Lease.Verdict.CONFLICT:
            return badge
        return format_html("{} {}", badge, end_link(lease.pk))

    @admin.display(description=_("leased until"), ordering="leased_until")
    def until(self, lease: Lease) -> Any:
        if lease.leased_until == FOREVER:
            return _("without end")
        return lease.leased_until


def may_evict(request: HttpRequest) -> bool:
    return is_possible() and request.user.has_perm("dhcp.change_lease")


def evict_url(*ids: Any) -> str:
    return f"{reverse('admin:dhcp_evict')}?{urlencode({'id': ids}, doseq=True)}"


def end_link(lease_id: int) -> SafeString | str:
    """A link to the page that ends the lease; empty where that is not possible."""
    if not is_possible():
        return ""
    return format_html(
        '<a class="ipm-link dhcp-act" href="{}">{}</a>', evict_url(lease_id), _("End its lease")
    )


def owner_of_address(lease: Lease) -> str:
    """The machine to which the ledger gives the address."""
    servers = Server.objects.filter(vrf=None, ip_address=lease.ip_address)
    nics = Interface.objects.filter(server__vrf=None, ip_address=lease.ip_address).select_related(
        "server"
    )
    return ", ".join(map(str, [*servers, *nics]))


def why_url(asked: object) -> str:
    """The page that explains an address, a MAC address or a host name."""
    return f"{reverse('admin:dhcp_why')}?{urlencode({'q': str(asked)})}"
