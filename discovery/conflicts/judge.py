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

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import filterfalse
from operator import attrgetter
from typing import Any

from discovery.conflicts.evidence import Place, Seen, macs_of
from discovery.conflicts.ledger import DHCP, Holder, Ledger
from discovery.conflicts.models import Conflict
from ipam.models import IPAddress

Kind = Conflict.Kind
QUARANTINE = IPAddress.Status.QUARANTINE
TOGETHER = timedelta(minutes=2)  # between sightings of two machines that use an address at once
BOTH = timedelta(minutes=5)  # the same for two addresses of one machine: a round takes a while
_IS_LEASE = attrgetter("is_lease")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
RELEASED = timedelta(seconds=30)  # what is seen so shortly after a lease may be from before


@dataclass(frozen=True, slots=True)
class Verdict:
    """A contradiction. Where it `needs_repeat`, it is a suspicion until every side was seen again
    after `noticed`; `weakest` is when the side was seen that was not seen for longest."""

    subject: str
    kind: str
    vrf_id: int | None
    ip: Any
    mac: str | None
    ledger: dict[str, Any]
    seen: list[dict[str, Any]]
    last_seen: datetime
    needs_repeat: bool = False
    weakest: datetime | None = None


@dataclass(slots=True)
class Case:
    """One address: what the ledger and the network say of it."""

    place: Place
    seen: list[Seen]
    ledger: Ledger
    for_many: set[str] = field(default_factory=set)  # MAC addresses that answer for others
    last_lease: datetime | None = None  # when it ended, or will end

    @property
    def holder(self) -> Holder | None:
        return self.ledger.holder(self.place)

    def is_own(self, one: Seen) -> bool:
        """Whether it shows the machine that the ledger has there."""
        holder = self.holder
        return holder is not None and holder.has(one.mac, one.duid)

    def is_evidence(self, one: Seen) -> bool:
        """Whether it says something about who uses the address."""
        if one.mac is None or one.is_lease:
            return True
        return one.mac not in self.for_many

    def strangers(self) -> list[Seen]:
        """Evidence of other machines than the ledger's, while nothing newer speaks against it."""
        newest = _latest(self.in_use())
        found = list(filter(self.is_strange, self.seen))
        return [one for one in found if one.is_lease or not _is_past(one, newest)]

    def is_strange(self, one: Seen) -> bool:
        """Whether it shows another machine than the ledger's."""
        if not one.mac or one.is_virtual:
            return False
        return self.is_evidence(one) and not self.is_own(one)

    def in_use(self) -> list[Seen]:
        """Evidence that a machine uses the address, whichever. A ping shows nothing where a router
        has answered the ARP request before it."""
        rows = list(filterfalse(_IS_LEASE, self.seen))
        found = list(filter(self.is_evidence, rows))
        if len(found) < len(rows) and not macs_of(found):
            return []
        return found

    @property
    def has_lease(self) -> bool:
        """Whether anybody has leased it."""
        return any(map(_IS_LEASE, self.seen))


def judge_address(case: Case) -> Verdict | None:
    """The first contradiction that fits, the gravest first."""
    if case.holder and case.holder.status == QUARANTINE:
        return None  # somebody has seen to it
    for rule in _RULES:
        if found := rule(case):
            return found
    return None


def _is_past(one: Seen, newest: datetime) -> bool:
    return one.seen_at < newest - TOGETHER


# --- the rules for an address ---------------------------------------------------------------------


def _leased(case: Case) -> Verdict | None:
    """The ledger gives it to a machine, and another one has leased it."""
    holder = case.holder
    if holder is None or not (holder.macs or holder.duids):
        return None
    if any(map(_IS_LEASE, case.strangers())):
        return _verdict(case, Kind.LEASED, case.strangers())
    return None


def _used(case: Case) -> Verdict | None:
    """The ledger gives it to a machine, and another one uses it."""
    holder = case.holder
    if holder is None:
        return None
    strangers = list(filterfalse(_IS_LEASE, case.strangers()))
    if not holder.macs:  # only a machine that the ledger has elsewhere is surely another one
        strangers = [one for one in strangers if _is_elsewhere(case, one, holder)]
    if holder.is_virtual:
        return None  # its host may answer for it
    if strangers:
        return _verdict(case, Kind.USED, strangers)
    return None


