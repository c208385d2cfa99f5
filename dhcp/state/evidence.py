"""Everything that decides the DHCP state of network cards, read for any number of cards in the same
few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from itertools import chain, product
from operator import attrgetter
from typing import Any

from django.db.models import Q
from django.utils import timezone

from dhcp.daemon import heartbeat, installed, ranges
from dhcp.daemon.heartbeat import HeartbeatState
from dhcp.daemon.own_addresses import own_addresses
from dhcp.edits.written import read_file
from dhcp.files import check
from dhcp.files.targets import Target
from dhcp.host.findings import HostFinding
from dhcp.log import evidence as log_evidence
from dhcp.log.evidence import LogEvidence
from dhcp.models import DhcpChange, DhcpScope, DhcpServer, Eviction, Generation, HandEdit
from dhcp.servers import ServerSelector, local_targets
from dhcp.state import host
from dhcp.state.network_cards import (
    INTERFACE,
    KINDS,
    CardKey,
    NetworkCard,
    addresses_of,
    identities_of,
)
from ipam.addresses import Address, Network, host_network, supernets
from ipam.models import Interface, Server, Sighting, Subnet
from ipam.querysets import SubnetIndex

_MAC_LENGTH = len("02:00:00:00:00:0a")
FRESH = timedelta(hours=1)  # an older answer says nothing about now
# A change of one of these kinds may concern every card of its DHCP server.
_CONCERNS_ALL = ("subnet", "ledger", "dhcpserver")


@dataclass(slots=True)
class Evidence:
    """What is known about some cards. `server_id` is None for the default DHCP server."""

    subnets: SubnetIndex
    selector: ServerSelector = field(default_factory=ServerSelector)
    # Pending changes as (server_id, kind, object_id), and the servers whose every card may be
    # concerned by one.
    pending: set[tuple[int | None, str, int | None]] = field(default_factory=set)
    all_pending: set[int | None] = field(default_factory=set)
    newest: dict[int | None, Generation] = field(default_factory=dict)
    # The newest generation of each server that was applied: what its files say.
    applied: dict[int | None, Generation] = field(default_factory=dict)
    # How each server's dnsmasq was last seen.
    heartbeats: dict[int | None, HeartbeatState] = field(default_factory=dict)
    # The servers whose files this installation writes; and of those that a rollback holds, the
    # lines of the hosts file, as (MAC or DUID, address).
    targets: dict[int | None, Target] = field(default_factory=dict)
    held: dict[int | None, set[tuple[str, Address]]] = field(default_factory=dict)
    # What each server cannot hand out, because its host has it.
    own_addresses: dict[int | None, set[Address]] = field(default_factory=lambda: defaultdict(set))
    problems: dict[tuple[int | None, CardKey], dict[str, Any]] = field(default_factory=dict)
    # The successful probes of those generations, by server_id, MAC and address.
    probes: dict[tuple[int | None, str | None, str], dict[str, Any]] = field(default_factory=dict)
    # Live leases by their address, and by their holder's MAC and DUID; the longest first.
    leases_by_ip: dict[Address | None, list[Sighting]] = field(
        default_factory=lambda: defaultdict(list)
    )
    leases_by_holder: dict[str, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    # Other fresh evidence that somebody uses an address (ARP, ping, …), the newest first.
    answers: dict[Address | None, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    # The leases that are as some card of the ledger says, as (MAC, address).
    right: set[tuple[str | None, Address | None]] = field(default_factory=set)
    evictions: dict[Address, list[Eviction]] = field(default_factory=lambda: defaultdict(list))
    # The MACs and DUIDs that may hold an address of a server.
    allowed: dict[tuple[int, Address | None], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    log: LogEvidence = field(default_factory=LogEvidence)
    # By the MAC or DUID and the address of the line before the edit.
    hand_edits: dict[tuple[str, str], HandEdit] = field(default_factory=dict)
    # The scopes of the cards' subnets by the subnets' keys.
    scopes: dict[int, DhcpScope] = field(default_factory=dict)
    # The networks with a range in the default server's installed configuration; None where that
    # file is not known.
    installed: frozenset[Network] | None = None
    # What was found on the hosts of the DHCP servers (dhcp/state/host.py).
    host_findings: dict[int | None, list[HostFinding]] = field(
        default_factory=lambda: defaultdict(list)
    )
    # What running servers have a range for; looked up where a subnet has no scope.
    _ranges: dict[Target, frozenset[Network]] = field(default_factory=dict)

    def server_id(self, card: NetworkCard) -> int | None:
        """The DHCP server that serves the card's address."""
        return self.selector.server_id_for(self.subnet(card))

    def dhcp_server(self, card: NetworkCard) -> DhcpServer | None:
        """The server that serves the card's address; None for the default one."""
        return self.selector.servers.get(self.server_id(card) or 0)

    def subnet(self, card: NetworkCard) -> Subnet | None:
        """The subnet of the global address space that contains the card's address."""
        if card.ip is None:
            return None
        return self.subnets.containing(None, card.ip)

    def scope(self, card: NetworkCard) -> DhcpScope | None:
        """The scope of the card's subnet."""
        subnet = self.subnet(card)
        return self.scopes.get(subnet.pk) if subnet else None

    def is_in_foreign_range(self, card: NetworkCard) -> bool:
        """Whether the running dnsmasq has a range around the card's address, without a scope of
        ours."""
        return bool(self._ranges_around(card))

    def _ranges_around(self, card: NetworkCard) -> set[Network]:
        """The networks of the running dnsmasq's ranges with the card's address."""
        target = self.targets.get(self.server_id(card))
        if target is None or card.ip is None:
            return set()
        if target not in self._ranges:
            self._ranges[target] = ranges.served_networks(target)
        return set(self._ranges[target].intersection(supernets(host_network(card.ip))))

    def is_connected(self, card: NetworkCard) -> bool:
        """Whether anybody tells the card's dnsmasq of its files, or asks what it has read. What an
        agent does on its own host is not known here."""
        target = self.targets.get(self.server_id(card))
        return target is None or target.is_connected

    def heartbeat(self, card: NetworkCard) -> HeartbeatState:
        """How the card's dnsmasq was last seen."""
        return self.heartbeats.get(self.server_id(card), HeartbeatState())

    def was_reached_since(self, card: NetworkCard, at: datetime) -> bool:
        """Whether the card's dnsmasq has confirmed a generation since then, or was signalled by
        its process id, which must have been there."""
        server_id = self.server_id(card)
        applied, target = self.applied.get(server_id), self.targets.get(server_id)
        if applied is None or target is None or applied.updated_at < at:
            return False
        return bool(applied.confirmed) or target.reload.startswith("pidfile")

    def is_confirmed(self, card: NetworkCard) -> bool:
        """Whether the card's dnsmasq has confirmed what was applied last. Agents confirm when they
        apply."""
        server_id = self.server_id(card)
        applied, target = self.applied.get(server_id), self.targets.get(server_id)
        if target is None:
            return bool(applied and applied.confirmed)
        return self.heartbeat(card).has_confirmed(target, applied)

    def is_held_back(self, card: NetworkCard) -> bool:
        """Whether a rollback holds the card's server at files without its line."""
        lines = self.held.get(self.server_id(card))
        if lines is None or card.ip is None:
            return False
        addresses = {card.ip}
        if card.ip.version == 6:
            addresses.add(IPv6Address(int(card.ip) & ((1 << 64) - 1)))  # written by its end
        return lines.isdisjoint(product(card.identities, addresses))

    def is_own_address(self, card: NetworkCard) -> bool:
        """Whether its dnsmasq has the card's address itself."""
        return card.ip in self.own_addresses[self.server_id(card)]

    def problem(self, card: NetworkCard) -> dict[str, Any] | None:
        """What the newest generation reports about the card."""
        return self.problems.get((self.server_id(card), card.key))

    def problem_of_scope(self, card: NetworkCard) -> dict[str, Any] | None:
        """What the newest generation reports about the card's scope."""
        scope = self.scope(card)
        if scope is None:
            return None
        return self.problems.get((self.server_id(card), ("dhcpscope", scope.pk)))

    def is_pending(self, card: NetworkCard) -> bool:
        """Whether a change waits that may concern the card."""
        server_id = self.server_id(card)
        if server_id in self.all_pending:
            return True
        own_changes = {(server_id, "server", card.server_id), (server_id, *card.key)}
        return not own_changes.isdisjoint(self.pending)

    def leases_of(self, card: NetworkCard) -> Iterator[Sighting]:
        """The leases that the card's machine holds."""
        for identity in sorted(card.identities):
            yield from self.leases_by_holder[identity]

    def is_in_subnet_of(self, card: NetworkCard, ip: Address) -> bool:
        """Whether the address is in the subnet of the card's own, or in a subnet that dnsmasq
        serves by the same range."""
        subnet = self.subnet(card)
        if subnet is None:
            return False
        around = self._ranges_around(card).intersection(supernets(host_network(ip)))
        return ip in subnet.network or bool(around)

    def own_lease(self, card: NetworkCard) -> Sighting | None:
        """The lease of the card's address, if the card's machine holds it."""
        allowed = self.allowed[card.server_id, card.ip]
        for lease in self.leases_by_ip[card.ip]:
            if is_held_by(lease, allowed):
                return lease
        return None

    def own_answer(self, card: NetworkCard) -> Sighting | None:
        """The newest answer from the card's address, unless another machine gave it."""
        allowed = {None, *self.allowed[card.server_id, card.ip]}
        newest = next(iter(self.answers[card.ip]), None)
        return newest if newest and newest.mac_address in allowed else None

    def foreign_answer(self, card: NetworkCard) -> Sighting | None:
        """The newest answer from the card's address, if another machine gave it."""
        allowed = self.allowed[card.server_id, card.ip]
        newest = next(filter(attrgetter("mac_address"), self.answers[card.ip]), None)
        return newest if newest and newest.mac_address not in allowed else None

    def successful_probe(self, card: NetworkCard) -> dict[str, Any] | None:
        """The newest generation's probe that was offered the card's address."""
        return self.probes.get((self.server_id(card), card.mac, str(card.ip)))

    def hand_edit(self, card: NetworkCard) -> HandEdit | None:
        """An undecided edit of the card's line that dnsmasq serves."""
        lines = product(card.identities, [str(card.ip)])
        return next(filter(None, map(self.hand_edits.get, lines)), None)


