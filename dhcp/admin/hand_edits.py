"""Changes that were made in dnsmasq's files by hand; adopt or discard them."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action

from dhcp.admin.generations import ReadOnlyAdmin
from dhcp.edits.decide import Decision, adopt_all, discard_all
from dhcp.edits.differences import ADD, CHANGE, HOSTS, KEPT, REMOVE
from dhcp.models import DhcpServer, HandEdit
from ipam.admin import marks

ADOPT, DISCARD = "adopt", "discard"
VERBS = {ADOPT: adopt_all, DISCARD: discard_all}
_COLOURS = {ADD: "yes", CHANGE: "reserved", REMOVE: "no", KEPT: "unknown"}
_TITLES = {ADOPT: _("Adopt hand edits"), DISCARD: _("Discard hand edits")}
_DIGITS = re.compile(r"[0-9]{1,18}")
_STATES = {"open": "reserved", "adopted": "yes", "discarded": "unknown"}
_SHOWN = 300  # characters of a line that is not readable


class StateFilter(DropdownFilter):
    """The open ones, unless another state is chosen."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        return [*HandEdit.State.choices[1:], ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value() or HandEdit.State.OPEN)


@admin.register(HandEdit)
class HandEditAdmin(ReadOnlyAdmin):
    list_display = ("action_badge", "what", "service", "found_at", "decision")
    list_filter = (StateFilter, ("action", ChoicesDropdownFilter), ("file", ChoicesDropdownFilter))
    list_filter_submit = True
    list_select_related = ("server",)
    list_before_template = "admin/dhcp/hand_edits_intro.html"
    search_fields = ("was", "line", "raw")
    search_help_text = _("Part of a line")
    nothing_yet = _("No hand edit of dnsmasq's files is open.")
    actions = ("adopt_chosen", "discard_chosen")
    actions_row = ("adopt_row", "discard_row")
    actions_detail = ("adopt_row", "discard_row")
    fieldsets = (
        (None, {"fields": ("action_badge", "file", "server", "what", "typed")}),
        (_("State"), {"fields": ("service", "found_at", "decision")}),
    )

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Whose file it is, where there is more than one server."""
        first, *others = super().get_list_display(request)
        if not DhcpServer.objects.exists():
            return (first, *others)
        return (first, "server", *others)

    def get_urls(self) -> list[URLPattern]:
        own = path("decide/", self.admin_site.admin_view(self.decide_view), name="dhcp_decide")
        return [own, *super().get_urls()]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perms(
            ["dhcp.change_handedit", "ipam.add_server", "ipam.change_server"]
        )

    # --- deciding ---------------------------------------------------------------------------------

    @admin.action(description=_("Adopt into the ledger"), permissions=["decide"])
    def adopt_chosen(
        self, request: HttpRequest, queryset: models.QuerySet[HandEdit]
    ) -> HttpResponse:
        return _ask(ADOPT, queryset.values_list("pk", flat=True))

    @admin.action(description=_("Discard: the ledger's lines return"), permissions=["decide"])
    def discard_chosen(
        self, request: HttpRequest, queryset: models.QuerySet[HandEdit]
    ) -> HttpResponse:
        return _ask(DISCARD, queryset.values_list("pk", flat=True))

    @action(description=_("Adopt"), url_path="adopt", icon="task_alt", permissions=["decide"])
    def adopt_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _ask(ADOPT, [object_id])

    @action(description=_("Discard"), url_path="discard", icon="undo", permissions=["decide"])
    def discard_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return _ask(DISCARD, [object_id])

    def decide_view(self, request: HttpRequest) -> HttpResponse:
        """GET says what a decision does, POST decides."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        back = HttpResponseRedirect(reverse("admin:dhcp_handedit_changelist"))
        verb = request.GET.get("verb", "")
        edits = list(HandEdit.objects.undecided().filter(pk__in=chosen_ids(request)))
        if verb not in VERBS or not edits:
            text = gettext("These hand edits are already decided.")
            self.message_user(request, text, messages.WARNING)
            return back
        if request.method == "POST":
            self._report(request, verb, VERBS[verb](edits, request.user.get_username()))
            return back
        context = {
            **self.admin_site.each_context(request),
            "title": _TITLES[verb],
            "opts": self.opts,
            "media": self.media,
            "adopting": verb == ADOPT,
            "edits": [_preview(edit, verb) for edit in edits],
            "possible": verb == DISCARD or any(map(_is_adoptable, edits)),
        }
        return TemplateResponse(request, "admin/dhcp/decide.html", context)

    def _report(self, request: HttpRequest, verb: str, decisions: list[Decision]) -> None:
        done = sum(decision.error is None for decision in decisions)
        if done and verb == ADOPT:
            text = ngettext(
                "%d hand edit is in the ledger now.", "%d hand edits are in the ledger now.", done
            )
            self.message_user(request, text % done, messages.SUCCESS)
        elif done:
            text = ngettext("%d hand edit is discarded.", "%d hand edits are discarded.", done)
            self.message_user(request, text % done, messages.SUCCESS)
        for decision in decisions:
            if decision.error:
                self.message_user(request, f"{decision.edit}: {decision.error}", messages.ERROR)

    # --- columns ----------------------------------------------------------------------------------

    @admin.display(description=_("by hand"), ordering="action")
    def action_badge(self, edit: HandEdit) -> SafeString:
        return marks.badge(_COLOURS[edit.action], edit.get_action_display())

    @admin.display(description=_("line"))
    def what(self, edit: HandEdit) -> SafeString:
        return described(edit)

    @admin.display(description=_("as typed"))
    def typed(self, edit: HandEdit) -> SafeString | str:
        if not edit.raw:
            return marks.NOTHING
        return format_html('<pre class="dhcp-diff">{}</pre>', edit.raw)

    @admin.display(description=_("served"))
    def service(self, edit: HandEdit) -> SafeString | str:
        if not edit.is_open:
            return edit.reason or marks.NOTHING
        if not edit.served:
            badge = marks.badge("no", gettext("not served"))
        elif edit.action == REMOVE:
            badge = marks.badge("yes", gettext("removed for now"))
        else:
            badge = marks.badge("yes", gettext("served for now"))
        if not edit.reason:
            return badge
        return format_html('{} <span class="dhcp-reason">{}</span>', badge, edit.reason)

    @admin.display(description=_("decision"), ordering="state")
    def decision(self, edit: HandEdit) -> SafeString:
        badge = marks.badge(_STATES[edit.state], edit.get_state_display())
        if edit.is_open:
            return badge
        who = edit.decided_by or gettext("automatically: the file and the ledger say the same")
        return format_html("{} {}", badge, who)


