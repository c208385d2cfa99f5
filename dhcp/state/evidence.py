"""Everything that decides the DHCP state of network cards, read for any number of cards in the same
few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils import timezone

from dhcp.daemon import installed
from dhcp.files import check
from dhcp.files.targets import Target
from dhcp.host.findings import HostFinding
from dhcp.models import DhcpChange, DhcpScope, DhcpServer, Eviction, Generation, HandEdit
from dhcp.servers import ServerSelector
from dhcp.state import host
from dhcp.state.network_cards import (
    INTERFACE,
    KINDS,
    CardKey,
    NetworkCard,
    addresses_of,
    identities_of,
)
from ipam.addresses import Address, Network
from ipam.models import Interface, Server, Sighting, Subnet
from ipam.querysets import SubnetIndex

_MAC_LENGTH = len("02:00:00:00:00:0a")
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
    problems: dict[tuple[int | None, CardKey], dict[str, Any]] = field(default_factory=dict)
    # The successful probes of the newest generations, by server_id, MAC and address.
    probes: dict[tuple[int | None, str | None, str], dict[str, Any]] = field(default_factory=dict)
    # Live leases by their address, and by their holder's MAC and DUID; the longest first.
    leases_by_ip: dict[Address, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    leases_by_holder: dict[str, list[Sighting]] = field(default_factory=lambda: defaultdict(list))
    evictions: dict[Address, list[Eviction]] = field(default_factory=lambda: defaultdict(list))
    # The MACs and DUIDs that may hold an address of a server.
    allowed: dict[tuple[int, Address], set[str]] = field(default_factory=lambda: defaultdict(set))
    # By the MAC or DUID and the address of the line before the edit.
    hand_edits: dict[tuple[str, str], HandEdit] = field(default_factory=dict)
    # The networks with a range in the default server's installed configuration, and the keys of
    # the subnets that need one; both empty where that file is not known.
    installed: frozenset[Network] = frozenset()
    scoped: set[int] = field(default_factory=set)
    # What was found on the hosts of the DHCP servers (dhcp/state/host.py).
    host_findings: dict[int | None, list[HostFinding]] = field(
        default_factory=lambda: defaultdict(list)
    )

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

    def problem(self, card: NetworkCard) -> dict[str, Any] | None:
        """What the newest generation reports about the card."""
        return self.problems.get((self.server_id(card), card.key))

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
        """Whether the address is in the subnet of the card's own."""
        subnet = self.subnet(card)
        return subnet is not None and ip in subnet.network

    def own_lease(self, card: NetworkCard) -> Sighting | None:
        """The lease of the card's address, if the card's machine holds it."""
        if card.ip is None:
            return None
        allowed = self.allowed[card.server_id, card.ip]
        for lease in self.leases_by_ip[card.ip]:
            if is_held_by(lease, allowed):
                return lease
        return None

    def successful_probe(self, card: NetworkCard) -> dict[str, Any] | None:
        """The newest generation's probe that was offered the card's address."""
        return self.probes.get((self.server_id(card), card.mac, str(card.ip)))

    def hand_edit(self, card: NetworkCard) -> HandEdit | None:
        """An undecided edit of the card's line that dnsmasq serves."""
        for identity in card.identities:
            if edit := self.hand_edits.get((identity, str(card.ip))):
                return edit
        return None


def gather_evidence(cards: Sequence[NetworkCard]) -> Evidence:
    """Read what the states of these cards depend on. The number of queries does not grow."""
    ips = addresses_of(cards)
    subnets = Subnet.objects.in_vrf(None).only("vrf", "network", "site")
    evidence = Evidence(SubnetIndex.of(ips, subnets), ServerSelector.load())
    _add_changes(evidence, cards)
    _add_leases(evidence, cards, ips)
    _add_allowed_holders(evidence, cards)
    _add_hand_edits(evidence)
    _add_installed_ranges(evidence)
    _add_generations(evidence)
    for row in host.reports():
        evidence.host_findings[row.server_id] += host.findings_of(row)
    return evidence


def is_held_by(lease: Sighting, identities: Collection[str]) -> bool:
    """Whether a machine with these MACs and DUIDs holds the lease.

    A DUID without a MAC that the ledger does not know may be any machine's. Where the ledger knows
    MACs only, dnsmasq, which has seen the MAC, is believed."""
    if lease.mac_address in identities or lease.duid in identities:
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


def _add_leases(evidence: Evidence, cards: Sequence[NetworkCard], ips: Sequence[Address]) -> None:
    identities = identities_of(cards)
    macs = set(filter(_is_mac, identities))
    duids = identities - macs
    live = Sighting.objects.filter(
        vrf=None, source=Sighting.Source.LEASE, leased_until__gt=timezone.now()
    )
    concerned = Q(ip_address__in=ips) | Q(mac_address__in=macs) | Q(duid__in=duids)
    for lease in live.filter(concerned).order_by("-leased_until"):
        evidence.leases_by_ip[lease.ip_address].append(lease)
        for holder in {lease.mac_address, lease.duid} - {None, ""}:
            evidence.leases_by_holder[str(holder)].append(lease)
    for eviction in Eviction.objects.possibly_in_use().filter(ip_address__in=ips):
        evidence.evictions[eviction.ip_address].append(eviction)


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
    servers = {card.server_id for card in cards}
    nics = Interface.objects.filter(server__in=servers)
    for server_id, ip, mac, duid in nics.values_list(
        "server_id", "ip_address", "mac_address", "duid"
    ):
        yield server_id, ip, mac
        yield server_id, ip, duid.lower()
    owners = {card.server_id for card in cards if card.kind == INTERFACE}
    rows = Server.objects.filter(pk__in=owners)
    yield from rows.values_list("pk", "ip_address", "mac_address")


def _add_hand_edits(evidence: Evidence) -> None:
    served = HandEdit.objects.undecided().filter(file=HandEdit.File.HOSTS, served=True)
    for edit in served.exclude(was=""):
        row = check.host_row(edit.was.encode())
        if isinstance(row, check.Row):
            for identity in row.identities:
                evidence.hand_edits[identity, str(row.ip)] = edit


def _add_installed_ranges(evidence: Evidence) -> None:
    """Only for the default server: where other servers' configurations are installed is not
    known."""
    conf = installed.compare(Target.from_settings())
    if not conf.is_known:
        return
    evidence.installed = conf.networks
    for scope in DhcpScope.objects.filter(enabled=True).select_related("subnet"):
        if evidence.selector.server_id_for(scope.subnet) is None:
            evidence.scoped.add(scope.subnet_id)


def _add_generations(evidence: Evidence) -> None:
    evidence.newest = Generation.objects.newest_of_each()
    for server_id, newest in evidence.newest.items():
        for problem in newest.problems:
            evidence.problems[server_id, (problem["kind"], problem["id"])] = problem
        for probe in newest.probes or ():
            if not probe["reason"]:
                evidence.probes[server_id, probe["mac"], probe["wanted"]] = probe