def gather_evidence(cards: Sequence[NetworkCard]) -> Evidence:
    """Read what the states of these cards depend on. The number of queries does not grow."""
    ips = addresses_of(cards)
    subnets = Subnet.objects.in_vrf(None).only("vrf", "network", "site")
    evidence = Evidence(SubnetIndex.of(ips, subnets), ServerSelector.load())
    _add_changes(evidence, cards)
    _add_sightings(evidence, cards, ips)
    _add_right_leases(evidence, cards)
    _add_allowed_holders(evidence, cards)
    _add_hand_edits(evidence)
    _add_scopes(evidence, cards)
    _add_targets(evidence)
    _add_generations(evidence)
    evidence.log = log_evidence.recent(list(filter(_is_mac, identities_of(cards))), ips)
    for row in host.reports():
        evidence.host_findings[row.server_id] += host.findings_of(row)
    return evidence


def is_held_by(lease: Sighting, identities: Collection[str]) -> bool:
    """Whether a machine with these MACs and DUIDs holds the lease.

    A DUID without a MAC that the ledger does not know may be any machine's. Where the ledger knows
    MACs only, dnsmasq, which has seen the MAC, is believed."""
    if not {lease.mac_address, lease.duid}.isdisjoint(identities):
        return True
    if lease.mac_address is not None or lease.duid == "":
        return False
    return all(map(_is_mac, identities))


