"""In which order services start: those that others need come first."""

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.errors import Conflict, NotFound
from registry.records import ServiceRecord

Needs = Mapping[str, Iterable[str]]


@dataclass(frozen=True, slots=True)
class StartOrder:
    """What a service needs, nearest to the ground first and itself last, and which needed ids
    nobody has."""

    services: tuple[ServiceRecord, ...]
    missing: tuple[str, ...]


def start_order(records: Iterable[ServiceRecord], service_id: str) -> StartOrder:
    """The service with all that it needs, directly or not. Services that need nothing of each other
    stand in the order of their ids. Raises NotFound, and Conflict when there is no order, with the
    circle that prevents it."""
    known = {record.service_id: record for record in records}
    if service_id not in known:
        raise NotFound(_("Service %s is not registered.") % service_id)
    needs = reach({own: record.dependencies for own, record in known.items()}, service_id)
    found = circle(needs)
    if found:
        raise Conflict(
            _("These services need each other, so none can start first: %s.") % " → ".join(found),
            hint=_("Remove one of these dependencies."),
        )
    order = sorted_by_need(needs)
    return StartOrder(
        tuple(known[own] for own in order if own in known),
        tuple(sorted(own for own in order if own not in known)),
    )


def reach(needs: Needs, start: str) -> dict[str, tuple[str, ...]]:
    """What `start` needs, directly or not, itself included, each with its own needs, sorted."""
    found: dict[str, tuple[str, ...]] = {}
    waiting = deque([start])
    while waiting:
        own = waiting.popleft()
        if own not in found:
            found[own] = tuple(sorted(set(needs.get(own, ()))))
            waiting.extend(found[own])
    return found


def sorted_by_need(needs: Needs) -> list[str]:
    """Every id after those it needs, always the least that may come next; nobody in or behind a
    circle is there."""
    waits = {own: {other for other in others if other in needs} for own, others in needs.items()}
    needed_by: dict[str, list[str]] = {}
    for own, others in waits.items():
        for other in others:
            needed_by.setdefault(other, []).append(own)
    ready, order = [own for own, others in waits.items() if not others], list[str]()
    heapq.heapify(ready)
    while ready:
        order.append(heapq.heappop(ready))
        for own in needed_by.get(order[-1], []):
            waits[own].discard(order[-1])
            if not waits[own]:
                heapq.heappush(ready, own)
    return order


def cyclic(needs: Needs) -> frozenset[str]:
    """All that stand in a circle or need something that does."""
    return frozenset(needs) - frozenset(sorted_by_need(needs))


def circle(needs: Needs) -> list[str]:
    """One circle of services that need each other, its first member repeated at its end; empty when
    there is none."""
    stuck = cyclic(needs)
    if not stuck:
        return []
    own, path = min(stuck), dict[str, None]()
    while own not in path:
        path[own] = None
        own = min(other for other in needs[own] if other in stuck)
    found = list(path)[list(path).index(own) :]
    least = found.index(min(found))
    return [*found[least:], *found[:least], found[least]]
