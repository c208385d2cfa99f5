"""The graph of dependencies between services, laid out in columns (a Sugiyama layout): a service
stands left of everything that it needs.

Pure: the same records give the same graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter

from registry.discovery.start_order import cyclic, reach, sorted_by_need
from registry.records import ServiceRecord

WIDTH, HEIGHT = 176, 46  # of a box, in pixels like all sizes here
ACROSS, DOWN = 72, 18  # gaps between columns and rows
MISSING = "missing"
_SWEEPS = 4


@dataclass(slots=True, eq=False)
class Box:
    """A service, or a needed one that is not registered, and its place in the graph.

    A bend is a box without a service, where a line over several columns passes one of them, so that
    no line runs behind another service."""

    id: str
    record: ServiceRecord | None = None
    needs: tuple[str, ...] = ()
    column: int = 0
    row: float = 0.0
    is_bend: bool = False

    @property
    def status(self) -> str:
        return self.record.status if self.record else MISSING

    @property
    def x(self) -> float:
        return self.column * (WIDTH + ACROSS)

    @property
    def y(self) -> float:
        return self.row * (HEIGHT + DOWN)


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two boxes; the last line of a dependency has the arrow."""

    start: Box
    end: Box
    has_arrow: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """The boxes by service id, the lines between them, and the ids of services in a circle."""

    boxes: dict[str, Box]
    lines: list[Line]
    circle: frozenset[str]

    @property
    def bends(self) -> list[Box]:
        """Each bend once."""
        bends: dict[str, Box] = {}
        for line in self.lines:
            if line.end.is_bend:
                bends[line.end.id] = line.end
        return sorted(bends.values(), key=attrgetter("id"))

    @property
    def every(self) -> list[Box]:
        """The boxes and the bends, each in order."""
        return [*self.boxes.values(), *self.bends]

    @property
    def width(self) -> float:
        return max(map(attrgetter("x"), self.every), default=0.0) + WIDTH

    @property
    def height(self) -> float:
        return max(map(attrgetter("y"), self.every), default=0.0) + HEIGHT


def around(records: Iterable[ServiceRecord], service_id: str) -> list[ServiceRecord]:
    """The service with everything that it needs and that needs it, directly or indirectly.

    Needs of these that lead to other registered services are left out."""
    known = {record.service_id: record for record in records}
    needs: dict[str, tuple[str, ...]] = {}
    needed_by: defaultdict[str, list[str]] = defaultdict(list)
    for own, record in known.items():
        needs[own] = record.dependencies
        for other in record.dependencies:
            needed_by[other].append(own)
    wanted = reach(needs, service_id).keys() | reach(needed_by, service_id).keys()
    hidden = known.keys() - wanted
    shown = []
    for own in sorted(known.keys() & wanted):
        inside = [other for other in known[own].dependencies if other not in hidden]
        shown.append(replace(known[own], dependencies=tuple(inside)))
    return shown


def related(records: Iterable[ServiceRecord]) -> list[ServiceRecord]:
    """The services that need another one or are needed."""
    every = list(records)
    needed = set(chain.from_iterable(record.dependencies for record in every))
    return [record for record in every if record.dependencies or record.service_id in needed]


def lay_out(records: Iterable[ServiceRecord]) -> Graph:
    """Give every service its place. Services that need nothing stand in the last column."""
    boxes = _boxes(records)
    needs = {own: box.needs for own, box in boxes.items()}
    circle = cyclic(needs)
    depths = _depths(needs, circle)
    deepest = max(depths.values(), default=0)
    for own, box in boxes.items():
        box.column = deepest - depths[own]
    graph = Graph(boxes, _lines(boxes), circle)
    _order_rows(graph)
    return graph


def _boxes(records: Iterable[ServiceRecord]) -> dict[str, Box]:
    """A box for each service and each needed id, ordered by id."""
    boxes: dict[str, Box] = {}
    for record in records:
        needs = tuple(sorted(record.dependencies))
        boxes[record.service_id] = Box(record.service_id, record, needs)
    for box in list(boxes.values()):
        for other in box.needs:
            boxes.setdefault(other, Box(other))
    return dict(sorted(boxes.items()))


def _depths(needs: Mapping[str, tuple[str, ...]], circle: frozenset[str]) -> dict[str, int]:
    """The length of the longest chain below each service. Services in a circle have none, and stand
    above all others, in two columns in turn so that their lines are visible."""
    depths: dict[str, int] = {}
    for own in sorted_by_need(needs):
        depths[own] = 1 + max(map(depths.__getitem__, needs[own]), default=-1)
    above = 1 + max(depths.values(), default=-1)
    for number, own in enumerate(sorted(circle)):
        depths[own] = above + number % 2
    return depths


def _lines(boxes: Mapping[str, Box]) -> list[Line]:
    """Each dependency as lines from column to column. Lines to the same service share their
    bends."""
    lines: dict[tuple[str, str], Line] = {}
    bends: dict[tuple[str, int], Box] = {}
    for start in boxes.values():
        for other in start.needs:
            here, end = start, boxes[other]
            for column in range(start.column + 1, end.column):
                new = Box(f"{column} {other}", column=column, is_bend=True)
                bend = bends.setdefault((other, column), new)
                lines[here.id, bend.id] = Line(here, bend, has_arrow=False)
                here = bend
            lines[here.id, end.id] = Line(here, end, has_arrow=True)
    return list(lines.values())


def _order_rows(graph: Graph) -> None:
    """Order each column by the mean row of each box's neighbours, which keeps lines short."""
    neighbours: defaultdict[Box, list[Box]] = defaultdict(list)
    for line in graph.lines:
        neighbours[line.start].append(line.end)
        neighbours[line.end].append(line.start)
    columns: defaultdict[int, list[Box]] = defaultdict(list)
    for box in graph.every:
        columns[box.column].append(box)

    def mean_row(box: Box) -> float:
        rows = [other.row for other in neighbours[box]] or [box.row]
        return sum(rows) / len(rows)

    for column in columns.values():
        _number(column)
    for sweep in range(_SWEEPS):
        for number in sorted(columns, reverse=bool(sweep % 2)):
            columns[number].sort(key=mean_row)
            _number(columns[number])
    tallest = max(map(len, columns.values()), default=0)
    for column in columns.values():
        _number(column, first=(tallest - len(column)) / 2)


def _number(column: list[Box], first: float = 0) -> None:
    for number, box in enumerate(column):
        box.row = first + number
