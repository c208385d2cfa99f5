"""Derive the conflicts from what has changed: sightings, ledger and time.

A round judges the addresses and MAC addresses that were seen or changed since the last one, and
every conflict that is not over, whose evidence may have ended. So its cost grows with the change. A
full round goes through all evidence in parts; the worker runs one at its start and now and then, in
case a transaction of a change took longer than OVERLAP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, filterfalse, starmap
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.utils import timezone

from discovery.conflicts import evidence
from discovery.conflicts.evidence import Place, Seen, Window
from discovery.conflicts.judge import BEGINNING, Case, Verdict, judge_address, judge_machine
from discovery.conflicts.ledger import DHCP, Ledger
from discovery.conflicts.models import Conflict
from ipam.models import Interface, IPAddress, Pool, Server, Sighting, Subnet
from ipam.querysets import inside, keys_of, write

OVERLAP = timedelta(seconds=15)
State = Conflict.State
_WRITTEN = (
    "kind",
    "state",
    "vrf",
    "ip_address",
    "mac_address",
    "since",
    "last_seen",
    "ended_at",
    "noticed_at",
    "ledger",
    "seen",
)

_VALUES = attrgetter(*_WRITTEN[:2], "vrf_id", *_WRITTEN[3:])  # of a row, without its VRF's row
_SUBJECT = attrgetter("subject")

# What else is a conflict: functions that return the verdicts of other parts, all of them each time.
FURTHER: list[Callable[[], Iterable[Verdict]]] = []


@dataclass(slots=True)
class Changed:
    """What may have become or ceased to be a conflict."""

    places: set[Place] = field(default_factory=set)
    macs: set[str] = field(default_factory=set)

    def add_all(self, rows: Iterable[tuple[int | None, Any, str | None]]) -> None:
        """VRFs, addresses and MAC addresses."""
        for row in rows:
            self.add(*row)

    def add(self, vrf_id: int | None, ip: Any, mac: str | None) -> None:
        if ip is not None:
            self.places.add((vrf_id, ip))
        if mac:
            self.macs.add(mac)


@dataclass(frozen=True, slots=True)
class Round:
    """How many conflicts a round has opened and ended."""

    opened: int = 0
    ended: int = 0


def full_round(now: datetime | None = None) -> Round:
    """Judge everything that counts as evidence."""
    now = now or timezone.now()
    changed = Changed()
    for seen in evidence.records(Window.at(now).current()):
        changed.add(seen.vrf_id, seen.ip, seen.mac)
    return judge(changed, now)


def round_since(since: datetime, now: datetime | None = None) -> Round:
    """Judge what was seen or changed since then."""
    return judge(changes(since), now or timezone.now())


def judge(changed: Changed, now: datetime) -> Round:
    """Judge these, and the conflicts that are not over; keep the verdicts."""
    rows = Conflict.objects.judged().in_bulk(field_name="subject")
    for row in rows.values():
        if row.kind != Conflict.Kind.ROGUE_DHCP:
            changed.add(row.vrf_id, row.ip_address, row.mac_address)
    window = Window.at(now)
    found: list[Verdict] = []
    for places in evidence.chunks(list(changed.places)):
        found += _judge_places(places, window)
    contested = set(map(attrgetter("vrf_id", "ip"), found))
    for macs in evidence.chunks(list(changed.macs)):
        found += _judge_machines(macs, contested, window)
    for further in FURTHER:
        found += further()
    return keep(dict(zip(map(_SUBJECT, found), found, strict=True)), rows, now)


def changes(since: datetime) -> Changed:
    """The addresses and MAC addresses that were seen since, or that the ledger has changed."""
    changed = Changed()
    seen = Sighting.objects.order_by().values_list(*_COLUMNS)
    changed.add_all(seen.filter(seen_at__gt=since))
    for model, columns in _HISTORIES:
        lines = model.history.filter(history_date__gt=since).order_by()
        changed.add_all(lines.values_list(*columns))
    for vrf_id, network in _changed_networks(since):
        changed.add_all(seen.filter(inside("ip_address", [network]), vrf=vrf_id))
    return changed


_COLUMNS = ("vrf_id", "ip_address", "mac_address")
_HISTORIES: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (IPAddress, _COLUMNS),
    (Server, _COLUMNS),
    (Interface, ("server__vrf_id", "ip_address", "mac_address")),
)


def _changed_networks(since: datetime) -> set[tuple[int | None, Any]]:
    """The networks whose subnet or pools have changed."""
    subnets: Any = Subnet.history.filter(history_date__gt=since).order_by()
    pools: Any = Pool.history.filter(history_date__gt=since).order_by()
    found = set(subnets.values_list("vrf_id", "network"))
    ids = set(pools.values_list("subnet_id", flat=True))
    return found | set(Subnet.objects.filter(pk__in=ids).values_list("vrf_id", "network"))


# --- judging --------------------------------------------------------------------------------------


def _judge_places(places: Sequence[Place], window: Window) -> Iterator[Verdict]:
    seen = evidence.at(places, window)
    macs = evidence.macs_of(chain.from_iterable(seen.values()))
    ledger = Ledger.of(list(seen), macs)
    for_many = evidence.answering_for_many(macs, window) | _gateways(seen, ledger, window)
    leases = evidence.last_leases(_in_dhcp_pools(seen, ledger))
    for place, found in seen.items():
        case = Case(place, found, ledger, for_many, leases.get(place, BEGINNING))
        if verdict := judge_address(case):
            yield verdict


def _gateways(seen: dict[Place, list[Seen]], ledger: Ledger, window: Window) -> set[str]:
    """The MAC addresses of the gateways of these addresses' subnets: routers answer for others."""
    gateways = set()
    for place in seen:
        subnet = ledger.subnet(place)
        if subnet and subnet.gateway not in (None, place[1]):
            gateways.add((subnet.vrf_id, subnet.gateway))
    found = evidence.at(gateways, window)
    return evidence.macs_of(filterfalse(evidence.IS_LEASE, chain.from_iterable(found.values())))


