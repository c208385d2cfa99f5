"""Why does this machine get this address, or none? What is this address? The verdict first, then
the decision, replayed step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from core.errors import NotFound
from dhcp.log import evidence
from dhcp.models import DhcpScope, Generation, HandEdit, Lease
from dhcp.state import logged, machines, names, steps
from dhcp.state.evidence import gather_evidence
from dhcp.state.network_cards import NetworkCard, cards_with_macs
from dhcp.state.questions import page
from dhcp.state.steps import Step
from dhcp.state.verdict import (
    BLOCKED,
    LIVE,
    PENDING,
    TOLD,
    UNSERVED,
    MachineState,
    format_time,
    holder_name,
)
from ipam.addresses import Address, parse_address, parse_mac
from ipam.hostnames import validate_hostname
from ipam.models import Interface, IPAddress, Pool, Server
from ipam.placement.describe import ANSWERS, LEASED, Description, describe
from ipam.usage import pool_usage

UNKNOWN = "unknown"  # the verdict about a machine that the ledger does not know
_WORST_FIRST = (UNSERVED, PENDING, BLOCKED, TOLD, LIVE)
_MOST_POOLS = 10  # that are named

__all__ = ["Explanation", "Step", "why"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict, what to do about it and where, and all steps. `kind` is a machine's state, or
    what an address is (ipam.placement.describe), or `unknown`. `good`: every card that was asked
    about is served as the ledger says."""

    asked: str
    kind: str
    verdict: str
    remedy: str = ""
    url: str = ""
    mac: str | None = None
    ip: str | None = None
    steps: list[Step] = field(default_factory=list)
    good: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def why(text: str) -> Explanation:
    """Explain an address, a MAC address in any spelling, or a host name. Raises ValueError for
    other text, NotFound for a name that nobody has."""
    text = text.strip()
    if ip := _parsed(parse_address, text):
        return _why_address(ip)
    if mac := _parsed(parse_mac, text):
        return _why_mac(mac)
    return _why_name(text)


