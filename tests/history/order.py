"""Can these calls have happened one after another? Each at one moment between its start and its
end.

All orders that are still possible are followed at once, call by call as they end, as worlds: what
the state would be, which of the calls that are under way would have changed it, and which have had
their moment without changing anything. When no world is left, there was no such order. (After Wing
and Gong, and Lowe's "Testing for linearizability".)"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tests.history.calls import LOST, NEVER, Call

# What a call may turn a state into; empty: it cannot have happened in that state.
Step = Callable[[Any, Call], Iterable[Any]]


class World(NamedTuple):
    """One way in which it may have been; `idle` calls may have changed nothing, and may still
    change something."""

    state: Any
    spent: frozenset[int] = frozenset()
    idle: frozenset[int] = frozenset()

    def ended(self, number: int) -> World:
        return World(self.state, self.spent - {number}, self.idle - {number})


def first_impossible(calls: list[Call], step: Step, state: Any) -> Call | None:
    """The first call that no order explains, given all before it; None when there is an order."""
    worlds = {World(state)}
    under_way: dict[int, Call] = {}
    for _moment, ends, number in sorted(_events(calls)):
        if not ends:
            under_way[number] = calls[number]
            continue
        spread = _spread(worlds, under_way, step)
        worlds = _best({w.ended(number) for w in spread if number in w.spent | w.idle}, under_way)
        del under_way[number]
        if not worlds:
            return calls[number]
    return None


def _events(calls: list[Call]) -> Iterable[tuple[float, bool, int]]:
    for number, call in enumerate(calls):
        yield call.start, False, number
        if call.returned < NEVER:
            yield call.returned, True, number


def _spread(worlds: Iterable[World], under_way: Mapping[int, Call], step: Step) -> set[World]:
    """All worlds that these can become while nothing ends. A lost call need not happen: it counts
    when it changes."""
    seen: set[World] = set()
    waiting = list(worlds)
    while waiting:
        state, spent, idle = waiting.pop()
        turns = [
            (number, tuple(step(state, call)))
            for number, call in under_way.items()
            if number not in spent
        ]
        idle |= {
            number for number, found in turns if state in found and under_way[number].answer != LOST
        }
        world = World(state, spent, idle)
        if world not in seen:
            seen.add(world)
            changes = [
                (number, after) for number, found in turns for after in found if after != state
            ]
            waiting += [World(after, spent | {number}, idle) for number, after in changes]
    return seen


def _best(worlds: set[World], under_way: Mapping[int, Call]) -> set[World]:
    """Without those to which another leaves no less open."""
    if len(worlds) == 1:
        return worlds
    lost = {number for number, call in under_way.items() if call.answer == LOST}

    def leaves_no_less(one: World, other: World) -> bool:
        return (
            one.state == other.state
            and one.spent <= other.spent
            and other.spent | other.idle <= one.spent | one.idle | lost
        )

    best: list[World] = []
    for world in sorted(worlds, key=lambda world: (len(world.spent), -len(world.idle))):
        if not any(leaves_no_less(other, world) for other in best):
            best.append(world)
    return set(best)