def _is_adoptable(edit: HandEdit) -> bool:
    return edit.file == HOSTS and edit.action != KEPT


def _preview(edit: HandEdit, verb: str) -> dict[str, Any]:
    return {"edit": edit, "what": described(edit), "then": consequence(edit, verb)}


def chosen_ids(request: HttpRequest) -> list[int]:
    """The primary keys of the query's `id` parameters; other text is ignored."""
    return list(map(int, filter(_DIGITS.fullmatch, request.GET.getlist("id"))))


def _ask(verb: str, ids: Any) -> HttpResponse:
    query = urlencode({"verb": verb, "id": list(ids)}, doseq=True)
    return HttpResponseRedirect(f"{reverse('admin:dhcp_decide')}?{query}")


def described(edit: HandEdit) -> SafeString:
    """The line before and after, as in a difference."""
    lines = []
    if edit.action == KEPT:
        lines.append(("dhcp-head", "", Truncator(edit.raw).chars(_SHOWN, " …")))
    else:
        if edit.was:
            lines.append(("dhcp-went", "-", edit.was))
        if edit.line:
            lines.append(("dhcp-came", "+", edit.line))
    body = format_html_join("", '<span class="{}">{}{}</span>', lines)
    return format_html('<span class="dhcp-line">{}</span>', body)


def consequence(edit: HandEdit, verb: str) -> str:
    """What a decision does, in a sentence."""
    if verb == DISCARD:
        return _consequence_of_discarding(edit)
    if not _is_adoptable(edit):
        return gettext("This cannot be adopted. Change the ledger yourself, then discard it.")
    return str(_CONSEQUENCES_OF_ADOPTING[edit.action])


_CONSEQUENCES_OF_ADOPTING = {
    ADD: _("A server with this address and MAC is created, or a known one gets the address."),
    CHANGE: _("The server or interface of this line gets the new address, MAC or name."),
    REMOVE: _("The server of this line is disabled; an interface loses its address."),
}


def _consequence_of_discarding(edit: HandEdit) -> str:
    if edit.action == KEPT:
        return gettext("It is not served now; it stays readable among the discarded hand edits.")
    if edit.action != ADD:
        return gettext("The ledger's line is served again at once.")
    if edit.served:
        return gettext("The line is removed from dnsmasq's file at once.")
    return gettext("The line is not served now, and never will be.")
