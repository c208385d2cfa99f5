"""Keep the inbox in step with the sightings and the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.db import transaction
from django.db.models import Q

from discovery.conflicts import evidence
from discovery.conflicts.evidence import Seen, Window
from discovery.conflicts.ledger import known_macs
from discovery.inbox.models import UnknownDevice
from ipam.models import Interface, IPAddress, Server, Sighting
from ipam.querysets import write

MOST = 10_000  # new devices that are kept: a flood of made-up MAC addresses fills no disk
ASKED = ("lease", "dhcp")  # sources that show that the device has asked DHCP
State = UnknownDevice.State
_WRITTEN = (
    "state",
    "last_seen",
    "vrf",
    "ip_address",
    "source",
    "origin",
    "hostname",
    "requests",
    "asked_at",
    "done",
    "done_id",
)


@dataclass(frozen=True, slots=True)
class Found:
    """How many devices a round has found, and how many of the known ones are in the ledger now."""

    new: int = 0
    settled: int = 0


def round_since(since: datetime) -> Found:
    """Note what was seen since then, and the devices that the ledger has got to know since."""
    new = note(_sightings(since))
    return Found(new, settle(_changed_macs(since)))


def full_round(now: datetime) -> Found:
    """Note everything that counts as evidence now, and compare all devices with the ledger."""
    new = note(evidence.records(Window.at(now).current().exclude(mac_address=None)))
    rows = UnknownDevice.objects.exclude(state=State.DONE)
    return Found(new, settle(rows.values_list("mac_address", flat=True)))


def _sightings(since: datetime) -> Iterable[Seen]:
    rows = Sighting.objects.filter(seen_at__gt=since).exclude(mac_address=None)
    return evidence.records(rows.exclude(source="dns"))


def note(sightings: Iterable[Seen]) -> int:
    """Write the unknown devices among those that were seen; return how many are new."""
    latest: dict[str, list[Seen]] = defaultdict(list)
    for one in filter(attrgetter("is_machine"), sightings):
        latest[str(one.mac)].append(one)
    number = 0
    for some in evidence.chunks(sorted(latest)):
        unknown = sorted(set(some) - known_macs(some))
        number += _note({mac: sorted(latest[mac], key=attrgetter("seen_at")) for mac in unknown})
    if number:
        _trim()
    return number


def _note(seen: dict[str, list[Seen]]) -> int:
    """`seen` of each MAC address, the latest last."""
    rows = UnknownDevice.objects.filter(mac_address__in=seen).in_bulk(field_name="mac_address")
    new, changed = [], []
    for mac, found in seen.items():
        row = rows.get(mac)
        if row is None:
            first = min(map(attrgetter("first_seen_at"), found))
            row = UnknownDevice(mac_address=mac, first_seen=first, last_seen=first)
            new.append(row)
        elif row.last_seen >= found[-1].seen_at:
            continue
        else:
            changed.append(row)
        _add(row, found)
    with transaction.atomic():
        UnknownDevice.objects.bulk_create(new, ignore_conflicts=True)
        write(changed, _WRITTEN)
    return len(new)


def _add(row: UnknownDevice, found: Sequence[Seen]) -> None:
    """What the sightings say of the device, the latest last."""
    for one in found:
        if one.source in ASKED and (row.asked_at is None or one.seen_at > row.asked_at):
            row.requests += 1
            row.asked_at = one.seen_at
        row.hostname = one.hostname or row.hostname
    last = found[-1]
    row.last_seen = max(row.last_seen, last.seen_at)
    row.vrf_id, row.ip_address, row.source = last.vrf_id, last.ip, last.source
    if row.state == State.DONE and row.done != UnknownDevice.Done.QUARANTINED:
        # The ledger knew it, and does not any more.
        row.state, row.done, row.done_id = State.NEW, UnknownDevice.Done.NOTHING, None


def settle(macs: Iterable[str]) -> int:
    """Take those that the ledger knows out of the inbox; return how many."""
    number = 0
    for some in evidence.chunks(sorted(set(macs))):
        rows = UnknownDevice.objects.filter(mac_address__in=known_macs(some))
        number += rows.exclude(state=State.DONE).update(state=State.DONE)
    return number


def _changed_macs(since: datetime) -> set[str]:
    found: set[str] = set()
    for model in (Server, Interface, IPAddress):
        lines = model.history.filter(history_date__gt=since).exclude(mac_address=None).order_by()
        found.update(lines.values_list("mac_address", flat=True))
    return found


def _trim() -> None:
    """Drop the new devices that were not seen for longest, beyond MOST."""
    rows = UnknownDevice.objects.new().order_by("-last_seen", "-pk")
    last = rows[MOST - 1 : MOST].values_list("last_seen", "pk")
    for seen, pk in last:
        older = Q(last_seen__lt=seen) | Q(last_seen=seen, pk__lt=pk)
        UnknownDevice.objects.new().filter(older).delete()