def _is_mac(identity: str) -> bool:
    return len(identity) == _MAC_LENGTH


def _add_changes(evidence: Evidence, cards: Sequence[NetworkCard]) -> None:
    ids: set[int] = set()
    for card in cards:
        ids.update((card.id, card.server_id))
    concerned = Q(kind__in=_CONCERNS_ALL)
    concerned |= Q(kind__in=KINDS, object_id__in=ids)
    # A scope that names another DHCP server moves all machines of its subnet.
    concerned |= Q(kind="dhcpscope", detail__contains="server_id")
    rows = DhcpChange.objects.filter(concerned).values_list("server_id", "kind", "object_id")
    for server_id, kind, object_id in rows.distinct():
        evidence.pending.add((server_id, kind, object_id))
        if kind not in KINDS:
            evidence.all_pending.add(server_id)


def _add_sightings(
    evidence: Evidence, cards: Sequence[NetworkCard], ips: Sequence[Address]
) -> None:
    """Live leases, and fresh answers from the cards' addresses."""
    identities = identities_of(cards)
    macs = set(filter(_is_mac, identities))
    duids = identities - macs
    now, is_lease = timezone.now(), Q(source=Sighting.Source.LEASE)
    concerned = Q(ip_address__in=ips) | Q(mac_address__in=macs) | Q(duid__in=duids)
    answered = Q(ip_address__in=ips, seen_at__gt=now - FRESH, source__in=Sighting.ANSWERS)
    wanted = (is_lease & Q(leased_until__gt=now) & concerned) | answered
    for row in Sighting.objects.filter(wanted, vrf=None).order_by("-leased_until", "-seen_at"):
        if row.source != Sighting.Source.LEASE:
            evidence.answers[row.ip_address].append(row)
            continue
        evidence.leases_by_ip[row.ip_address].append(row)
        for holder in {row.mac_address, row.duid} - {None, ""}:
            evidence.leases_by_holder[str(holder)].append(row)
    for eviction in Eviction.objects.possibly_in_use().filter(ip_address__in=ips):
        evidence.evictions[eviction.ip_address].append(eviction)


