"""For every machine one state, with its reason: does the network agree with the ledger?

    live      dnsmasq has its reservation, and nobody is in its way
    pending   it will be served: dnsmasq has not heard of it yet, or somebody still holds the address
    blocked   it is disabled
    unserved  something is missing, or forbids it

The evidence for any number of machines is gathered in the same few queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import localize
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from dhcp.files import check, installed
from dhcp.files.targets import Target
from dhcp.leases.lease_file import FOREVER
from dhcp.models import DhcpChange, DhcpScope, DhcpServer, Eviction, Generation, HandEdit
from dhcp.servers import Routes
from ipam.addresses import Address, Network, host_network, supernets
from ipam.models import Interface, Server, Sighting, Subnet
from ipam.querysets import SubnetIndex

LIVE, PENDING, BLOCKED, UNSERVED = "live", "pending", "blocked", "unserved"
Key = tuple[str, int]
_MAC = len("02:00:00:00:00:0a")


@dataclass(frozen=True, slots=True)
class State:
    """How a card fares, why, and where it is so, until when and because of which other machine."""

    kind: str
    reason: str
    until: datetime | None = None
    holder: str = ""
    lease_id: int | None = None  # the holder's lease, if that is what is in the way

    @property
    def label(self) -> str:
        return {
            LIVE: _("live"),
            PENDING: _("pending"),
            BLOCKED: _("blocked"),
            UNSERVED: _("not served"),
        }[self.kind]

    def as_json(self) -> dict[str, Any]:
        until = self.until.isoformat() if self.until else None
        return {
            "state": self.kind,
            "reason": self.reason,
            "until": until,
            "holder": self.holder or None,
        }


@dataclass(frozen=True, slots=True)
class Card:
    """A server, or one of its interfaces, as far as DHCP is concerned."""

    kind: str
    id: int
    server_id: int
    name: str
    vrf_id: int | None
    enabled: bool
    mac: str | None
    ip: Address | None
    duid: str = ""

    @property
    def key(self) -> Key:
        return (self.kind, self.id)

    @classmethod
    def of_server(cls, server: Server) -> Card:
        return cls(
            "server",
            server.pk,
            server.pk,
            server.hostname,
            server.vrf_id,
            server.enabled,
            server.mac_address,
            server.ip_address,
        )

    @classmethod
    def of_interface(cls, nic: Interface) -> Card:
        """Its server is asked for, too: load it with the interface."""
        server, name = nic.server, f"{nic.server.hostname} {nic.name}"
        return cls(
            "interface",
            nic.pk,
            server.pk,
            name,
            server.vrf_id,
            server.enabled,
            nic.mac_address,
            nic.ip_address,
            nic.duid.lower(),
        )

    @property
    def identities(self) -> set[str]:
        """By what DHCP can know it. A DUID is none for IPv4."""
        by_duid = self.duid and (self.ip is None or self.ip.version == 6)
        return {name for name in (self.mac, self.duid if by_duid else "") if name}


@dataclass(slots=True)
class Evidence:
    """What is known about some cards, all of it read beforehand."""

    subnets: SubnetIndex
    routes: Routes = field(default_factory=Routes)
    # By the key of the DHCP server, None for the default one.
    waiting: set[tuple[int | None, str, int | None]] = field(default_factory=set)
    all_wait: set[int | None] = field(default_factory=set)
    newest: dict[int | None, Generation] = field(default_factory=dict)
    problems: dict[tuple[int | None, Key], dict[str, Any]] = field(default_factory=dict)
    by_ip: dict[Address, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    by_mac: dict[str, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    by_hand: dict[tuple[str, str], HandEdit] = field(
        default_factory=dict
    )  # by MAC and address of the line before
    evicted: dict[Address, list[Eviction]] = field(default_factory=lambda: defaultdict(list))
    allowed: dict[tuple[int, Address], set[str]] = field(default_factory=lambda: defaultdict(set))
    installed: Collection[Network] | None = (
        None  # with a range of ours in dnsmasq; None: nobody knows
    )
    scoped: Collection[int] = ()  # subnets that have an enabled scope

    def dhcp_server(self, card: Card) -> int | None:
        """Which DHCP server has to serve the card."""
        return (
            self.routes.of(self.subnets.containing(None, card.ip)) if card.ip is not None else None
        )


def of_servers(servers: Iterable[Server]) -> dict[int, State]:
    """The states of the servers' own cards by the servers' keys."""
    return {
        key[1]: state
        for key, state in of_cards([Card.of_server(server) for server in servers]).items()
    }


def of_server(server: Server) -> list[tuple[Card, State]]:
    """Every card of one server, its own first."""
    cards = [Card.of_server(server)]
    cards += [
        Card.of_interface(nic)
        for nic in server.interfaces.select_related("server").order_by("name")
    ]
    states = of_cards(cards)
    return [(card, states[card.key]) for card in cards]


def of_cards(cards: Sequence[Card]) -> dict[Key, State]:
    evidence = gather(cards)
    return {card.key: judge(card, evidence) for card in cards}


def judge(card: Card, evidence: Evidence) -> State:
    """The first question that has an answer decides. Where there are several DHCP servers, it is
    said of which."""
    state = next(state for question in _QUESTIONS if (state := question(card, evidence)))
    server = evidence.routes.servers.get(evidence.dhcp_server(card) or 0)
    if server is None or state.kind == BLOCKED or _incomplete(card, evidence):
        return state
    return replace(
        state, reason=_("%(server)s: %(reason)s") % {"server": server, "reason": state.reason}
    )


# --- the questions, in the order in which they matter ---------------------------------------------


def _disabled(card: Card, evidence: Evidence) -> State | None:
    if card.enabled:
        return None
    lease = _own_lease(card, evidence)
    if lease and lease.leased_until:
        text = _("It is disabled; it may keep its address until %s at most.") % moment(
            lease.leased_until
        )
        return State(BLOCKED, text, lease.leased_until)
    return State(BLOCKED, _("It is disabled."))


def _incomplete(card: Card, evidence: Evidence) -> State | None:
    if card.vrf_id is not None:
        return State(UNSERVED, _("It stands in a VRF; DHCP serves the global address space."))
    if not card.identities:
        return State(UNSERVED, _("It has no MAC address."))
    if card.ip is None:
        return State(UNSERVED, _("It has no IP address."))
    if evidence.subnets.containing(None, card.ip) is None:
        return State(UNSERVED, _("No subnet holds %s.") % card.ip)
    return None


def _not_looked_after(card: Card, evidence: Evidence) -> State | None:
    server = evidence.routes.servers.get(evidence.dhcp_server(card) or 0)
    if server is None or server.enabled:
        return None
    return State(
        UNSERVED, _("The DHCP server is disabled; its dnsmasq goes on with what it was told last.")
    )


def _untold(card: Card, evidence: Evidence) -> State | None:
    server_id = evidence.dhcp_server(card)
    newest = evidence.newest.get(server_id)
    if newest and not (
        server_id in evidence.all_wait
        or (server_id, "server", card.server_id) in evidence.waiting
        or (server_id, *card.key) in evidence.waiting
    ):
        return None
    if newest and newest.result == Generation.Result.FAILED:
        return State(PENDING, _("dnsmasq has not heard of it: %s") % newest.reason)
    if absence := _absence(evidence.routes.servers.get(server_id or 0)):
        return State(PENDING, absence)
    return State(PENDING, _("dnsmasq has not heard of it yet."))


def _absence(server: DhcpServer | None) -> str:
    """What keeps an agent's server from hearing of anything; empty when its agent is there."""
    if server is None or not server.is_missed:
        return ""
    if server.last_seen_at is None:
        return _("dnsmasq has not heard of it: its agent has never been seen.")
    return _("dnsmasq has not heard of it: its agent was last seen %s.") % moment(
        server.last_seen_at
    )


