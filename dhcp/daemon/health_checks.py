"""The health check of the heartbeats: every dnsmasq was seen lately, and was up."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.commands import manage_command
from core.findings import BOUNDED, READY_WARNING, Finding, error, health_check, warning
from dhcp.daemon.heartbeat import HeartbeatState, State, states

RESTART = "systemctl restart dnsmasq"
_REMEDIES = {
    State.DEAD: gettext_noop("Start it, as root; its log says why it ended."),
    State.HUNG: gettext_noop("Restart it, as root: nobody gets an address while it hangs."),
    State.OTHER_GENERATION: gettext_noop(
        "Make it read our files (docs/dnsmasq.md), then restart it, as root."
    ),
}


@health_check(
    gettext_noop("heartbeat"),
    "dhcp",
    BOUNDED,
    READY_WARNING,
    summary=f"a dnsmasq is not up (run: {manage_command('doctor')})",
)
def heartbeat() -> Iterator[Finding]:
    """Every dnsmasq answers with our generation, as its worker or agent has seen it."""
    for state in states().values():
        if state.is_down:
            remedy = _(_REMEDIES[State(state.state)])
            yield error(_sentence(state), remedy, RESTART, view="admin:dhcp_sync")
        elif state.is_stale:
            yield warning(_sentence(state), _("Start its worker, or the agent on its host."))


def _sentence(state: HeartbeatState) -> str:
    msg = _("dnsmasq of %(server)s: %(state)s since %(since)s. %(detail)s")
    since = localize(localtime(state.since)) if state.since else ""
    facts = {"server": state.server, "state": state.label, "since": since}
    return msg % {**facts, "detail": state.detail}
