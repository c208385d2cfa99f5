"""The questions that decide a machine's state, each of which may find why it is not served as the
ledger says. In this order; a question may rely on the former ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dhcp.daemon import heartbeat
from dhcp.models import DhcpServer, Generation
from dhcp.state import host, logged, seen
from dhcp.state.evidence import Evidence, is_held_by
from dhcp.state.network_cards import ADDRESS, NetworkCard
from dhcp.state.verdict import BLOCKED, PENDING, UNSERVED, MachineState, format_time, holder_name
from ipam.addresses import host_network, supernets
from ipam.models import Sighting

_Question = Callable[[NetworkCard, Evidence], MachineState | None]


def page(name: str, *args: Any, **query: Any) -> str:
    """The URL of a page of the admin, of one row with its key."""
    url = _url(name, len(args), get_urlconf(), get_script_prefix())
    for key in args:
        url = url.replace(_KEY, str(int(key)), 1)
    return f"{url}?{urlencode(query)}" if query else url


@cache
def _url(name: str, keys: int, *_where: str | None) -> str:
    """The URL with a mark in place of each key: a list asks for many, and `reverse` takes longer
    than the rest of a row."""
    return reverse(f"admin:{name}", args=[_KEY] * keys)


_KEY = "0000000000"


def _card_page(card: NetworkCard) -> str:
    if card.kind == ADDRESS:
        return page("ipam_ipaddress_change", card.id)
    return page("ipam_server_change", card.server_id)


def _wait() -> str:
    return _("Wait a moment. If it stays so, check that the worker runs.")


def _release() -> str:
    return _("End the rollback (release).")


# --- the ledger -----------------------------------------------------------------------------------


def _is_disabled(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """Only an ignored machine is blocked: another one may get an address of a pool."""
    if card.enabled:
        return None
    if evidence.newest and evidence.is_pending(card):
        reason = _("It is disabled. dnsmasq does not know that yet.")
        return MachineState(PENDING, reason, remedy=_wait(), url=page("dhcp_sync"))
    kind, reason, remedy, until = (
        UNSERVED,
        _("It is disabled. It has no reservation, and may get an address of a pool."),
        _("Enable it; or have DHCP ignore it."),
        None,
    )
    if card.is_ignored:
        kind, remedy = BLOCKED, _("Enable it.")
        reason = _("It is disabled and ignored: DHCP gives it no address.")
    lease = evidence.own_lease(card)
    if lease and lease.leased_until:
        until = lease.leased_until
        reason = _("It is disabled. It may use its address until its lease ends, %s.")
        reason %= format_time(until)
    return MachineState(kind, reason, until, remedy=remedy, url=_card_page(card))


# What a machine cannot be served with or without: how it is seen, the reason, and the remedy. Texts
# are translated when they are shown: most machines of a list lack nothing.
_INCOMPLETE: list[tuple[Callable[[NetworkCard], bool], Any, Any]] = [
    (
        lambda card: card.vrf_id is not None,
        gettext_lazy("It is in a VRF. DHCP serves the global address space only."),
        gettext_lazy("Configure its address on the machine itself."),
    ),
    (
        lambda card: not card.identities,
        gettext_lazy("It has no MAC address."),
        gettext_lazy("Enter its MAC address."),
    ),
    (
        lambda card: card.ip is None,
        gettext_lazy("It has no IP address."),
        gettext_lazy("Give it an address."),
    ),
]


def _is_incomplete(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    for is_missing, reason, remedy in _INCOMPLETE:
        if is_missing(card):
            return MachineState(UNSERVED, str(reason), remedy=str(remedy), url=_card_page(card))
    if evidence.subnet(card) is None:
        reason = _("No subnet contains %s.") % card.ip
        remedy = _("Add a subnet that contains it.")
        return MachineState(UNSERVED, reason, remedy=remedy, url=page("ipam_subnet_add"))
    return None


# --- how its subnet is served ---------------------------------------------------------------------
# From here on, the card has an address in a subnet, and a MAC or DUID.


def _has_disabled_server(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    server = evidence.dhcp_server(card)
    if server is None or server.enabled:
        return None
    return MachineState(
        UNSERVED,
        _("The DHCP server is disabled. Its dnsmasq keeps the files that it has."),
        remedy=_("Enable the DHCP server."),
        url=page("dhcp_dhcpserver_change", server.pk),
    )


def _lacks_scope(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """Without a scope, IPManager proposes no range, and dnsmasq answers nobody of that subnet;
    unless a range of somebody else's serves it."""
    subnet = evidence.subnet(card)
    if subnet is None or evidence.scope(card) or _is_served_by_others(card, evidence):
        return None
    return MachineState(
        UNSERVED,
        _("%s has no DHCP scope, so dnsmasq has no range for it.") % subnet.network,
        remedy=_("Create a DHCP scope for %s.") % subnet.network,
        url=page("dhcp_dhcpscope_add", subnet=subnet.pk),
    )


