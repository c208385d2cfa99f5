"""A machine that has a new reservation is live when the network shows it: by a lease, an offer or
an answer that is newer than the change (dhcp/state). Nothing is inferred from our own write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from dhcp.state import machines
from events.collect import places
from events.collect.lock import held
from events.collect.write import write
from events.models import Event, OpenState
from ipam.models import Server, Sighting

SOURCE = "awaited"
FORGOTTEN = timedelta(days=7)  # a machine that has not come for so long is told no more
AT_ONCE = 200  # machines in one round
COLUMNS = {"ip_address", "mac_address", "enabled", "vrf_id"}


def await_machines(events: Iterable[Event]) -> None:
    """Remember the servers whose reservation has changed, in the transaction of these events."""
    began = {}
    for event in filter(_is_new, events):
        row = OpenState(source=SOURCE, key=event.subject_id, since=event.at)
        began[event.subject_id] = row
    if began:
        OpenState.objects.filter(source=SOURCE, key__in=list(began)).delete()
        OpenState.objects.bulk_create(began.values())


def _is_new(event: Event) -> bool:
    if event.kind not in ("server.created", "server.changed"):
        return False
    changed = event.data.get("changed", COLUMNS)  # all of a new server's
    has_both = bool(event.data["ip_address"] and event.data["mac_address"])
    return has_both and not COLUMNS.isdisjoint(changed)


class Awaited:
    """Goes round the awaited machines, AT_ONCE at a time."""

    def __init__(self) -> None:
        self.last = 0

    def look(self) -> int:
        """Tell of those that are live now; return their number."""
        rows = OpenState.objects.filter(source=SOURCE, pk__gt=self.last).order_by("pk")
        found = list(rows[:AT_ONCE])
        self.last = found[-1].pk if len(found) == AT_ONCE else 0
        if not found:
            return 0
        live = _live({row.key: row for row in found})
        old = timezone.now() - FORGOTTEN
        done = [row.pk for row in found if row.key in live or row.since < old]
        if not done:
            return 0
        return _tell(live, done)


def _live(awaited: dict[str, OpenState]) -> dict[str, Event]:
    """The events of those that are live. Only who was seen since the change is judged."""
    servers = _seen_since(min(map(attrgetter("since"), awaited.values())), list(awaited))
    if not servers:
        return {}
    found: dict[str, Event] = {}
    for key, state in machines.states_of_servers(servers.values()).items():
        row = awaited[str(key)]
        if state.kind == machines.LIVE and (state.seen_at or row.since) > row.since:
            found[str(key)] = _event(servers[key], row, state.seen_at)
    return found


def _seen_since(first: datetime, keys: list[str]) -> dict[int, Server]:
    """Those of the servers whose address was seen since then."""
    seen = Sighting.objects.filter(ip_address=OuterRef("ip_address"), seen_at__gte=first)
    return Server.objects.filter(Exists(seen), pk__in=keys).in_bulk()


def _event(server: Server, row: OpenState, seen_at: Any) -> Event:
    return Event(
        at=seen_at,
        kind="machine.live",
        subject_model="ipam.server",
        subject_id=str(server.pk),
        subject=server.hostname,
        vrf_id=server.vrf_id,
        ip_address=server.ip_address,
        data={
            "hostname": server.hostname,
            "ip_address": str(server.ip_address),
            "since": row.since.isoformat(),
        },
        origin=f"{SOURCE}:{row.pk}",
    )


def _tell(live: dict[str, Event], done: list[int]) -> int:
    with held() as is_mine:
        if not is_mine:
            return 0
        left = set(OpenState.objects.filter(pk__in=done).values_list("key", flat=True))
        events = [event for key, event in live.items() if key in left]
        places.place_in_subnets(events)
        write(events)
        OpenState.objects.filter(pk__in=done).delete()
    return len(events)
