"""What dnsmasq has been told, what it has not yet heard, and a way to tell it now. Nothing here can
be edited."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action

from dhcp import servers
from dhcp.files import installed
from dhcp.files.sync import preview, sync
from dhcp.files.targets import DEFAULT, Target
from dhcp.generations.explain import told
from dhcp.generations.outcome import Outcome, change_json, problem_json
from dhcp.models import DhcpChange, DhcpServer, Generation
from dhcp.state.probe import sentence as sentence_of
from ipam.admin import marks
from ipam.admin.base import ListAdmin

MAY_SYNC = "dhcp.change_generation"
_COLOURS = {
    "applied": "yes",
    "unchanged": "unknown",
    "failed": "no",
    "add": "yes",
    "change": "reserved",
    "delete": "no",
}


class ReadOnlyAdmin(ListAdmin):
    """Written by the scribe, read by people."""

    actions_list = ("sync_now",)

    class Media:
        css = {"all": ["dhcp/admin.css"]}

    @admin.display(description=_("DHCP server"), ordering="server")
    def server_or_default(self, row: Any) -> str:
        return row.server.name if row.server else gettext("default")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    @action(
        description=_("Compare and sync"), url_path="sync-now", icon="sync", permissions=["view"]
    )
    def sync_now(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:dhcp_sync"))


class ServerFilter(DropdownFilter):
    """Offered where there are several DHCP servers."""

    title = _("DHCP server")
    parameter_name = "dhcp_server"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        names = list(DhcpServer.objects.values_list("name", "name"))
        return [(DEFAULT, _("the default one")), *names] if names else []

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        if not self.value():
            return queryset
        return (
            queryset.filter(server=None)
            if self.value() == DEFAULT
            else queryset.filter(server__name=self.value())
        )


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    icon = "history"
    list_select_related = ("server",)
    list_display = (
        "number",
        "server_or_default",
        "result_badge",
        "hosts",
        "problem_count",
        "created_at",
        "duration",
        "attempts",
        "reason",
    )
    list_filter = (("result", ChoicesDropdownFilter), ServerFilter)
    list_filter_submit = True
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "number",
                    "server_or_default",
                    "result_badge",
                    "reason",
                    "attempts",
                    "created_at",
                    "updated_at",
                )
            },
        ),
        (
            _("What dnsmasq was told"),
            {"fields": ("hosts", "confirmed", "duration", "digest", "probe_list", "coloured_diff")},
        ),
        (_("Why"), {"fields": ("change_list",)}),
        (_("What it was not told"), {"fields": ("problem_list",)}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Generation]:
        """Lists without the long texts: a difference may be 100 kB."""
        rows = super().get_queryset(request)
        return (
            rows
            if request.resolver_match and "object_id" in request.resolver_match.kwargs
            else rows.defer("diff", "changes")
        )

    def get_urls(self) -> list[URLPattern]:
        own = path("sync/", self.admin_site.admin_view(self.sync_view), name="dhcp_sync")
        return [own, *super().get_urls()]

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        """Show what a sync would change; do it when asked to."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        target = _asked(request)
        if _is_elsewhere(target):
            text = gettext("dnsmasq's files are on another machine; there: manage.py sync_dnsmasq")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:dhcp_generation_changelist"))
        if request.method == "POST":
            return self._sync(request, target, force="force" in request.POST)
        outcome, conf = preview(target), installed.look(target)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Compare and sync"),
            "opts": self.opts,
            "media": self.media,
            "outcome": outcome,
            "diff": explained(outcome.diff, list(map(change_json, outcome.changes))),
            "conf": conf,
            "conf_diff": coloured(conf.diff),
            "problems": problem_table(list(map(problem_json, outcome.problems))),
            "newest": Generation.objects.newest(target.server_id),
            "server": target.name if target.server_id else "",
            "others": _others(target),
            "too_many": servers.size_warning(outcome.hosts),
            "may_sync": request.user.has_perm(MAY_SYNC),
        }
        return TemplateResponse(request, "admin/dhcp/sync.html", context)

    def _sync(self, request: HttpRequest, target: Target, force: bool) -> HttpResponse:
        if not request.user.has_perm(MAY_SYNC):
            raise PermissionDenied
        level, text = sentence(sync(target, force=force))
        self.message_user(request, text, level)
        return HttpResponseRedirect(sync_url(target))

    @admin.display(description=_("number"), ordering="pk")
    def number(self, generation: Generation) -> int:
        return generation.pk

    @admin.display(description=_("result"), ordering="result")
    def result_badge(self, generation: Generation) -> SafeString:
        return marks.badge(_COLOURS[generation.result], generation.get_result_display())

    @admin.display(description=_("left out or without a name"))
    def problem_count(self, generation: Generation) -> str:
        return marks.count(len(generation.problems)) if generation.problems else marks.NOTHING

    @admin.display(description=_("duration"), ordering="duration_ms")
    def duration(self, generation: Generation) -> str:
        return f"{generation.duration_ms} ms"

    @admin.display(description=_("difference"))
    def coloured_diff(self, generation: Generation) -> SafeString | str:
        return explained(generation.diff, generation.changes)

    @admin.display(description=_("proof of service"))
    def probe_list(self, generation: Generation) -> SafeString | str:
        lines = ((probe_badge(result), sentence_of(result)) for result in generation.probes or ())
        return format_html_join("", "<div>{} {}</div>", lines) or marks.NOTHING

    @admin.display(description=_("changes"))
    def change_list(self, generation: Generation) -> SafeString | str:
        return change_table(generation.changes)

    @admin.display(description=_("records"))
    def problem_list(self, generation: Generation) -> SafeString | str:
        return problem_table(generation.problems)