def _parsed(parse: Any, text: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        return None


# --- machines of the ledger -----------------------------------------------------------------------


def _why_mac(mac: str) -> Explanation:
    cards = cards_with_macs([mac])
    if cards:
        return _of_cards(mac, cards, mac=mac)
    return _of_stranger(mac)


def _why_name(name: str) -> Explanation:
    try:
        validate_hostname(name)
    except ValidationError as error:
        text = _("“%s” is neither an IP address, a MAC address nor a host name.")
        raise ValueError(text % name[:80]) from error
    found = names.look(name)
    if cards := _cards_named(name) or _cards_of(found):
        explained = _of_cards(name, cards)
        return replace(explained, steps=[*explained.steps, *found.steps])
    if found.sentence:
        return _of_name(name, found)
    lease = Lease.objects.live().filter(hostname__iexact=name).first()
    if lease and lease.mac_address:
        return _why_mac(lease.mac_address)
    raise NotFound(
        _("No machine of the ledger has the name %s, and no live lease.") % name,
        _("Ask for its IP or MAC address."),
    )


def _cards_of(found: names.Found) -> list[NetworkCard]:
    """The cards at the addresses of a name that has its domain from its subnet."""
    return list(chain.from_iterable(_cards_at(line.ip) for line in found.lines))


def _of_name(name: str, found: names.Found) -> Explanation:
    """A name that belongs to no card that DHCP serves."""
    kinds = {True: LIVE, False: PENDING, None: TOLD}
    kind = kinds[found.good] if found.lines else UNSERVED
    return Explanation(
        name, kind, found.sentence, steps=list(found.steps), good=kind in (LIVE, TOLD)
    )


def _cards_named(name: str) -> list[NetworkCard]:
    """The cards of the servers and allocations with this host name, with or without its domain; of
    a server all of them. Three queries."""
    is_named = Q(hostname__iexact=name) | Q(hostname__istartswith=f"{name}.")
    servers = list(Server.objects.filter(is_named).order_by("pk"))
    nics = Interface.objects.filter(server__in=servers).select_related("server").order_by("pk")
    rows = IPAddress.objects.allocations().filter(is_named | Q(vm_id=name)).order_by("pk")
    cards = [*map(NetworkCard.of_server, servers), *map(NetworkCard.of_interface, nics)]
    return cards + list(map(NetworkCard.of_allocation, rows))


def _of_cards(
    asked: str, cards: Sequence[NetworkCard], mac: str | None = None, ip: Address | None = None
) -> Explanation:
    known = gather_evidence(cards)
    states = [machines.state_of_card(card, known) for card in cards]
    worst = min(states, key=lambda state: _WORST_FIRST.index(state.kind))
    macs = dict.fromkeys(filter(None, map(attrgetter("mac"), cards)))
    return Explanation(
        asked=asked,
        kind=worst.kind,
        verdict="; ".join(map(_card_verdict, cards, states)),
        remedy=worst.remedy,
        url=worst.url,
        mac=mac,
        ip=str(ip) if ip else None,
        steps=steps.of_cards(list(macs), cards, known),
        good=worst.good,
    )


def _card_verdict(card: NetworkCard, state: MachineState) -> str:
    return f"{card.name} {card.ip or ''}: {state.label}. {state.reason}"


# --- machines that the ledger does not know -------------------------------------------------------


def _of_stranger(mac: str) -> Explanation:
    """A hand edit may serve it; else it gets an address of a pool that is open to strangers."""
    found = [steps.owner([]), *steps.own_leases([mac])]
    unknown = _("The ledger does not know it.")
    lease = Lease.objects.live().filter(mac_address=mac).first()
    if edit := _serving_edit(mac):
        text = _("%(unknown)s A hand edit serves it: %(line)s.")
        return Explanation(
            mac,
            _kind_of_edit(edit, lease),
            text % {"unknown": unknown, "line": edit.line},
            _("Adopt or discard the hand edit."),
            page("dhcp_handedit_changelist"),
            mac=mac,
            steps=found,
            good=True,
        )
    log = evidence.recent([mac])
    if refused := logged.refusal(log, mac, None):
        return Explanation(
            mac,
            logged.kind(refused),
            f"{unknown} {logged.reason(refused)}",
            logged.remedy(refused),
            mac=mac,
            steps=found,
        )
    if lease and lease.leased_until:
        text = _("%(unknown)s It uses %(ip)s, until %(until)s.")
        facts = {
            "unknown": unknown,
            "ip": lease.ip_address,
            "until": format_time(lease.leased_until),
        }
        return Explanation(
            mac,
            UNKNOWN,
            text % facts,
            _("Reserve the address for it, or find out whose it is."),
            page("dhcp_lease_changelist", q=lease.ip_address),
            mac=mac,
            steps=found,
        )
    return _of_newcomer(mac, unknown, found)


def _serving_edit(mac: str) -> HandEdit | None:
    rows = HandEdit.objects.undecided().filter(file=HandEdit.File.HOSTS, served=True)
    for edit in rows.filter(line__contains=mac):
        if mac in edit.line.split(","):
            return edit
    return None


def _kind_of_edit(edit: HandEdit, lease: Lease | None) -> str:
    """Live where a lease shows it, told where dnsmasq has confirmed the files."""
    if lease and str(lease.ip_address) in edit.line:
        return LIVE
    applied = Generation.objects.newest_of_each(Generation.Result.APPLIED)
    newest = applied.get(edit.server_id)
    return TOLD if newest and newest.confirmed else PENDING


def _of_newcomer(mac: str, unknown: str, found: list[Step]) -> Explanation:
    pools = _open_pools()
    question = _("Which DHCP pools are open to it?")
    shown = [_("%(pool)s (%(free)d free)") % {"pool": p, "free": free} for p, free in pools]
    answer = ", ".join(shown[:_MOST_POOLS]) or _("None.")
    has_room = any(map(itemgetter(1), pools))
    found = [*found, Step(question, answer, has_room)]
    if not pools:
        verdict = _("%s It gets no address: no DHCP pool is open to unknown machines.") % unknown
        remedy = _("Create a server with its MAC address, or a DHCP pool in a subnet with a scope.")
        return Explanation(
            mac, UNSERVED, verdict, remedy, page("ipam_server_add"), mac=mac, steps=found
        )
    if not has_room:
        verdict = _("%s It gets no address: every DHCP pool is full.") % unknown
        url = page("ipam_subnet_change", pools[0][0].subnet_id)
        return Explanation(
            mac, UNSERVED, verdict, _("Widen a DHCP pool."), url, mac=mac, steps=found
        )
    verdict = _("%s It gets an address from a DHCP pool where one is served, none elsewhere.")
    remedy = _("Create a server with its MAC address.")
    return Explanation(
        mac, UNKNOWN, verdict % unknown, remedy, page("ipam_server_add"), mac=mac, steps=found
    )


def _open_pools() -> list[tuple[Pool, int]]:
    """The DHCP pools from which an unknown machine may get an address, with what is left of each.
    A fixed number of queries."""
    scopes = DhcpScope.objects.filter(enabled=True, known_only=False, subnet__vrf=None)
    rows = Pool.objects.filter(kind=Pool.Kind.DHCP, subnet__in=scopes.values("subnet"))
    pools = list(rows.select_related("subnet").order_by("first"))
    shares = pool_usage(pools)
    return [(pool, shares[pool.pk].free) for pool in pools if pool.pk in shares]


# --- addresses ------------------------------------------------------------------------------------


def _why_address(ip: Address) -> Explanation:
    found = describe(ip)
    place = _place_steps(found)
    if cards := _cards_at(ip):
        explained = _of_cards(str(ip), cards, ip=ip)
        return replace(explained, steps=[*place, *explained.steps])
    remedy, url = _remedy_of(found)
    mac = found.lease.mac_address if found.lease else None
    more = list(steps.own_leases([mac])) if mac else []
    return Explanation(
        str(ip), found.kind, found.sentence, remedy, url, mac, str(ip), [*place, *more]
    )


def _cards_at(ip: Address) -> list[NetworkCard]:
    """The cards of the ledger with this address, in the global address space. Three queries."""
    servers = Server.objects.filter(vrf=None, ip_address=ip).order_by("pk")
    nics = Interface.objects.filter(server__vrf=None, ip_address=ip).select_related("server")
    rows = IPAddress.objects.allocations().filter(vrf=None, ip_address=ip)
    cards = [*map(NetworkCard.of_server, servers), *map(NetworkCard.of_interface, nics)]
    return cards + list(map(NetworkCard.of_allocation, rows))


def _place_steps(found: Description) -> list[Step]:
    """Where the address is, how its subnet is served, and how full its pool is."""
    place = [Step(_("Where is it?"), found.place, found.subnet is not None)]
    if found.subnet is None:
        return place
    scope = DhcpScope.objects.filter(subnet=found.subnet).first()
    answer = _("Yes.") if scope and scope.enabled else _("No: its DHCP scope is disabled.")
    if scope is None:
        answer = _("No: it has no DHCP scope.")
    place.append(Step(_("Does DHCP serve that subnet?"), answer, bool(scope and scope.enabled)))
    if found.pool:
        share = pool_usage([found.pool])[found.pool.pk]
        text = _("%(used)d of %(total)d used, %(free)d free.")
        facts = {"used": share.used, "total": share.total, "free": share.free}
        place.append(Step(_("How full is that pool?"), text % facts, share.free > 0))
    if found.answer:
        text = _("%(machine)s, %(at)s (%(source)s).") % {
            "machine": holder_name(found.answer),
            "at": format_time(found.answer.seen_at),
            "source": found.answer.get_source_display(),
        }
        place.append(Step(_("Who answered there last?"), text))
    return place


def _remedy_of(found: Description) -> tuple[str, str]:
    """What one may want to do with an address that no machine of the ledger has."""
    if found.subnet is None:
        return _("Add a subnet that contains it."), page("ipam_subnet_add")
    if found.kind in (LEASED, ANSWERS):
        url = page("dhcp_lease_changelist", q=found.ip)
        return _("Reserve the address for that machine, or find out whose it is."), url
    if found.row:
        return "", page("ipam_ipaddress_change", found.row.pk)
    return "", page("ipam_subnet_change", found.subnet.pk)