def _edited_by_hand(card: Card, evidence: Evidence) -> State | None:
    """dnsmasq's file says something else of it, and nobody has decided about that."""
    edits = (evidence.by_hand.get((name, str(card.ip))) for name in card.identities)
    edit = next(filter(None, edits), None)
    if edit is None:
        return None
    if edit.line:
        return State(
            PENDING,
            _("dnsmasq's file was edited by hand: %s. Adopt that, or discard it.") % edit.line,
        )
    return State(
        UNSERVED, _("It was taken out of dnsmasq's file by hand. Adopt that, or discard it.")
    )


def _left_out(card: Card, evidence: Evidence) -> State | None:
    problem = evidence.problems.get((evidence.dhcp_server(card), card.key))
    return State(UNSERVED, problem["reason"]) if problem and problem["left_out"] else None


def _held_by_another(card: Card, evidence: Evidence) -> State | None:
    assert card.ip is not None
    for lease in evidence.by_ip[card.ip]:
        holder = lease.mac_address or lease.duid
        if lease.leased_until and not is_holders(lease, evidence.allowed[card.server_id, card.ip]):
            text = _("%(ip)s is held by %(mac)s until %(until)s.") % {
                "ip": card.ip,
                "mac": named(lease),
                "until": moment(lease.leased_until),
            }
            return State(PENDING, text, lease.leased_until, holder, lease.pk)
    return None