def _add_right_leases(evidence: Evidence, cards: Sequence[NetworkCard]) -> None:
    """Of the cards' leases of other addresses: those that other cards with the same MAC should
    have. Two queries, where there is any."""
    own = set(addresses_of(cards))
    leases = chain.from_iterable(evidence.leases_by_holder.values())
    elsewhere = set(map(attrgetter("ip_address"), leases)) - own
    known = list(map(attrgetter("mac", "ip"), cards))
    if elsewhere:
        for rows in (Server.objects.filter(vrf=None), Interface.objects.filter(server__vrf=None)):
            found = rows.filter(ip_address__in=elsewhere)
            known += found.values_list("mac_address", "ip_address")
    evidence.right.update(filter(all, known))


def _add_allowed_holders(evidence: Evidence, cards: Sequence[NetworkCard]) -> None:
    """All cards of one server that share an address may hold it. An IPv6 address may be held by any
    card of its server: a machine has one DUID, made from the MAC of one of its cards (RFC 8415)."""
    known = defaultdict[int, set[tuple[Address | None, str]]](set)
    for server_id, ip, identity in _ledger_identities(cards):
        if identity:
            known[server_id].add((ip, identity))
    for card in cards:
        if card.ip is None:
            continue
        allowed = evidence.allowed[card.server_id, card.ip]
        allowed |= card.identities
        for ip, identity in known[card.server_id]:
            if ip == card.ip or card.ip.version == 6:
                allowed.add(identity)


def _ledger_identities(
    cards: Sequence[NetworkCard],
) -> Iterator[tuple[int, Address | None, str | None]]:
    """Server, address and MAC or DUID, which may be empty, of the cards of these servers. A
    server's own MAC is read only where an interface is among the cards: its own card has it."""
    servers = set(map(attrgetter("server_id"), cards))
    nics = Interface.objects.filter(server__in=servers)
    for server_id, ip, mac, duid in nics.values_list(
        "server_id", "ip_address", "mac_address", "duid"
    ):
        yield server_id, ip, mac
        yield server_id, ip, duid.lower()
    if owners := {card.server_id for card in cards if card.kind == INTERFACE}:
        rows = Server.objects.filter(pk__in=owners)
        yield from rows.values_list("pk", "ip_address", "mac_address")


def _add_hand_edits(evidence: Evidence) -> None:
    served = HandEdit.objects.undecided().filter(file=HandEdit.File.HOSTS, served=True)
    for edit in served.exclude(was=""):
        row = check.host_row(edit.was.encode())
        if isinstance(row, check.Row):
            for identity in row.identities:
                evidence.hand_edits[identity, str(row.ip)] = edit


def _add_scopes(evidence: Evidence, cards: Sequence[NetworkCard]) -> None:
    """The scopes of the cards' subnets. Ranges are known for the default server only: where other
    servers' configurations are installed is not known."""
    subnets = set(filter(None, map(evidence.subnet, cards)))
    for scope in DhcpScope.objects.filter(subnet__in=subnets).only("enabled", "subnet"):
        evidence.scopes[scope.subnet_id] = scope
    conf = installed.compare(Target.from_settings())
    if conf.is_known:
        evidence.installed = conf.networks


def _add_targets(evidence: Evidence) -> None:
    """The servers of this installation, and what those of them serve that a rollback holds."""
    for target in local_targets(evidence.selector.servers.values()):
        evidence.targets[target.server_id] = target
        evidence.own_addresses[target.server_id] |= own_addresses(target)
        if target.held.exists():
            rows = check.hosts_file(read_file(target.hosts), None).rows
            lines = {(identity, row.ip) for row in rows for identity in row.identities}
            evidence.held[target.server_id] = lines


def _add_generations(evidence: Evidence) -> None:
    result = Generation.Result.APPLIED
    of_results = Generation.objects.newest_of_each_result("", result)
    evidence.newest, evidence.applied = of_results[""], of_results[result]
    evidence.heartbeats = heartbeat.states(evidence.selector.servers.values())
    for server_id, newest in evidence.newest.items():
        for problem in newest.problems:
            evidence.problems[server_id, (problem["kind"], problem["id"])] = problem
    for server_id, applied in evidence.applied.items():
        for probe in applied.probes or ():
            if not probe["reason"]:
                evidence.probes[server_id, probe["mac"], probe["wanted"]] = probe
                if probe["by"]:
                    evidence.own_addresses[server_id].add(ip_address(probe["by"]))
