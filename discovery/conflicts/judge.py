"""Compare evidence with the ledger. Nothing here reads or writes.

What is no conflict, though it looks like one:

- an IPv4 and IPv6 addresses of one machine, or several IPv6 addresses of it;
- a card of the same server at its address: bonded cards, two cards with one address;
- the MAC address of a virtual router (VRRP, HSRP, GLBP), which moves between machines;
- a router or proxy that answers ARP for others: a MAC address at more than MOST_ADDRESSES, or at
  the subnet's gateway;
- one MAC address in several subnets: a router has one for all of its interfaces;
- an address that changed hands: evidence that is older than TOGETHER compared with the newest of
  the address, and evidence from before the address was freed or its lease ended;
- a machine that has moved to another address: both must be seen again before that is a conflict;
- a client of a DHCP pool whose lease is not read yet, or of a pool whose leases are not known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import filterfalse
from operator import attrgetter
from typing import Any

from discovery.conflicts.evidence import IS_LEASE, PLACE, Place, Seen, macs_of
from discovery.conflicts.ledger import DHCP, NOBODY, Holder, Ledger
from discovery.conflicts.models import Conflict
from ipam.models import IPAddress, Pool, Subnet

Kind = Conflict.Kind
QUARANTINE = IPAddress.Status.QUARANTINE
TOGETHER = timedelta(minutes=2)  # between sightings of two machines that use an address at once
BOTH = timedelta(minutes=5)  # the same for two addresses of one machine: a round takes a while
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
TIME = attrgetter("seen_at")
RELEASED = timedelta(seconds=30)  # what is seen so shortly after a lease may be from before


@dataclass(frozen=True, slots=True)
class Verdict:
    """A contradiction. Where `weakest` is given, it is a suspicion until every side was seen again
    after `noticed`; it is when the side was seen that was not seen for longest."""

    subject: str
    kind: str
    vrf_id: int | None
    ip: Any
    mac: str | None
    ledger: dict[str, Any]
    seen: list[dict[str, Any]]
    last_seen: datetime
    weakest: datetime | None = None


@dataclass(slots=True)
class Case:
    """One address: what the ledger and the network say of it."""

    place: Place
    seen: list[Seen]
    ledger: Ledger
    for_many: set[str] = field(default_factory=set)  # MAC addresses that answer for others
    last_lease: datetime = BEGINNING  # when it ended, or will end

    @property
    def holder(self) -> Holder:
        return self.ledger.holder(self.place)

    @property
    def pool(self) -> Pool | None:
        return self.ledger.pool(self.place)

    def is_own(self, one: Seen) -> bool:
        """Whether it shows the machine that the ledger has there."""
        return self.holder.has(one.mac, one.duid)

    def is_evidence(self, one: Seen) -> bool:
        """Whether it says something about who uses the address."""
        return one.is_lease or one.mac not in self.for_many

    def is_elsewhere(self, one: Seen) -> bool:
        """Whether it shows a machine that the ledger has at another place."""
        return self.ledger.owner(one.mac, one.vrf_id) not in (None, self.holder.owner)

    def strangers(self) -> list[Seen]:
        """Evidence of other machines than the ledger's, while nothing newer speaks against it."""
        since = _latest(self.in_use()) - TOGETHER
        found = filter(self.is_strange, self.seen)
        return [one for one in found if one.is_lease or one.seen_at >= since]

    def is_strange(self, one: Seen) -> bool:
        """Whether it shows another machine than the ledger's."""
        return one.is_machine and self.is_evidence(one) and not self.is_own(one)

    def in_use(self, after: datetime = BEGINNING) -> list[Seen]:
        """Evidence that a machine uses the address, whichever. A ping shows nothing where a router
        has answered the ARP request before it."""
        rows = list(filterfalse(IS_LEASE, self.seen))
        found = list(filter(self.is_evidence, rows))
        if len(found) < len(rows) and not macs_of(found):
            return []
        return [one for one in found if one.seen_at > after]


def judge_address(case: Case) -> Verdict | None:
    """The first contradiction that fits, the gravest first."""
    if case.holder.status == QUARANTINE:
        return None  # somebody has seen to it
    for rule in _RULES[case.holder is NOBODY]:
        if found := rule(case):
            return found
    return None


# --- the rules for an address ---------------------------------------------------------------------


def _leased(case: Case) -> Verdict | None:
    """The ledger gives it to a machine, and another one has leased it."""
    strangers = case.strangers()
    if case.holder.is_known and any(map(IS_LEASE, strangers)):
        return _verdict(case, Kind.LEASED, strangers)
    return None


def _used(case: Case) -> Verdict | None:
    """The ledger gives it to a machine, and another one uses it."""
    if case.holder.is_virtual:
        return None  # its host may answer for it
    strangers = filterfalse(IS_LEASE, case.strangers())
    if case.holder.macs:
        return _verdict(case, Kind.USED, list(strangers))
    # Only a machine that the ledger has elsewhere is surely another one.
    return _verdict(case, Kind.USED, list(filter(case.is_elsewhere, strangers)))


def _squatter(case: Case) -> Verdict | None:
    """It is of a pool, nobody was given it, and it is in use."""
    pool = case.pool
    if pool is None or not case.ledger.is_given_out(case.place):
        return None
    if pool.kind == DHCP:
        return _without_lease(case, pool)
    freed_at = case.ledger.freed_at.get(case.place, BEGINNING)
    return _verdict(case, Kind.SQUATTER, case.in_use(freed_at))