def _is_elsewhere(case: Case, one: Seen, holder: Holder) -> bool:
    card = case.ledger.card(one.mac, one.vrf_id)
    return card is not None and (card.kind, card.id) != (holder.kind, holder.id)


def _squatter(case: Case) -> Verdict | None:
    """It is of a pool, nobody was given it, and it is in use."""
    pool = case.ledger.pool(case.place)
    if pool is None or case.holder or not case.ledger.is_given_out(case.place):
        return None
    if pool.kind == DHCP:
        return _without_lease(case)
    freed_at = case.ledger.freed_at.get(case.place, BEGINNING)
    found = [one for one in case.in_use() if one.seen_at > freed_at]
    if found:
        return _verdict(case, Kind.SQUATTER, found)
    return None


def _without_lease(case: Case) -> Verdict | None:
    """An address of a DHCP pool that is used without a lease. Lease and sighting come by different
    ways, so it must be seen again."""
    pool = case.ledger.pool(case.place)
    if case.has_lease or not getattr(pool, "has_leases", False):
        return None
    since = case.last_lease or BEGINNING
    found = [one for one in case.in_use() if one.seen_at > since + RELEASED]
    found = [one for one in found if one.source != "dhcp"]
    if not found:
        return None
    return _verdict(case, Kind.SQUATTER, found, _latest(found))


def _duplicate(case: Case) -> Verdict | None:
    """Two machines use it, whoever they are. Seen again, so that it did not just change hands."""
    by_mac: dict[str, Seen] = {}
    for one in sorted(filter(_is_machine, case.in_use()), key=_time):
        by_mac[str(one.mac)] = one
    newest = _latest(by_mac.values())
    together = [one for one in by_mac.values() if not _is_past(one, newest)]
    if len(_machines(case, together)) < 2:
        return None
    return _verdict(case, Kind.DUPLICATE, together, min(map(_time, together)))


def _is_machine(one: Seen) -> bool:
    return one.mac is not None and not one.is_virtual


def _machines(case: Case, seen: Sequence[Seen]) -> set[object]:
    """The machines behind the MAC addresses: cards of one server are one."""
    found: set[object] = set()
    for one in seen:
        card = case.ledger.card(one.mac, one.vrf_id)
        found.add((card.kind, card.id) if card else one.mac)
    return found


_RULES: Sequence[Callable[[Case], Verdict | None]] = (_leased, _used, _squatter, _duplicate)


# --- the rule for a machine -----------------------------------------------------------------------


def judge_machine(
    mac: str, seen: Sequence[Seen], ledger: Ledger, contested: set[Place]
) -> Verdict | None:
    """One MAC address at two IPv4 addresses of one subnet at the same time, of which the ledger
    knows at most one. `contested` are addresses whose own conflict says more."""
    for vrf_id, subnet, places in _by_subnet(seen, ledger):
        together = _together(places, ledger, mac)
        strange = []
        for one in together:
            if one.place not in contested and not _is_own(one, ledger, mac):
                strange.append(one)
        if len(together) < 2 or not strange:
            continue
        if subnet.gateway in map(attrgetter("ip"), places):
            continue
        return _of_machine(mac, vrf_id, together, ledger)
    return None


def _by_subnet(seen: Sequence[Seen], ledger: Ledger) -> Iterator[tuple[int | None, Any, list]]:
    groups: dict[int, list[Seen]] = {}
    subnets = {}
    for one in seen:
        subnet = ledger.subnet(one.place)
        if one.ip.version == 4 and subnet and not one.is_virtual:
            groups.setdefault(subnet.pk, []).append(one)
            subnets[subnet.pk] = subnet
    for key, found in sorted(groups.items()):
        yield subnets[key].vrf_id, subnets[key], found


