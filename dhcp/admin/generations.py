"""Generations and pending changes, read-only, and the page that compares and syncs."""

from __future__ import annotations

from collections.abc import Sequence
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

from core.commands import manage_command
from dhcp import servers
from dhcp.admin.dhcp_servers import heartbeat_line
from dhcp.daemon import heartbeat, installed
from dhcp.daemon.heartbeat import HeartbeatState
from dhcp.files.sync import preview, sync
from dhcp.files.targets import DEFAULT, Target
from dhcp.generations.explain import explain
from dhcp.generations.outcome import Outcome, change_json, problem_json
from dhcp.models import DhcpChange, DhcpServer, Generation
from dhcp.nodes import state as nodes
from dhcp.nodes.state import NodeState
from dhcp.querysets import LONG_TEXTS
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
    """Rows that IPManager writes and nobody edits."""

    actions_list = ("sync_now",)

    class Media:
        css = {"all": ["dhcp/admin.css"]}

    @admin.display(description=_("DHCP server"), ordering="server")
    def server_or_default(self, row: Any) -> str:
        if row.server is None:
            return gettext("default")
        return row.server.name

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
    """Shown where there are several DHCP servers."""

    title = _("DHCP server")
    parameter_name = "dhcp_server"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[Any, Any]]:
        names = list(DhcpServer.objects.values_list("name", "name"))
        if not names:
            return []
        return [(DEFAULT, _("the default one")), *names]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        name = self.value()
        if not name:
            return queryset
        if name == DEFAULT:
            return queryset.filter(server=None)
        return queryset.filter(server__name=name)


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
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
            _("What dnsmasq has"),
            {
                "fields": (
                    "hosts",
                    "confirmed",
                    "duration",
                    "digest",
                    "probe_list",
                    "names_list",
                    "coloured_diff",
                )
            },
        ),
        (_("Why"), {"fields": ("change_list",)}),
        (_("What was left out"), {"fields": ("problem_list",)}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Generation]:
        """Lists without the long texts: a difference may be 100 kB."""
        rows = super().get_queryset(request)
        if request.resolver_match and "object_id" in request.resolver_match.kwargs:
            return rows
        return rows.defer(*LONG_TEXTS)

    def get_urls(self) -> list[URLPattern]:
        own = path("sync/", self.admin_site.admin_view(self.sync_view), name="dhcp_sync")
        return [own, *super().get_urls()]

    def sync_view(self, request: HttpRequest) -> HttpResponse:
        """GET shows what a sync would change, POST syncs."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        target = _requested_target(request)
        if _is_elsewhere(target):
            text = gettext("dnsmasq's files are on another host. Run there: %s")
            text %= manage_command("sync_dnsmasq")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:dhcp_generation_changelist"))
        if request.method == "POST":
            return self._sync(request, target, force="force" in request.POST)
        outcome, conf = preview(target), installed.compare(target)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Compare and sync"),
            "opts": self.opts,
            "media": self.media,
            "outcome": outcome,
            "diff": explained(
                outcome.diff, outcome.sources, list(map(change_json, outcome.changes))
            ),
            "conf": conf,
            "conf_diff": coloured(conf.diff),
            "problems": problem_table(list(map(problem_json, outcome.problems))),
            "newest": Generation.objects.newest(target.server_id),
            "server": target.server_id and target.name,
            "others": _other_servers(target),
            "too_many": servers.size_warning(outcome.hosts),
            "nodes": _nodes_of(target),
            "dnsmasq": heartbeat_line(heartbeat.states().get(target.server_id, HeartbeatState())),
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
        if not generation.problems:
            return marks.NOTHING
        return marks.count(len(generation.problems))

    @admin.display(description=_("duration"), ordering="duration_ms")
    def duration(self, generation: Generation) -> str:
        return f"{generation.duration_ms} ms"

    @admin.display(description=_("difference"))
    def coloured_diff(self, generation: Generation) -> SafeString | str:
        return explained(generation.diff, generation.sources, generation.changes)

    @admin.display(description=_("probes"))
    def probe_list(self, generation: Generation) -> SafeString | str:
        lines = [(probe_badge(probe), sentence_of(probe)) for probe in generation.probes or ()]
        return format_html_join("", "<div>{} {}</div>", lines) or marks.NOTHING

    @admin.display(description=_("names"))
    def names_list(self, generation: Generation) -> SafeString | str:
        return names_text(generation.names)

    @admin.display(description=_("changes"))
    def change_list(self, generation: Generation) -> SafeString | str:
        return change_table(generation.changes)

    @admin.display(description=_("records"))
    def problem_list(self, generation: Generation) -> SafeString | str:
        return problem_table(generation.problems)


def names_text(proof: dict[str, Any] | None) -> SafeString | str:
    """What dnsmasq answered for changed names."""
    if proof is None:
        return marks.NOTHING
    if not proof["wrong"]:
        text = gettext("%(asked)d answers as the ledger says, %(ms)d ms after the reload.")
        return text % proof
    text = gettext("%(asked)s is answered with %(answer)s, not %(expected)s.")
    lines = [(text % one,) for one in proof["wrong"]]
    return format_html_join("", "<div>{}</div>", lines)


@admin.register(DhcpChange)
class DhcpChangeAdmin(ReadOnlyAdmin):
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
    url = reverse("admin:dhcp_sync")
    if target.server_id is None:
        return url
    return f"{url}?{urlencode({'server': target.name})}"


def _requested_target(request: HttpRequest) -> Target:
    """The server that the page is about. The files of agents are not here to be compared."""
    name = request.GET.get("server", DEFAULT)
    for target in servers.local_targets():
        if target.name == name:
            return target
    raise Http404


def _is_elsewhere(target: Target) -> bool:
    """Whether the worker's host, and not this one, has dnsmasq's files: then there is nothing to
    compare."""
    if settings.DHCP_SYNC != "worker" or target.hosts.exists():
        return False
    newest = Generation.objects.newest_summary(target.server_id)
    return newest is not None and newest.result != Generation.Result.FAILED


def _nodes_of(target: Target) -> list[NodeState]:
    """The nodes that write this server's files, where the database can have several."""
    states = nodes.all_nodes(nodes.all_leases())
    return [state for state in states if state.node.server_id == target.server_id]