def _without_lease(case: Case, pool: Pool) -> Verdict | None:
    """An address of a DHCP pool that is used without a lease. Lease and sighting come by different
    ways, so it must be seen again."""
    if any(map(IS_LEASE, case.seen)) or not pool.has_leases:  # type: ignore[attr-defined]
        return None
    used = case.in_use(case.last_lease + RELEASED)
    found = [one for one in used if one.source != "dhcp"]
    return _verdict(case, Kind.SQUATTER, found, _latest(found))


def _duplicate(case: Case) -> Verdict | None:
    """Two machines use it, whoever they are. Seen again, so that it did not just change hands."""
    machines = filter(attrgetter("is_machine"), case.in_use())
    together = _together(machines, attrgetter("mac"), TOGETHER)
    # Cards of one server are one machine.
    if len({case.ledger.owner(one.mac, one.vrf_id) or one.mac for one in together}) < 2:
        return None
    return _verdict(case, Kind.DUPLICATE, together, min(map(TIME, together)))


_RULES: dict[bool, Sequence[Callable[[Case], Verdict | None]]] = {
    False: (_leased, _used, _duplicate),
    True: (_squatter, _duplicate),  # of an address that nobody has
}


# --- the rule for a machine -----------------------------------------------------------------------


def judge_machine(
    mac: str, seen: Sequence[Seen], ledger: Ledger, contested: set[Place]
) -> Verdict | None:
    """One MAC address at two IPv4 addresses of one subnet at the same time, of which the ledger
    knows at most one. `contested` are addresses whose own conflict says more."""
    for subnet, found in _by_subnet(seen, ledger):
        together = sorted(_together(found, PLACE, BOTH), key=lambda one: int(one.ip))
        strange = list(filterfalse(ledger.has, together))
        is_router = subnet.gateway in map(attrgetter("ip"), found)
        if len(together) > 1 and not is_router and not contested.issuperset(map(PLACE, strange)):
            return _of_machine(mac, together, strange[0], ledger)
    return None


def _by_subnet(seen: Iterable[Seen], ledger: Ledger) -> Iterator[tuple[Subnet, list[Seen]]]:
    """What was seen in each IPv4 subnet."""
    groups: dict[Any, list[Seen]] = defaultdict(list)
    for one in filter(attrgetter("is_machine"), seen):
        groups[ledger.subnet(one.place)].append(one)
    groups.pop(None, None)
    for subnet, found in sorted(groups.items(), key=lambda group: group[0].pk):
        if subnet.network.version == 4:
            yield subnet, found


def _of_machine(mac: str, seen: list[Seen], strange: Seen, ledger: Ledger) -> Verdict:
    card = ledger.card(mac, strange.vrf_id)
    known: dict[str, Any] = {}
    if card:
        known = {"kind": card.kind, "id": card.id, "name": card.name, "macs": [mac]}
        known["ip"] = str(card.ip or "")
    return Verdict(
        subject_of_machine(strange.vrf_id, mac),
        Kind.TWO_ADDRESSES,
        strange.vrf_id,
        strange.ip,
        mac,
        known,
        [_as_json(one, ledger, own=ledger.has(one)) for one in seen],
        _latest(seen),
        weakest=min(map(TIME, seen)),
    )


# --- what both have in common ---------------------------------------------------------------------


def subject_of_address(place: Place) -> str:
    vrf_id, ip = place
    return f"address/{vrf_id or 0}/{ip}"


def subject_of_machine(vrf_id: int | None, mac: str) -> str:
    return f"machine/{vrf_id or 0}/{mac}"


def _latest(seen: Iterable[Seen]) -> datetime:
    """When the newest was seen; long ago where there is none."""
    return max(map(TIME, seen), default=BEGINNING)


def _together(seen: Iterable[Seen], key: Callable[[Seen], Any], span: timedelta) -> list[Seen]:
    """The latest sighting of each key, of those that were seen at about the same time."""
    latest = {key(one): one for one in sorted(seen, key=TIME)}
    since = _latest(latest.values()) - span
    return [one for one in latest.values() if one.seen_at >= since]


def _verdict(
    case: Case, kind: str, against: Sequence[Seen], weakest: datetime | None = None
) -> Verdict | None:
    """The contradiction that this evidence shows; none without evidence."""
    if not against:
        return None
    strange = sorted(against, key=lambda one: (one.mac is None, -one.seen_at.timestamp()))
    sides = [*strange, *filter(case.is_own, case.seen)]
    return Verdict(
        subject_of_address(case.place),
        kind,
        case.place[0],
        case.place[1],
        strange[0].mac,
        _holder_as_json(case),
        [_as_json(one, case.ledger, own=case.is_own(one)) for one in sides],
        _latest(strange),
        weakest=weakest,
    )


def _holder_as_json(case: Case) -> dict[str, Any]:
    """`kind` and `id` of the row that has the address, its `name`, `status` and `macs`; of an
    address that nobody has, its `pool`."""
    facts: dict[str, Any] = {}
    holder = case.holder
    if holder is not NOBODY:
        facts = {"kind": holder.kind, "id": holder.id, "name": holder.name}
        facts["status"] = holder.status
        facts["macs"] = sorted(holder.macs)
    if pool := case.pool:
        facts["pool"] = str(pool)
        facts["pool_kind"] = pool.kind
    return facts


def _as_json(one: Seen, ledger: Ledger, *, own: bool) -> dict[str, Any]:
    """A sighting: `own` when it is the ledger's machine; `known` and `known_id` name the server
    that has the MAC address."""
    return {
        "id": one.id,
        "mac": one.mac,
        "ip": str(one.ip),
        "source": one.source,
        "first_seen": one.first_seen_at.isoformat(),
        "seen": one.seen_at.isoformat(),
        "until": one.until.isoformat() if one.until and one.is_lease else None,
        "hostname": one.hostname,
        "own": own,
        **ledger.named(one.mac, one.vrf_id),
    }