def _has_disabled_scope(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """dnsmasq serves on until root has installed the configuration without its range."""
    scope, lease = evidence.scope(card), evidence.own_lease(card)
    if scope is None or scope.enabled or evidence.is_in_foreign_range(card):
        return None
    reason, until = _("The DHCP scope of its subnet is disabled."), None
    if lease and lease.leased_until:
        until = lease.leased_until
        reason = _("%(reason)s It may use its address until its lease ends, %(until)s.") % {
            "reason": reason,
            "until": format_time(until),
        }
    remedy = _("Enable the DHCP scope.")
    return MachineState(
        UNSERVED, reason, until, remedy=remedy, url=page("dhcp_dhcpscope_change", scope.pk)
    )


def _lacks_interface(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """A subnet that shares a wire is left out while its interface is not known and dnsmasq has
    other wires."""
    problem = evidence.problem_of_scope(card)
    if problem is None or problem["field"] != "interface":
        return None
    reason = _("Its subnet is not served: %s.") % problem["reason"]
    remedy = _("Enter the interface of dnsmasq's host in the DHCP scope.")
    return MachineState(
        UNSERVED, reason, remedy=remedy, url=page("dhcp_dhcpscope_change", problem["id"])
    )


def _is_served_by_others(card: NetworkCard, evidence: Evidence) -> bool:
    """Whether something is leased there, or a range of the running dnsmasq is not ours."""
    assert card.ip is not None
    if evidence.leases_by_ip[card.ip] or seen.shown(card, evidence):
        return True
    return evidence.is_in_foreign_range(card)


def _lacks_range(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """IPManager proposes a subnet's range, and root installs it. Until then dnsmasq does not
    answer."""
    assert card.ip is not None
    # Where the other servers' configurations are installed is not known.
    if evidence.dhcp_server(card) or evidence.installed is None or not evidence.scope(card):
        return None
    if not evidence.installed.isdisjoint(supernets(host_network(card.ip))):
        return None
    if problem := evidence.problem_of_scope(card):
        return MachineState(UNSERVED, problem["reason"], url=page("dhcp_sync"))
    return MachineState(
        UNSERVED,
        _("The range of its subnet is not installed yet."),
        remedy=_("Have root install the proposed configuration."),
        url=page("dhcp_sync"),
    )


def _is_prevented(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """By what was found on dnsmasq's host."""
    assert card.ip is not None
    found = evidence.host_findings[evidence.server_id(card)]
    reason = host.unserved(found, card.ip, card.identities)
    if reason is None:
        return None
    return MachineState(UNSERVED, reason.msg, remedy=reason.hint or "", url=page("dhcp_sync"))


def _is_own_address(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """dnsmasq says so in its log: "not using configured address … in use by the server or
    relay"."""
    if not evidence.is_own_address(card):
        return None
    return MachineState(
        UNSERVED,
        _("dnsmasq's own host has %s, so dnsmasq hands it out to nobody.") % card.ip,
        remedy=_("Give the machine another address."),
        url=_card_page(card),
    )


def _has_dead_server(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """Nobody gets an address of a dnsmasq that has ended or hangs, whatever its files say."""
    beat = evidence.heartbeat(card)
    if not beat.is_down or beat.since is None or beat.checked_at is None:
        return None
    if evidence.was_reached_since(card, beat.checked_at):
        return None
    kind = UNSERVED
    if beat.state == heartbeat.State.OTHER_GENERATION:
        kind = PENDING
    reason = _("dnsmasq: %(state)s since %(since)s. %(detail)s") % {
        "state": beat.label,
        "since": format_time(beat.since),
        "detail": beat.detail,
    }
    return MachineState(
        kind, reason.strip(), remedy=_("Start or restart dnsmasq, as root."), url=page("dhcp_sync")
    )


# --- whether dnsmasq has its line -----------------------------------------------------------------


def _is_held_back(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """Somebody has gone back to an earlier generation, which has no such line."""
    if not evidence.is_held_back(card):
        return None
    return MachineState(
        PENDING,
        _("dnsmasq is held at an earlier generation, which does not have its line."),
        remedy=_release(),
        url=page("dhcp_sync"),
    )


def _is_pending(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    newest = evidence.newest.get(evidence.server_id(card))
    if newest and not evidence.is_pending(card):
        return None
    if evidence.server_id(card) in evidence.held:
        reason = _("dnsmasq is held at an earlier generation. The change waits.")
        return MachineState(PENDING, reason, remedy=_release(), url=page("dhcp_sync"))
    if newest and newest.result == Generation.Result.FAILED:
        reason = _("dnsmasq does not have it: %s") % newest.reason
        remedy = _("Remove the reason. The worker then retries by itself.")
        return MachineState(PENDING, reason, remedy=remedy, url=page("dhcp_sync"))
    reason = _missing_agent(evidence.dhcp_server(card))
    if reason:
        return MachineState(PENDING, reason, remedy=_("Start the agent on its own host."))
    return MachineState(
        PENDING,
        _("dnsmasq does not have it yet."),
        remedy=_wait(),
        url=page("dhcp_sync"),
    )


def _missing_agent(server: DhcpServer | None) -> str:
    """Why a server that an agent runs gets no changes; empty while its agent reports."""
    if server is None or not server.is_missed:
        return ""
    if server.last_seen_at is None:
        return _("dnsmasq does not have it: its agent has never been seen.")
    last_seen = format_time(server.last_seen_at)
    return _("dnsmasq does not have it: its agent was last seen %s.") % last_seen


def _is_edited_by_hand(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    edit = evidence.hand_edit(card)
    if edit is None:
        return None
    kind, reason = PENDING, _("Its line in dnsmasq's file was edited by hand: %s.") % edit.line
    if not edit.line:
        kind, reason = UNSERVED, _("Its line was removed from dnsmasq's file by hand.")
    remedy = _("Adopt or discard the hand edit.")
    return MachineState(kind, reason, remedy=remedy, url=page("dhcp_handedit_changelist"))


def _is_left_out(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    problem = evidence.problem(card)
    if problem is None or not problem["left_out"]:
        return None
    remedy = _("Correct it in the ledger.")
    return MachineState(UNSERVED, problem["reason"], remedy=remedy, url=_card_page(card))


# --- who has its address, and which address it has ------------------------------------------------


def _is_leased_to_another(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    assert card.ip is not None
    allowed = evidence.allowed[card.server_id, card.ip]
    for lease in evidence.leases_by_ip[card.ip]:
        if not is_held_by(lease, allowed):
            return _leased_to(lease, card)
    return None


def _leased_to(lease: Sighting, card: NetworkCard) -> MachineState:
    assert lease.leased_until
    reason = _("%(holder)s holds %(ip)s until %(until)s.") % {
        "ip": card.ip,
        "holder": holder_name(lease),
        "until": format_time(lease.leased_until),
    }
    return MachineState(
        PENDING,
        reason,
        lease.leased_until,
        lease.mac_address or lease.duid,
        lease.pk,
        remedy=_("End that lease, or give the machine another address."),
        url=_card_page(card),
    )


def _is_used_after_eviction(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """A machine whose lease was ended here learns of it when it renews."""
    assert card.ip is not None
    allowed = evidence.allowed[card.server_id, card.ip]
    for eviction in evidence.evictions[card.ip]:
        if eviction.mac_address in allowed:
            continue
        reason = _(
            "%(ip)s is free. %(mac)s, whose lease was ended, may use it until %(until)s."
        ) % {
            "ip": card.ip,
            "mac": eviction.mac_address,
            "until": format_time(eviction.until),
        }
        remedy = _("Restart the network of that machine, or wait.")
        return MachineState(PENDING, reason, eviction.until, eviction.mac_address, remedy=remedy)
    return None


def _is_used_by_another(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """Somebody has configured the address without asking."""
    answer = evidence.foreign_answer(card)
    if answer is None:
        return None
    assert answer.mac_address
    reason = _("%(mac)s answered at %(ip)s, %(at)s (%(source)s).") % {
        "mac": answer.mac_address,
        "ip": card.ip,
        "at": format_time(answer.seen_at),
        "source": answer.get_source_display(),
    }
    return MachineState(
        PENDING,
        reason,
        holder=answer.mac_address,
        remedy=_("Find that machine and change its address, or give this one another address."),
        url=_card_page(card),
        seen_at=answer.seen_at,
    )


def _was_refused(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """As dnsmasq has logged it, unless that is over: the machine has its lease, or another
    generation since then may have changed it."""
    row = logged.refusal(evidence.log, card.mac, card.ip)
    if row is None:
        return None
    own, applied = evidence.own_lease(card), evidence.applied.get(evidence.server_id(card))
    if own and own.seen_at >= row.at:
        return None
    is_older = applied is not None and applied.updated_at > row.at + logged.CLOCK
    if is_older and row.kind not in logged.DECLINED:
        return None
    return logged.state(row, _card_page(card))


def _uses_another_address(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """dnsmasq moves the machine to its own address when it renews."""
    if evidence.own_lease(card):
        return None
    for lease in evidence.leases_of(card):
        if evidence.is_in_subnet_of(card, lease.ip_address):
            assert lease.leased_until
            reason = _("It uses %(ip)s, until %(until)s at most.") % {
                "ip": lease.ip_address,
                "until": format_time(lease.leased_until),
            }
            remedy = _("Wait until it renews, or restart its network.")
            return MachineState(PENDING, reason, lease.leased_until, remedy=remedy)
    return None


def _is_on_another_wire(card: NetworkCard, evidence: Evidence) -> MachineState | None:
    """It asks from another subnet, where it has no address of its own: dnsmasq gives it one of
    that subnet's pool."""
    assert card.ip is not None
    own, subnet = evidence.own_lease(card), evidence.subnet(card)
    assert subnet is not None
    for lease in evidence.leases_of(card):
        if lease.ip_address.version != card.ip.version:
            continue
        if evidence.is_in_subnet_of(card, lease.ip_address):
            continue
        if (lease.mac_address, lease.ip_address) in evidence.right:
            continue  # a laptop that has an address there, too
        if own and own.seen_at >= lease.seen_at:
            continue
        assert lease.leased_until
        facts = {
            "ip": lease.ip_address,
            "network": subnet.network,
            "until": format_time(lease.leased_until),
        }
        return MachineState(
            UNSERVED,
            _("It is on another wire: it uses %(ip)s, until %(until)s.") % facts,
            lease.leased_until,
            remedy=_("Connect it to %(network)s, or give it an address where it is.") % facts,
            url=_card_page(card),
            seen_at=lease.seen_at,
        )
    return None


ABOUT_THE_LEDGER: tuple[_Question, ...] = (_is_disabled, _is_incomplete)
ABOUT_THE_NETWORK: tuple[_Question, ...] = (
    _has_disabled_server,
    _lacks_scope,
    _has_disabled_scope,
    _lacks_interface,
    _lacks_range,
    _is_prevented,
    _is_own_address,
    _has_dead_server,
    _is_held_back,
    _is_pending,
    _is_edited_by_hand,
    _is_left_out,
    _is_leased_to_another,
    _is_used_after_eviction,
    _is_used_by_another,
    _was_refused,
    _uses_another_address,
    _is_on_another_wire,
)
