"""Wait until the network shows a machine's reservation, and say what was seen of it.

    not_served  a rule forbids it, or something is missing; the reason says what
    pending     dnsmasq does not have it yet
    written     the files have it, and dnsmasq was not asked to confirm
    told        dnsmasq has confirmed that it has read the files
    live        a lease, an offer to a probe, or an answer from the address has shown it

Each state is read from evidence (dhcp/state/evidence.py); nothing is inferred from our own write.
No transaction is open meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from core import web_process
from core.web_process import LONGEST_WAIT, TooManyWaiting, waiting_place
from dhcp.state import machines as states
from dhcp.state.network_cards import NetworkCard
from ipam.models import Server

NOT_SERVED, PENDING, WRITTEN, TOLD, LIVE = "not_served", "pending", "written", "told", "live"
LEVELS = (TOLD, LIVE)
# The states after which waiting longer cannot show more of what was asked for.
_FINAL = {TOLD: {NOT_SERVED, WRITTEN, TOLD, LIVE}, LIVE: {NOT_SERVED, LIVE}}
_STATES = {
    states.BLOCKED: NOT_SERVED,
    states.UNSERVED: NOT_SERVED,
    states.PENDING: PENDING,
    states.TOLD: TOLD,
    states.LIVE: LIVE,
}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds
_SHARE = 20  # the queries take at most 1/20 of the waiting time


@dataclass(frozen=True)
class Seen:
    """What was seen, how long after the change, and whether the time ran out."""

    state: str
    reason: str
    told_after_ms: int | None = None
    live_after_ms: int | None = None
    timed_out: bool = False

    def as_json(self) -> dict[str, Any]:
        return vars(self)


def look_at(server_id: int) -> Seen:
    """The state of the server's own reservation now. A fixed number of queries."""
    server = Server.objects.filter(pk=server_id).first()
    if server is None:
        return Seen(NOT_SERVED, _("The machine has been deleted."))
    card = NetworkCard.of_server(server)
    found = states.states_of_cards([card])[card.key]
    if found.is_written:
        return Seen(WRITTEN, found.reason)
    return Seen(_STATES[found.kind], found.reason)


def wait_for(server_id: int, level: str, seconds: float, since: float) -> Seen:
    """Wait until the reservation is told or live, for so many seconds at most. `since` is the
    monotonic time of the change. Where too many wait already, it answers at once."""
    assert not connection.in_atomic_block
    deadline = time.monotonic() + min(seconds, LONGEST_WAIT)
    try:
        with waiting_place():
            return _watch(server_id, level, deadline, since)
    except TooManyWaiting as error:
        seen = look_at(server_id)
        reason = f"{seen.reason} {error.message}"
        return replace(_timed(seen, None, since), reason=reason, timed_out=True)


def _watch(server_id: int, level: str, deadline: float, since: float) -> Seen:
    told, pause = None, _FIRST_PAUSE
    while True:
        began = time.monotonic()
        last = _timed(look_at(server_id), told, since)
        told = last.told_after_ms
        if last.state in _FINAL[level]:
            return last
        left = deadline - time.monotonic()
        if left <= 0 or web_process.is_ending():
            return replace(last, timed_out=True)
        pause = min(max(pause * 1.5, (time.monotonic() - began) * _SHARE), _LONGEST_PAUSE)
        time.sleep(min(pause, left))


def _timed(seen: Seen, told: int | None, since: float) -> Seen:
    """With the time of what is seen now; `told` is when it was seen as told before."""
    elapsed = round((time.monotonic() - since) * 1000)
    if seen.state == LIVE:
        return replace(seen, told_after_ms=told, live_after_ms=elapsed)
    if seen.state == TOLD and told is None:
        told = elapsed
    return replace(seen, told_after_ms=told)