def _believed_in_by_another(card: Card, evidence: Evidence) -> State | None:
    """Its former holder lost the lease and has not heard of it."""
    assert card.ip is not None
    for eviction in evidence.evicted[card.ip]:
        if eviction.mac_address not in evidence.allowed[card.server_id, card.ip]:
            text = _(
                "%(ip)s is free; %(mac)s, whose lease was ended, may go on using it until %(until)s at most."
            ) % {
                "ip": card.ip,
                "mac": eviction.mac_address,
                "until": moment(eviction.until),
            }
            return State(PENDING, text, eviction.until, eviction.mac_address)
    return None


def _elsewhere(card: Card, evidence: Evidence) -> State | None:
    """The machine still uses another address of the subnet; it is sent to the right one when it
    asks next."""
    assert card.ip is not None
    if _own_lease(card, evidence):
        return None
    here = evidence.subnets.containing(None, card.ip)
    for lease in (lease for name in sorted(card.identities) for lease in evidence.by_mac[name]):
        same_version = lease.ip_address.version == card.ip.version
        if lease.leased_until and same_version and here and lease.ip_address in here.network:
            text = _("It still uses %(ip)s, until %(until)s at most.") % {
                "ip": lease.ip_address,
                "until": moment(lease.leased_until),
            }
            return State(PENDING, text, lease.leased_until)
    return None


def _served(card: Card, evidence: Evidence) -> State:
    lease = _own_lease(card, evidence)
    if lease and lease.leased_until:
        text = _("It uses its address, until %s.") % moment(lease.leased_until)
    elif probed := _probe_of(card, evidence):
        text = _(
            "dnsmasq offers it, asked on its behalf %(ms)d ms after the change; it has not asked itself yet."
        )
        text %= {"ms": probed["after_ms"]}
    else:
        text = _("dnsmasq knows it; it has not asked yet.")
    problem = evidence.problems.get((evidence.dhcp_server(card), card.key))
    nameless = " " + _("Its name is left off: %s.") % problem["reason"] if problem else ""
    return State(LIVE, text + nameless, lease.leased_until if lease else None)


def _without_range(card: Card, evidence: Evidence) -> State | None:
    """Its subnet's range is ours to propose and root's to install; until then dnsmasq has no answer
    for it."""
    assert card.ip is not None
    if evidence.installed is None or evidence.dhcp_server(card) is not None:
        return None
    subnet = evidence.subnets.containing(None, card.ip)
    if subnet is None or subnet.pk not in evidence.scoped:
        return None
    if any(network in evidence.installed for network in supernets(host_network(card.ip))):
        return None
    return State(UNSERVED, _("Its subnet's range is not installed yet."))


_QUESTIONS: tuple[Callable[[Card, Evidence], State | None], ...] = (
    _disabled,
    _incomplete,
    _not_looked_after,
    _without_range,
    _untold,
    _edited_by_hand,
    _left_out,
    _held_by_another,
    _believed_in_by_another,
    _elsewhere,
    _served,
)


# --- the evidence ---------------------------------------------------------------------------------


def gather(cards: Sequence[Card]) -> Evidence:
    """Everything that the questions ask for, in a number of queries that does not depend on the
    cards'."""
    ips = [card.ip for card in cards if card.ip is not None]
    subnets = Subnet.objects.in_vrf(None).only("vrf", "network", "site")
    evidence = Evidence(
        SubnetIndex.of(ips, subnets), Routes.read(), newest=Generation.objects.newest_of_each()
    )
    _read_waiting(evidence, {card.id for card in cards} | {card.server_id for card in cards})
    _read_leases(evidence, ips, {name for card in cards for name in card.identities})
    _read_allowed(evidence, cards)
    _read_hand_edits(evidence)
    _read_ranges(evidence)
    for server_id, newest in evidence.newest.items():
        for problem in newest.problems:
            evidence.problems[server_id, (problem["kind"], problem["id"])] = problem
    return evidence


def _read_waiting(evidence: Evidence, ids: Collection[int]) -> None:
    concerned = Q(kind__in=["subnet", "ledger", "dhcpserver"]) | Q(
        kind__in=["server", "interface"], object_id__in=ids
    )
    concerned |= Q(
        kind="dhcpscope", detail__contains="server_id"
    )  # its machines have another DHCP server now
    rows = DhcpChange.objects.filter(concerned).values_list("server_id", "kind", "object_id")
    for server_id, kind, id in rows.distinct():
        evidence.waiting.add((server_id, kind, id))
        if kind not in ("server", "interface"):
            evidence.all_wait.add(server_id)


