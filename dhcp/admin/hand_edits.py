"""What somebody changed in dnsmasq's files by hand, and the two ways to decide about it."""

from __future__ import annotations

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
_STATES = {"open": "reserved", "adopted": "yes", "discarded": "unknown"}
_SHOWN = 300  # characters of a line that nobody could read


class StateFilter(DropdownFilter):
    """Those that wait for a decision, unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        return [*HandEdit.State.choices[1:], ("all", _("all"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        return (
            queryset
            if self.value() == "all"
            else queryset.filter(state=self.value() or HandEdit.State.OPEN)
        )


@admin.register(HandEdit)
class HandEditAdmin(ReadOnlyAdmin):
    icon = "edit_note"
    list_display = ("action_badge", "what", "fate", "found_at", "decision")
    list_filter = (StateFilter, ("action", ChoicesDropdownFilter), ("file", ChoicesDropdownFilter))
    list_filter_submit = True
    list_select_related = ("server",)
    list_before_template = "admin/dhcp/hand_edits_intro.html"
    search_fields = ("was", "line", "raw")
    search_help_text = _("Part of a line")
    nothing_yet = _("Nobody has edited dnsmasq's files by hand, or everything has been decided.")
    actions = ("adopt_chosen", "discard_chosen")
    actions_row = ("adopt_row", "discard_row")
    actions_detail = ("adopt_row", "discard_row")
    fieldsets = (
        (None, {"fields": ("action_badge", "file", "server", "what", "typed")}),
        (_("What became of it"), {"fields": ("fate", "found_at", "decision")}),
    )

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Whose file it is, where there is more than one server."""
        shown = tuple(super().get_list_display(request))
        return (*shown[:1], "server", *shown[1:]) if DhcpServer.objects.exists() else shown

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
        """Say what would happen; do it when that is confirmed."""
        verb = request.GET.get("verb", "")
        chosen = [
            int(text) for text in request.GET.getlist("id") if text.isascii() and text.isdigit()
        ]
        edits = list(
            HandEdit.objects.undecided().filter(pk__in=[pk for pk in chosen if pk < 2**63])
        )
        if not self.has_decide_permission(request):
            raise PermissionDenied
        if verb not in VERBS or not edits:
            self.message_user(request, gettext("All of this is decided already."), messages.WARNING)
            return HttpResponseRedirect(reverse("admin:dhcp_handedit_changelist"))
        if request.method == "POST":
            self._tell(request, verb, VERBS[verb](edits, request.user.get_username()))
            return HttpResponseRedirect(reverse("admin:dhcp_handedit_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Adopt hand edits")
            if verb == ADOPT
            else gettext("Discard hand edits"),
            "opts": self.opts,
            "media": self.media,
            "adopting": verb == ADOPT,
            "edits": [
                {"edit": edit, "what": described(edit), "then": consequence(edit, verb)}
                for edit in edits
            ],
            "possible": verb == DISCARD
            or any(edit.file == HOSTS and edit.action != KEPT for edit in edits),
        }
        return TemplateResponse(request, "admin/dhcp/decide.html", context)

    def _tell(self, request: HttpRequest, verb: str, decisions: list[Decision]) -> None:
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
        return (
            format_html('<pre class="dhcp-diff">{}</pre>', edit.raw) if edit.raw else marks.NOTHING
        )

    @admin.display(description=_("served"))
    def fate(self, edit: HandEdit) -> SafeString | str:
        if not edit.is_open:
            return edit.reason or marks.NOTHING
        if edit.served:
            text = gettext("gone for now") if edit.action == REMOVE else gettext("for now")
            return _with_reason(marks.badge("yes", text), edit)
        return _with_reason(marks.badge("no", gettext("not served")), edit)

    @admin.display(description=_("decision"), ordering="state")
    def decision(self, edit: HandEdit) -> SafeString:
        badge = marks.badge(_STATES[edit.state], edit.get_state_display())
        if edit.is_open:
            return badge
        who = edit.decided_by or gettext("by itself: the file or the ledger came to say the same")
        return format_html("{} {}", badge, who)


def _with_reason(badge: SafeString, edit: HandEdit) -> SafeString:
    return (
        format_html('{} <span class="dhcp-reason">{}</span>', badge, edit.reason)
        if edit.reason
        else badge
    )


def _ask(verb: str, ids: Any) -> HttpResponse:
    query = urlencode([("verb", verb), *(("id", pk) for pk in ids)])
    return HttpResponseRedirect(f"{reverse('admin:dhcp_decide')}?{query}")


def described(edit: HandEdit) -> SafeString:
    """The line before and after, as in a difference."""
    lines = [("dhcp-went", "-", edit.was), ("dhcp-came", "+", edit.line)]
    if edit.action == KEPT:
        short = edit.raw if len(edit.raw) <= _SHOWN else f"{edit.raw[:_SHOWN]} …"
        lines = [("dhcp-head", "", short)]
    body = format_html_join("", '<span class="{}">{}{}</span>', (line for line in lines if line[2]))
    return format_html('<span class="dhcp-line">{}</span>', body)


def consequence(edit: HandEdit, verb: str) -> str:
    """What follows from a decision, in a sentence."""
    if verb == DISCARD:
        if edit.action == ADD:
            return (
                gettext("dnsmasq forgets this line at once.")
                if edit.served
                else gettext("It is forgotten.")
            )
        if edit.action == KEPT:
            return gettext("It is not served now; it stays readable here among the discarded ones.")
        return gettext("The ledger's line is served again at once.")
    if edit.file != HOSTS or edit.action == KEPT:
        return gettext(
            "This cannot be taken into the ledger by itself: change the ledger as you mean it, then discard."
        )
    return {
        ADD: gettext(
            "A server with this address and MAC is made, or a known one gets the address."
        ),
        CHANGE: gettext("The server or interface of this line gets the new address, MAC or name."),
        REMOVE: gettext(
            "The server of this line is disabled; an interface gives back its address."
        ),
    }[edit.action]
