"""Start order: the services that others need come first."""

from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush

from django.utils.translation import gettext as _

from core.errors import Conflict, NotFound
from registry.records import ServiceRecord

Needs = Mapping[str, Iterable[str]]


@dataclass(frozen=True, slots=True)
class StartOrder:
    """The services that a service needs, in start order and with itself last, and the needed ids
    that are not registered."""

    services: tuple[ServiceRecord, ...]
    missing: tuple[str, ...]


def start_order(records: Iterable[ServiceRecord], service_id: str) -> StartOrder:
    """The service with everything that it needs, directly or indirectly. Independent services are
    in the order of their ids.

    Raises NotFound, and Conflict with the circle of services that need each other."""
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
    """Everything that `start` needs, directly or indirectly, and itself, each with its sorted
    needs."""
    found: dict[str, tuple[str, ...]] = {}
    waiting = deque([start])
    while waiting:
        own = waiting.popleft()
        if own not in found:
            found[own] = tuple(sorted(set(needs.get(own, ()))))
            waiting.extend(found[own])
    return found


def sorted_by_need(needs: Needs) -> list[str]:
    """Every id after those that it needs; of several possible ids the least comes next. Ids that
    are in a circle or need one are left out."""
    sorter = TopologicalSorter[str]()
    for own, others in needs.items():
        sorter.add(own, *needs.keys() & others)
    with suppress(CycleError):  # the sorter then yields everything outside circles
        sorter.prepare()
    ready, order = list(sorter.get_ready()), list[str]()
    heapify(ready)
    while ready:
        order.append(heappop(ready))
        sorter.done(order[-1])
        for own in sorter.get_ready():
            heappush(ready, own)
    return order


def cyclic(needs: Needs) -> frozenset[str]:
    """The ids that are in a circle or need one."""
    return frozenset(needs) - frozenset(sorted_by_need(needs))


def circle(needs: Needs) -> list[str]:
    """One circle of services that need each other, from its least id back to it; empty when there
    is none."""
    stuck = cyclic(needs)
    if not stuck:
        return []
    own, path = min(stuck), dict[str, None]()  # in order, and fast to look up
    while own not in path:
        path[own] = None
        own = min(stuck.intersection(needs[own]))
    found = list(path)
    found = found[found.index(own) :]
    least = found.index(min(found))
    return [*found[least:], *found[:least], found[least]]
