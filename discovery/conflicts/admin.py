"""The list of conflicts, and the page of one: both sides, and what can be done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from core.errors import IPManagerError
from core.local_time import when
from discovery.conflicts import remedies
from discovery.conflicts.models import Conflict
from discovery.conflicts.remedies import Remedy
from discovery.manufacturer import manufacturer
from discovery.pages import SOURCES, ReadOnlyAdmin, cell, mac_line
from ipam.admin import marks
from ipam.admin.pickers import is_key

_COLOURS = {"open": "no", "muted": "unknown", "ended": "yes"}
_MOST_SEEN = 4  # pieces of evidence in a line of the list


class StateFilter(DropdownFilter):
    """The open ones, unless another state is chosen."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        return [("muted", _("Muted")), ("ended", _("Ended")), ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value() or Conflict.State.OPEN)


@admin.register(Conflict)
class ConflictAdmin(ReadOnlyAdmin):
    list_display = ("what", "ledger_side", "seen_side", "times", "buttons")
    list_display_links = None
    list_filter = (StateFilter, ("kind", ChoicesDropdownFilter))
    list_before_template = "admin/discovery/conflicts_intro.html"
    search_fields = ("ip_address",)
    search_help_text = _("IP address, network or MAC address")
    nothing_yet = _("Network and ledger agree, as far as the network is looked at.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return Conflict.objects.shown().select_related("vrf").order_by("-since", "-pk")

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:pk>/remedy/",
            self.admin_site.admin_view(self.remedy_view),
            name="discovery_conflict_remedy",
        )
        return [own, *super().get_urls()]

    # --- the list ---------------------------------------------------------------------------------

    @admin.display(description=_("conflict"), ordering="ip_address")
    def what(self, row: Conflict) -> SafeString:
        return cell(
            format_html(
                '<a class="ipm-link ipm-subject" href="{}">{}</a> {}<div>{}</div>',
                row.get_absolute_url(),
                row,
                state_badge(row),
                row.get_kind_display(),
            )
        )

    @admin.display(description=_("the ledger says"))
    def ledger_side(self, row: Conflict) -> SafeString:
        return cell(ledger_side(row))

    @admin.display(description=_("the network shows"))
    def seen_side(self, row: Conflict) -> SafeString:
        return cell(seen_side(row, _MOST_SEEN))

    @admin.display(description=_("since"), ordering="since")
    def times(self, row: Conflict) -> SafeString:
        last = gettext("last seen %s") % marks.ago(row.last_seen)
        if row.ended_at:
            last = gettext("ended %s") % marks.ago(row.ended_at)
        return cell(format_html('{}<div class="ipm-small">{}</div>', when(row.since), last))

    @admin.display(description=_("remedies"))
    def buttons(self, row: Conflict) -> SafeString:
        found = []
        for remedy in remedies.fitting(row)[:2]:
            found.append((row.get_absolute_url(), remedy.name, remedy.label))
        if not found:
            return marks.NOTHING
        return cell(
            format_html_join("", '<a class="ipm-button" href="{}#{}">{}</a> ', found), "ipm-actions"
        )

    # --- the page of one --------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self._row(object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{row}: {row.get_kind_display()}",
            "opts": self.opts,
            "media": self.media,
            "row": row,
            "badge": state_badge(row),
            "ledger": ledger_side(row),
            "seen": seen_side(row),
            "when": [(_("since"), when(row.since)), (_("last seen"), when(row.last_seen))],
            "remedies": self._allowed_remedies(request, row),
            "may_mute": request.user.has_perm(remedies.CHANGE),
            "links": links(row),
            "action_url": reverse("admin:discovery_conflict_remedy", args=[row.pk]),
        }
        return TemplateResponse(request, "admin/discovery/conflict.html", context)

    def _row(self, object_id: str) -> Conflict:
        row = None
        if is_key(object_id):
            row = Conflict.objects.shown().select_related("vrf").filter(pk=object_id).first()
        if row is None:
            raise Http404
        return row

    def _allowed_remedies(self, request: HttpRequest, row: Conflict) -> list[Remedy]:
        fit = remedies.fitting(row)
        return [remedy for remedy in fit if request.user.has_perms(remedy.permissions)]

    def remedy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST does a remedy, mutes or unmutes; then the page says what has become of it."""
        back = HttpResponseRedirect(reverse("admin:discovery_conflict_change", args=[pk]))
        if request.method != "POST":
            return back
        if not request.user.has_perm(remedies.CHANGE):
            raise PermissionDenied
        name, note = request.POST.get("remedy", ""), request.POST.get("note", "").strip()[:255]
        try:
            self._do(request, self._row(str(pk)), name, note)
        except IPManagerError as error:
            self.message_user(request, str(error), messages.ERROR)
        return back

    def _do(self, request: HttpRequest, row: Conflict, name: str, note: str) -> None:
        if name == "unmute":
            remedies.unmute(row.pk)
            self.message_user(request, gettext("It is shown again."), messages.SUCCESS)
        elif name == "mute" and note:
            remedies.mute(row.pk, note)
            self.message_user(request, gettext("It is muted."), messages.SUCCESS)
        elif name == "mute":
            self.message_user(request, gettext("Say why it is muted."), messages.ERROR)
        else:
            if not request.user.has_perms(remedies.find(row, name).permissions):
                raise PermissionDenied
            self._tell(request, remedies.resolve(row.pk, name, note))

    def _tell(self, request: HttpRequest, row: Conflict) -> None:
        if row.state == Conflict.State.ENDED:
            text = gettext("Done: network and ledger agree about %s.") % row
            self.message_user(request, text, messages.SUCCESS)
        else:
            text = gettext("Done. The conflict ends when the network shows it.")
            self.message_user(request, text, messages.INFO)


# --- the two sides --------------------------------------------------------------------------------


def state_badge(row: Conflict) -> SafeString:
    return marks.badge(_COLOURS[row.state], row.get_state_display())


def ledger_side(row: Conflict) -> SafeString:
    """Who has the address, or what it is."""
    side = row.ledger
    if row.kind == Conflict.Kind.ROGUE_DHCP:
        return format_html("<div>{}</div>", gettext("It is none of our DHCP servers."))
    if not side.get("kind"):
        pool = gettext("pool %s") % side["pool"] if side.get("pool") else ""
        return format_html(
            '<div>{}</div><div class="ipm-small">{}</div>', gettext("Given to nobody"), pool
        )
    lines = [format_html("<div>{}</div>", holder_link(side))]
    for mac in side.get("macs", ()):
        lines.append(format_html('<div class="ipm-mac">{}</div>', mac))
    if not side.get("macs"):
        text = gettext("no MAC address")
        lines.append(format_html('<div class="ipm-small">{}</div>', text))
    if side.get("ip"):
        lines.append(format_html('<div class="ipm-small">{}</div>', side["ip"]))
    return format_html_join("", "{}", ((line,) for line in lines))


def holder_link(side: dict[str, Any]) -> SafeString:
    """A link to the server or the address row."""
    url = reverse(f"admin:ipam_{side['kind']}_change", args=[side["id"]])
    return format_html('<a class="ipm-link" href="{}">{}</a>', url, side["name"])


def seen_side(row: Conflict, most: int = 100) -> SafeString:
    """The evidence: which machine, where, by which source, when."""
    lines = [_seen(row, one) for one in row.seen[:most]]
    if len(row.seen) > most:
        lines.append(format_html("<div>… {}</div>", len(row.seen) - most))
    return format_html_join("", "{}", ((line,) for line in lines))


def _seen(row: Conflict, one: dict[str, Any]) -> SafeString:
    if row.kind == Conflict.Kind.ROGUE_DHCP:
        return _seen_server(one)
    name = one["known"] or one["hostname"]
    own = marks.badge("yes", gettext("its own")) if one["own"] else ""
    at = ""
    if row.kind == Conflict.Kind.TWO_ADDRESSES:
        at = format_html("<strong>{}</strong> ", one["ip"])
    return format_html(
        '<div class="ipm-evidence">{}{} {} <div class="ipm-small">{}</div></div>',
        at,
        _machine(one, name),
        own,
        _source(one),
    )


def _machine(one: dict[str, Any], name: str) -> SafeString:
    if not one["mac"]:
        return format_html("<span>{}</span>", gettext("an unknown machine"))
    if one["known_kind"]:
        link = holder_link({"kind": one["known_kind"], "id": one["known_id"], "name": name})
        return format_html('<span class="ipm-mac">{}</span> {}', one["mac"], link)
    line = mac_line(one["mac"], manufacturer(one["mac"]))
    if not name:
        return line
    said = gettext("calls itself %s") % name
    return format_html('{} <span class="ipm-small">{}</span>', line, said)


def _source(one: dict[str, Any]) -> str:
    """`ARP, 3 minutes ago`."""
    source = SOURCES.get(one["source"], one["source"])
    if one["until"]:
        until = when(_time(one["until"]))
        return gettext("%(source)s until %(until)s") % {"source": source, "until": until}
    return gettext("%(source)s, %(ago)s") % {"source": source, "ago": marks.ago(_time(one["seen"]))}


def _seen_server(one: dict[str, Any]) -> SafeString:
    facts = [(gettext("at"), one["place"])]
    if one["mac"]:
        maker = manufacturer(one["mac"])
        facts.append((gettext("MAC"), f"{one['mac']} {maker}".strip()))
    if one["offered"]:
        facts.append((gettext("offers"), one["offered"]))
    if one["router"]:
        facts.append((gettext("gateway"), one["router"]))
    if one["client"]:
        facts.append((gettext("asked by"), one["client"]))
    lines = format_html_join("", "<div>{} <strong>{}</strong></div>", facts)
    return format_html('{}<div class="ipm-small">{}</div>', lines, _source(one))


def _time(text: str) -> datetime:
    found = parse_datetime(text)
    assert found is not None
    return found


def links(row: Conflict) -> list[tuple[str, Any]]:
    """Pages that say more: the address, why the machine gets its address, its leases."""
    found: list[tuple[str, Any]] = []
    if row.ip_address and row.kind != Conflict.Kind.ROGUE_DHCP:
        found.append((marks.address_list_url(q=str(row.ip_address)), _("The address")))
    for mac in row.macs[:2]:
        found.append((f"{reverse('admin:dhcp_why')}?mac={mac}", _("Why %s?") % mac))
    if row.kind == Conflict.Kind.LEASED:
        url = reverse("admin:dhcp_lease_changelist")
        found.append((f"{url}?q={row.ip_address}", _("The lease, and how to end it")))
    return found