def _together(seen: Sequence[Seen], ledger: Ledger, mac: str) -> list[Seen]:
    """The latest sighting of each address, of those that were seen at about the same time."""
    latest: dict[Place, Seen] = {}
    for one in sorted(seen, key=_time):
        latest[one.place] = one
    newest = _latest(latest.values())
    found = [one for one in latest.values() if one.seen_at >= newest - BOTH]
    return sorted(found, key=lambda one: int(one.ip))


def _is_own(one: Seen, ledger: Ledger, mac: str) -> bool:
    """Whether the ledger gives the address to the machine with this MAC address."""
    holder = ledger.holder(one.place)
    if holder is None:
        return False
    card = ledger.card(mac, one.vrf_id)
    return holder.has(mac) or (
        card is not None and (card.kind, card.id) == (holder.kind, holder.id)
    )


def _of_machine(mac: str, vrf_id: int | None, seen: list[Seen], ledger: Ledger) -> Verdict:
    card = ledger.card(mac, vrf_id)
    known: dict[str, Any] = {}
    if card:
        known = {"kind": card.kind, "id": card.id, "name": card.name, "macs": [mac]}
        known["ip"] = str(card.ip or "")
    sides = []
    for one in seen:
        sides.append(_as_json(one, ledger, own=_is_own(one, ledger, mac)))
    return Verdict(
        subject_of_machine(vrf_id, mac),
        Kind.TWO_ADDRESSES,
        vrf_id,
        _first_strange(seen, ledger, mac).ip,
        mac,
        known,
        sides,
        _latest(seen),
        needs_repeat=True,
        weakest=min(map(_time, seen)),
    )


def _first_strange(seen: Sequence[Seen], ledger: Ledger, mac: str) -> Seen:
    """The address that the ledger does not have for the machine."""
    for one in seen:
        if not _is_own(one, ledger, mac):
            return one
    return seen[0]


# --- what both have in common ---------------------------------------------------------------------


def subject_of_address(place: Place) -> str:
    vrf_id, ip = place
    return f"address/{vrf_id or 0}/{ip}"


def subject_of_machine(vrf_id: int | None, mac: str) -> str:
    return f"machine/{vrf_id or 0}/{mac}"


def _time(one: Seen) -> datetime:
    return one.seen_at


def _latest(seen: Iterable[Seen]) -> datetime:
    """When the newest was seen; long ago where there is none."""
    return max(map(_time, seen), default=BEGINNING)


def _verdict(
    case: Case, kind: str, against: Sequence[Seen], weakest: datetime | None = None
) -> Verdict:
    strange = sorted(against, key=lambda one: (one.mac is None, -one.seen_at.timestamp()))
    own = filter(case.is_own, case.seen)
    sides = []
    for one in [*strange, *own]:
        sides.append(_as_json(one, case.ledger, own=case.is_own(one)))
    return Verdict(
        subject_of_address(case.place),
        kind,
        case.place[0],
        case.place[1],
        strange[0].mac,
        _holder_as_json(case),
        sides,
        _latest(strange),
        needs_repeat=weakest is not None,
        weakest=weakest,
    )


def _holder_as_json(case: Case) -> dict[str, Any]:
    """`kind` and `id` of the row that has the address, its `name`, `status` and `macs`; of an
    address that nobody has, its `pool`."""
    facts: dict[str, Any] = {}
    if holder := case.holder:
        facts = {"kind": holder.kind, "id": holder.id, "name": holder.name}
        facts["status"] = holder.status
        facts["macs"] = sorted(holder.macs)
    if pool := case.ledger.pool(case.place):
        facts["pool"] = str(pool)
        facts["pool_kind"] = pool.kind
    return facts


def _as_json(one: Seen, ledger: Ledger, *, own: bool) -> dict[str, Any]:
    """A sighting: `own` when it is the ledger's machine; `known` and `known_id` name the server
    that has the MAC address."""
    card = ledger.card(one.mac, one.vrf_id)
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
        "known": card.name if card else "",
        "known_kind": card.kind if card else "",
        "known_id": card.id if card else None,
    }