def _in_dhcp_pools(seen: Iterable[Place], ledger: Ledger) -> list[Place]:
    return [place for place in seen if getattr(ledger.pool(place), "kind", "") == DHCP]


def _judge_machines(
    macs: Sequence[str], contested: set[Place], window: Window
) -> Iterator[Verdict]:
    seen = evidence.of_machines(set(macs) - evidence.answering_for_many(macs, window), window)
    several = {mac: found for mac, found in seen.items() if len(found) > 1}
    if not several:
        return
    places = set(map(evidence.PLACE, chain.from_iterable(several.values())))
    ledger = Ledger.of(places, several.keys())
    judged = starmap(partial(judge_machine, ledger=ledger, contested=contested), several.items())
    yield from filter(None, judged)


# --- keeping --------------------------------------------------------------------------------------


def keep(verdicts: dict[str, Verdict], rows: dict[str, Conflict], now: datetime) -> Round:
    """Bring the table in step. `rows` are all that are not over."""
    returning = list(verdicts.keys() - rows.keys())
    known = rows | Conflict.objects.in_bulk(returning, field_name="subject")
    new: list[Conflict] = []
    changed: list[Conflict] = []
    gone: list[int] = []
    counted = Counter[str]()
    for subject, verdict in verdicts.items():
        row = known.get(subject) or Conflict(subject=subject, state=State.ENDED, since=now)
        before, was_live = _VALUES(row), row.is_live
        _update(row, verdict, now)
        counted["opened"] += row.is_live > was_live
        if row.pk is None:
            new.append(row)
        elif _VALUES(row) != before:
            changed.append(row)
    for subject in sorted(rows.keys() - verdicts.keys()):
        row = rows[subject]
        if row.state == State.SUSPECTED and not row.reason:
            gone.append(row.pk)
            continue
        counted["ended"] += row.is_live
        row.state, row.ended_at, row.noticed_at = State.ENDED, now, None
        changed.append(row)
    with transaction.atomic():
        # Another node may have found the same.
        Conflict.objects.bulk_create(new, ignore_conflicts=True)
        _respect_people(changed)
        write(changed, _WRITTEN)
        for some in evidence.chunks(gone):
            Conflict.objects.filter(pk__in=some).delete()
    return Round(counted["opened"], counted["ended"])


def _respect_people(rows: Sequence[Conflict]) -> None:
    """Somebody may have muted or unmuted one since it was read."""
    reasons: dict[int, str] = {}
    for some in evidence.chunks(keys_of(rows)):
        locked = Conflict.objects.select_for_update(of=("self",)).filter(pk__in=some)
        reasons.update(locked.order_by("pk").values_list("pk", "reason"))
    for row in rows:
        row.reason = reasons.get(row.pk, row.reason)
        if row.is_live:
            row.state = row.live_state


def _update(row: Conflict, verdict: Verdict, now: datetime) -> None:
    row.kind, row.vrf_id = verdict.kind, verdict.vrf_id
    row.ip_address, row.mac_address = verdict.ip, verdict.mac
    row.ledger, row.seen = verdict.ledger, verdict.seen
    row.last_seen = verdict.last_seen
    if row.is_live:
        return
    if not _is_certain(row, verdict):
        row.state = State.SUSPECTED
        row.noticed_at = row.noticed_at or verdict.last_seen
        return
    row.since = row.noticed_at or now
    row.noticed_at = row.ended_at = None
    row.state = row.live_state


def _is_certain(row: Conflict, verdict: Verdict) -> bool:
    """Whether each side was seen again since it was suspected, where that is needed."""
    if verdict.weakest is None:
        return True
    return row.state == State.SUSPECTED and verdict.weakest > (row.noticed_at or verdict.weakest)