def _other_servers(target: Target) -> list[tuple[str, str]]:
    """The names of the other servers of this installation, with their pages."""
    urls = {other.name: sync_url(other) for other in servers.local_targets()}
    del urls[target.name]
    return list(urls.items())


def sentence(outcome: Outcome) -> tuple[int, str]:
    """The result of a sync as a message with its level."""
    if outcome.result == "held":
        text = gettext("The rollback is not released, so the changes wait: %s")
        return messages.WARNING, text % outcome.reason
    if outcome.result == "left":
        text = gettext("Another sync is running, or dnsmasq is slow. The worker continues: %s")
        return messages.WARNING, text % outcome.reason
    if not outcome.good:
        return messages.ERROR, gettext("dnsmasq is not in step: %s") % outcome.reason
    if not _is_connected(outcome):
        text = gettext("%d reservations are written. No dnsmasq is connected.")
        return messages.WARNING, text % outcome.hosts
    if outcome.result == Generation.Result.UNCHANGED:
        return messages.SUCCESS, gettext("dnsmasq was already in step.")
    if not outcome.confirmed:
        text = gettext("%d reservations are written, and dnsmasq was reloaded.")
        return messages.SUCCESS, text % outcome.hosts
    return messages.SUCCESS, gettext("dnsmasq has %d reservations now.") % outcome.hosts


def _is_connected(outcome: Outcome) -> bool:
    for target in servers.local_targets():
        if target.server_id == outcome.server_id:
            return target.is_connected
    return True


_DIFF_CLASSES = {"+": "dhcp-came", "-": "dhcp-went"}


def _diff_class(line: str) -> str:
    """Added lines are green, removed ones red."""
    return _DIFF_CLASSES.get(line[:1], "dhcp-head")


def coloured(diff: str) -> SafeString | str:
    """The difference line by line."""
    return _diff_block([(line, "") for line in diff.splitlines()])


def explained(
    diff: str, sources: Sequence[str] | None, changes: list[dict[str, Any]]
) -> SafeString | str:
    """The difference line by line, each with the change that caused it."""
    return _diff_block(explain(diff, sources, changes))


def _diff_block(lines: Sequence[tuple[str, str]]) -> SafeString | str:
    if not lines:
        return marks.NOTHING
    parts = [(_diff_class(line), line, _cause(why)) for line, why in lines]
    body = format_html_join("", '<span class="{}">{}{}</span>', parts)
    return format_html('<pre class="dhcp-diff">{}</pre>', body)


def _cause(why: str) -> SafeString | str:
    if not why:
        return ""
    return format_html('<em class="dhcp-cause">{}</em>', why)


def change_table(changes: list[dict[str, Any]]) -> SafeString | str:
    titles = (_("when"), _("who"), _("kind"), _("name"), _("action"), _("what"))
    return _table(titles, list(map(_change_cells, changes)))


def _change_cells(change: dict[str, Any]) -> tuple[Any, ...]:
    kinds, actions = dict(DhcpChange.Kind.choices), dict(DhcpChange.Action.choices)
    return (
        _local_time(change["at"]),
        change["who"] or marks.NOTHING,
        kinds.get(change["kind"], change["kind"]),
        change["name"],
        actions.get(change["action"], change["action"]),
        change["detail"],
    )


def _local_time(text: str) -> str:
    at = parse_datetime(text)
    if at is None:
        return text
    return localize(localtime(at))


def probe_badge(probe: dict[str, Any]) -> SafeString:
    if probe["reason"]:
        return marks.badge("no", gettext("not offered"))
    return marks.badge("yes", gettext("live"))


def problem_table(problems: list[dict[str, Any]]) -> SafeString | str:
    titles = (_("name"), _("IP address"), _("consequence"), _("reason"))
    return _table(titles, list(map(_problem_cells, problems)))


def _problem_cells(problem: dict[str, Any]) -> tuple[Any, ...]:
    consequence = _("left out") if problem["left_out"] else _("no name")
    return problem["name"], problem["ip"], consequence, problem["reason"]


def _table(titles: Sequence[Any], rows: Sequence[Sequence[Any]]) -> SafeString | str:
    if not rows:
        return marks.NOTHING
    head = _cells("<th>{}</th>", titles)
    lines = [[_cells("<td>{}</td>", row)] for row in rows]
    body = format_html_join("", "<tr>{}</tr>", lines)
    return format_html(
        '<table class="dhcp-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, body
    )


def _cells(form: str, values: Sequence[Any]) -> SafeString:
    return format_html_join("", form, zip(values, strict=True))