def _read_leases(evidence: Evidence, ips: Sequence[Address], names: Collection[str]) -> None:
    duids = [name for name in names if len(name) > _MAC]
    macs = [name for name in names if len(name) == _MAC]
    live = Sighting.objects.filter(
        vrf=None, source=Sighting.Source.LEASE, leased_until__gt=timezone.now()
    )
    for lease in live.filter(
        Q(ip_address__in=ips) | Q(mac_address__in=macs) | Q(duid__in=duids)
    ).order_by("-leased_until"):
        evidence.by_ip[lease.ip_address].append(lease)
        for name in {lease.mac_address, lease.duid} - {None, ""}:
            evidence.by_mac[str(name)].append(lease)
    for eviction in Eviction.objects.believed().filter(ip_address__in=ips):
        evidence.evicted[eviction.ip_address].append(eviction)


def _read_allowed(evidence: Evidence, cards: Sequence[Card]) -> None:
    """Who may hold an address: all the cards of one server that share it. An IPv6 address may be
    held by any of its cards: a machine has one DUID, which is made of the MAC of one of them."""
    servers, found = {card.server_id for card in cards}, defaultdict[int, set[tuple[Any, str]]](set)
    nics = Interface.objects.filter(server__in=servers).values_list(
        "server_id", "ip_address", "mac_address", "duid"
    )
    for server_id, ip, mac, duid in nics:
        found[server_id] |= {(ip, name) for name in (mac, duid.lower()) if name}
    owners = Server.objects.filter(
        pk__in={card.server_id for card in cards if card.kind == "interface"}
    )
    for server_id, ip, mac in owners.values_list("pk", "ip_address", "mac_address"):
        found[server_id].add((ip, mac))
    for card in cards:
        if card.ip is not None:
            evidence.allowed[card.server_id, card.ip] |= card.identities | {
                name
                for ip, name in found[card.server_id]
                if name and (ip == card.ip or card.ip.version == 6)
            }


def _read_ranges(evidence: Evidence) -> None:
    conf = installed.look(Target.from_settings())
    if conf.is_known:
        evidence.installed = conf.networks
        scopes = DhcpScope.objects.filter(enabled=True).select_related("subnet")
        # Where the other servers' configurations are installed, nobody has told us.
        evidence.scoped = {
            scope.subnet_id for scope in scopes if evidence.routes.of(scope.subnet) is None
        }


def _probe_of(card: Card, evidence: Evidence) -> dict[str, Any] | None:
    """A probe that was offered the card's address, if the newest generation was probed for it."""
    newest = evidence.newest.get(evidence.dhcp_server(card))
    probes = (newest and newest.probes) or []
    good = (probe for probe in probes if not probe["reason"])
    return next(
        (one for one in good if (one["mac"], one["wanted"]) == (card.mac, str(card.ip))), None
    )


def _read_hand_edits(evidence: Evidence) -> None:
    for edit in (
        HandEdit.objects.undecided().filter(file=HandEdit.File.HOSTS, served=True).exclude(was="")
    ):
        row = check.host_row(edit.was.encode())
        if isinstance(row, check.Row):
            evidence.by_hand |= {(name, str(row.ip)): edit for name in row.identities}


def _own_lease(card: Card, evidence: Evidence) -> Sighting | None:
    if card.ip is None:
        return None
    mine = evidence.allowed[card.server_id, card.ip]
    return next((lease for lease in evidence.by_ip[card.ip] if is_holders(lease, mine)), None)


def is_holders(lease: Sighting, names: Collection[str]) -> bool:
    """Whether the lease is of a machine with these MACs and DUIDs. A DUID that names no MAC and
    that nobody has written down may be anybody's: then dnsmasq, which has seen the MAC, is
    believed."""
    if lease.mac_address in names or lease.duid in names:
        return True
    return (
        lease.mac_address is None and lease.duid != "" and all(len(name) == _MAC for name in names)
    )


def named(lease: Sighting) -> str:
    """Who holds a lease: its MAC or DUID, and what it calls itself."""
    machine = lease.mac_address or lease.duid or _("somebody")
    return f"{machine} ({lease.hostname})" if lease.hostname else machine


def moment(at: datetime) -> str:
    """In the reader's time and notation."""
    return _("it gives it back") if at >= FOREVER else str(localize(localtime(at)))