@admin.register(DhcpChange)
class DhcpChangeAdmin(ReadOnlyAdmin):
    icon = "pending_actions"
    list_select_related = ("server",)
    list_display = (
        "at",
        "server_or_default",
        "who_or_nobody",
        "kind",
        "label",
        "action_badge",
        "detail",
    )
    list_display_links = None
    list_filter = (("kind", ChoicesDropdownFilter), ("action", ChoicesDropdownFilter), ServerFilter)
    list_filter_submit = True
    search_fields = ("label", "who")

    @admin.display(description=_("who"), ordering="who")
    def who_or_nobody(self, change: DhcpChange) -> str:
        return change.who or marks.NOTHING

    @admin.display(description=_("action"), ordering="action")
    def action_badge(self, change: DhcpChange) -> SafeString:
        return marks.badge(_COLOURS[change.action], change.get_action_display())


def sync_url(target: Target) -> str:
    query = f"?{urlencode({'server': target.name})}" if target.server_id else ""
    return reverse("admin:dhcp_sync") + query


def _asked(request: HttpRequest) -> Target:
    """Whose files the page is about: only those of this installation are here to be compared."""
    name = request.GET.get("server", DEFAULT)
    for target in servers.local_targets():
        if target.name == name:
            return target
    raise Http404


def _is_elsewhere(target: Target) -> bool:
    """Whether this is one of several web nodes, and the worker's machine another one: there is
    nothing to compare."""
    if settings.DHCP_SYNC != "worker" or target.hosts.exists():
        return False
    newest = Generation.objects.newest_summary(target.server_id)
    return newest is not None and newest.result != Generation.Result.FAILED


def _others(target: Target) -> list[tuple[str, str]]:
    """The other servers of this installation, with their pages."""
    return [
        (other.name, sync_url(other))
        for other in servers.local_targets()
        if other.server_id != target.server_id
    ]


def sentence(outcome: Outcome) -> tuple[int, str]:
    """What became of a sync, as a message with its level."""
    if outcome.result == "left":
        return messages.WARNING, gettext(
            "Somebody else is at it, or dnsmasq is slow; the worker goes on: %s"
        ) % outcome.reason
    if not outcome.good:
        return messages.ERROR, gettext("dnsmasq is not in step: %s") % outcome.reason
    if outcome.result == Generation.Result.UNCHANGED:
        return messages.SUCCESS, gettext("dnsmasq was in step already.")
    return messages.SUCCESS, gettext("dnsmasq has been told: %d reservations.") % outcome.hosts


def coloured(diff: str) -> SafeString | str:
    """The difference line by line; what came is green, what went is red."""
    kinds = {"+": "dhcp-came", "-": "dhcp-went"}
    lines = ((kinds.get(line[:1], "dhcp-head"), line) for line in diff.splitlines())
    body = format_html_join("", '<span class="{}">{}</span>', lines)
    return format_html('<pre class="dhcp-diff">{}</pre>', body) if body else marks.NOTHING


def explained(diff: str, changes: list[dict[str, Any]]) -> SafeString | str:
    """The difference, each line with the change behind it."""
    kinds = {"+": "dhcp-came", "-": "dhcp-went"}
    lines = (
        (kinds.get(text[:1], "dhcp-head"), text, _behind(why)) for text, why in told(diff, changes)
    )
    body = format_html_join("", '<span class="{}">{}{}</span>', lines)
    return format_html('<pre class="dhcp-diff">{}</pre>', body) if body else marks.NOTHING


def _behind(why: str) -> SafeString | str:
    return format_html('<em class="dhcp-cause">{}</em>', why) if why else ""


def change_table(changes: list[dict[str, Any]]) -> SafeString | str:
    kinds, actions = dict(DhcpChange.Kind.choices), dict(DhcpChange.Action.choices)
    return _table(
        (_("when"), _("who"), _("kind"), _("name"), _("action"), _("what")),
        [
            (
                _moment(change["at"]),
                change["who"] or marks.NOTHING,
                kinds.get(change["kind"], change["kind"]),
                change["name"],
                actions.get(change["action"], change["action"]),
                change["detail"],
            )
            for change in changes
        ],
    )


def probe_badge(result: dict[str, Any]) -> SafeString:
    return (
        marks.badge("no", gettext("not offered"))
        if result["reason"]
        else marks.badge("yes", gettext("live"))
    )


def _moment(text: str) -> str:
    at = parse_datetime(text)
    return localize(localtime(at)) if at else text


def problem_table(problems: list[dict[str, Any]]) -> SafeString | str:
    return _table(
        (_("name"), _("IP address"), _("consequence"), _("reason")),
        [
            (p["name"], p["ip"], _("left out") if p["left_out"] else _("no name"), p["reason"])
            for p in problems
        ],
    )


def _table(titles: tuple[Any, ...], rows: list[tuple[Any, ...]]) -> SafeString | str:
    if not rows:
        return marks.NOTHING
    head = format_html_join("", "<th>{}</th>", ((title,) for title in titles))
    lines = ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    body = format_html_join("", "<tr>{}</tr>", lines)
    return format_html(
        '<table class="dhcp-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )
