"""What shows that a machine has what the ledger says: a lease, a probe, an answer; or only that
dnsmasq has confirmed its line."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from dhcp.state.evidence import Evidence
from dhcp.state.network_cards import NetworkCard
from dhcp.state.verdict import LIVE, PENDING, TOLD, MachineState, format_time


def state(card: NetworkCard, evidence: Evidence) -> MachineState:
    """The strongest of it, of a card that nothing objects to."""
    for look in (*_SHOWN, _is_told, _is_unconnected):
        if found := look(card, evidence):
            return _with_name(found, card, evidence)
    return _with_name(_is_unconfirmed(card, evidence), card, evidence)


def shown(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """What the network has shown of the card's address; None where it has shown nothing."""
    for look in _SHOWN:
        if found := look(card, evidence):
            return found
    return None


def _with_name(found: MachineState, card: NetworkCard, evidence: Evidence) -> MachineState:
    """dnsmasq serves a machine whose name it would misread without the name."""
    problem = evidence.problem(card)
    if problem is None:
        return found
    found_reason = _("%(reason)s Its name is left out: %(why)s.") % {
        "reason": found.reason,
        "why": problem["reason"],
    }
    return MachineState(
        found.kind,
        found_reason,
        found.until,
        remedy=found.remedy,
        url=found.url,
        seen_at=found.seen_at,
        is_written=found.is_written,
    )


def _holds_lease(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    lease = evidence.own_lease(card)
    if lease is None:
        return None
    assert lease.leased_until
    reason = _("It uses its address, until %(until)s (lease seen %(seen)s).") % {
        "until": format_time(lease.leased_until),
        "seen": format_time(lease.seen_at),
    }
    return MachineState(LIVE, reason, lease.leased_until, seen_at=lease.seen_at)


def _was_offered(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    probe = evidence.successful_probe(card)
    if probe is None:
        return None
    at = evidence.applied[evidence.server_id(card)].updated_at
    reason = _(
        "dnsmasq offered its address to a probe %(ms)d ms after the change, %(at)s. "
        "The machine has not requested it yet."
    )
    reason %= {"ms": probe["after_ms"], "at": format_time(at)}
    return MachineState(LIVE, reason, seen_at=at)


def _answers(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    answer = evidence.own_answer(card)
    if answer is None:
        return None
    reason = _("Its address answered %(at)s (%(source)s).") % {
        "at": format_time(answer.seen_at),
        "source": answer.get_source_display(),
    }
    return MachineState(LIVE, reason, seen_at=answer.seen_at)


def _is_told(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    applied = evidence.applied.get(evidence.server_id(card))
    if applied is None or not evidence.is_confirmed(card):
        return None
    reason = _(
        "dnsmasq has confirmed its line (generation %(number)d, %(at)s). "
        "The machine has not requested its address yet."
    )
    reason %= {"number": applied.pk, "at": format_time(applied.updated_at)}
    return MachineState(TOLD, reason)


def _is_unconnected(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    if evidence.is_connected(card):
        return None
    return MachineState(
        PENDING,
        _("Its line is written. No dnsmasq is connected."),
        remedy=_(
            "Connect a dnsmasq: set IPMANAGER_DNSMASQ_RELOAD and IPMANAGER_DNSMASQ_DNS "
            "(docs/dnsmasq.md)."
        ),
        is_written=True,
    )


def _is_unconfirmed(card: NetworkCard, evidence: Evidence) -> MachineState:
    return MachineState(
        PENDING,
        _("Its line is written and dnsmasq was reloaded. dnsmasq was not asked to confirm it."),
        remedy=_("Set IPMANAGER_DNSMASQ_DNS, so that dnsmasq confirms what it has read."),
        is_written=True,
    )


_Look = Callable[[NetworkCard, Evidence], MachineState | None]
_SHOWN: tuple[_Look, ...] = (_holds_lease, _was_offered, _answers)
