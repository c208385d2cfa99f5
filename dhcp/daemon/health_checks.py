"""The health checks of the heartbeats and of names: every dnsmasq was seen lately, was up, and
serves the names of its file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from core.commands import manage_command
from core.findings import BOUNDED, READY_WARNING, Finding, error, health_check, warning
from dhcp.daemon.heartbeat import HeartbeatState, State, states
from dhcp.edits.written import read_file
from dhcp.files.targets import Target
from names import proof, query

ANSWER_SECONDS = 0.2  # for the answers about names
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


@health_check(gettext_noop("names"), "dhcp", BOUNDED)
def served_names() -> Iterator[Finding]:
    """dnsmasq serves the names of its file: its installed configuration reads it."""
    target = Target.from_settings()
    names = sample(read_file(target.names))
    if target.dns is None or not names:
        return
    expected = proof.expected_of(names, read_file(target.names))
    try:
        answers = query.ask(target.dns, list(expected), ANSWER_SECONDS)
    except OSError:
        return  # the heartbeat tells it
    for one in islice(proof.differences(expected, answers), 1):
        text = _("dnsmasq answers %(asked)s with %(answer)s, not %(expected)s.")
        hint = _("Have root install the proposed configuration; see docs/names.md.")
        yield warning(text % one.as_json(), hint, view="admin:dhcp_sync")


def sample(data: bytes) -> list[str]:
    """The first and the last name of the file."""
    lines = data.decode("ascii", "replace").splitlines()
    names = [line.partition(" ")[2] for line in lines if not line.startswith("#")]
    return names[:1] + names[-1:]
