"""Add the DHCP state to the admin of servers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dhcp.admin.leases import KIND_COLOURS, end_link, why_url
from dhcp.admin.transactions import timeline_url
from dhcp.state import machines
from dhcp.state.machines import MachineState
from dhcp.state.network_cards import NetworkCard
from ipam.admin import marks
from ipam.admin.base import Facts, extend
from ipam.models import Server


class DHCPColumn:
    """A mixin for the servers' admin: a column of the list, and a line on each page."""

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        return (*super().get_list_display(request), "dhcp_state")  # type: ignore[misc]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list that reads the states of all its rows at once."""
        plain = super().get_changelist(request, **kwargs)  # type: ignore[misc]

        class WithStates(plain):  # type: ignore[valid-type, misc]
            def get_results(self, request: HttpRequest) -> None:
                super().get_results(request)
                states = machines.states_of_servers(self.result_list)
                for server in self.result_list:
                    server.machine_state = states[server.pk]

        return WithStates

    @admin.display(description=_("DHCP"))
    def dhcp_state(self, server: Any) -> SafeString:
        return badge(server.machine_state)

    def facts(self, obj: Server) -> Facts:
        lines = [_line(card, state) for card, state in machines.states_of_server(obj)]
        text = format_html_join("", "<div>{} {}: {} {} {} {}</div>", lines)
        return [*super().facts(obj), (_("DHCP"), text)]  # type: ignore[misc]


def _line(card: NetworkCard, state: MachineState) -> tuple[Any, ...]:
    end = ""
    if state.lease_id:
        end = end_link(state.lease_id)
    return badge(state), card.name, state.reason, remedy(state), end, why_link(card)


def badge(state: MachineState) -> SafeString:
    title = f"{state.reason} {state.remedy}".strip()
    return _badge(KIND_COLOURS[state.kind], str(state.label), title)


@lru_cache(200)
def _badge(kind: str, label: str, title: str) -> SafeString:
    """Many machines of a list are in the same state for the same reason."""
    return format_html('<span title="{}">{}</span>', title, marks.badge(kind, label))


def remedy(state: MachineState) -> SafeString | str:
    """What to do about it, as a link to the page where it is done."""
    if not (state.remedy and state.url):
        return state.remedy
    return format_html('<a class="ipm-link" href="{}">{}</a>', state.url, state.remedy)


def why_link(card: NetworkCard) -> SafeString | str:
    """Links to what decides on the card's address, and to what DHCP has done for it."""
    asked = card.mac or card.ip
    if not asked:
        return ""
    return format_html(
        '<a class="ipm-link" href="{}">{}</a> · <a class="ipm-link" href="{}">{}</a>',
        why_url(asked),
        _("Why?"),
        timeline_url(str(asked)),
        _("Timeline"),
    )


extend(Server, DHCPColumn)
