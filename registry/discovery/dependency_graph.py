"""Who needs whom, as an SVG picture: columns from those that need others to those that need nobody.

Pure: the same records are the same text. Colours are classes, for the page's style sheet; no state
is told by colour alone, and every box says in words (aria-label) what the picture shows of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape

from django.utils.translation import gettext as _

from registry.discovery.start_order import cyclic, sorted_by_need
from registry.records import ServiceRecord

BOX, TALL = 176, 46
ACROSS, DOWN = 72, 18  # between columns, between boxes
EDGE, WIDE_EDGE = 10, 40  # around the picture, wide for arrows that go round the outside
LONGEST = 22
MISSING = "missing"
SIGNS = {"active": "●", "inactive": "▲", "restarting": "◆", MISSING: "○"}
_SWEEPS = 4


@dataclass(slots=True)
class Box:
    """One service, or one that is needed and not registered, and its place. A bend is where an
    arrow over several columns passes one of them: it takes the place of a box, so that no arrow
    runs behind another service."""

    own: str
    record: ServiceRecord | None
    needs: tuple[str, ...]
    column: int = 0
    row: float = 0.0
    bend: bool = False

    @property
    def status(self) -> str:
        return self.record.status if self.record else MISSING

    @property
    def x(self) -> float:
        return self.column * (BOX + ACROSS)

    @property
    def y(self) -> float:
        return self.row * (TALL + DOWN)


@dataclass(frozen=True, slots=True)
class Picture:
    """The boxes in their places, the lines between them (from whom, over which, to whom), and who
    is in a circle."""

    boxes: dict[str, Box]
    lines: list[tuple[Box, Box, bool]]
    circle: frozenset[str] = frozenset()

    @property
    def width(self) -> float:
        return max((box.x for box in self.boxes.values()), default=0.0) + BOX

    @property
    def height(self) -> float:
        bends = (end.y for _start, end, _last in self.lines)
        return max((*(box.y for box in self.boxes.values()), *bends), default=0.0) + TALL


def around(records: Iterable[ServiceRecord], service_id: str) -> list[ServiceRecord]:
    """The service, all that it needs and all that need it, directly or not; their other needs are
    left aside."""
    known = {record.service_id: record for record in records}
    down = {own: record.dependencies for own, record in known.items()}
    up: defaultdict[str, list[str]] = defaultdict(list)
    for own, needs in down.items():
        for other in needs:
            up[other].append(own)
    wanted = _reached(down, service_id) | _reached(up, service_id)
    elsewhere = known.keys() - wanted
    return [
        replace(
            record,
            dependencies=tuple(other for other in record.dependencies if other not in elsewhere),
        )
        for own, record in known.items()
        if own in wanted
    ]


def related(records: Iterable[ServiceRecord]) -> list[ServiceRecord]:
    """Those that need somebody or are needed."""
    every = list(records)
    needed = {other for record in every for other in record.dependencies}
    return [record for record in every if record.dependencies or record.service_id in needed]


def lay_out(records: Iterable[ServiceRecord]) -> Picture:
    """A place for everybody: who needs nobody stands in the last column, others left of all that
    they need."""
    known = {
        record.service_id: record
        for record in sorted(records, key=lambda record: record.service_id)
    }
    boxes = {
        own: Box(own, record, tuple(sorted(record.dependencies))) for own, record in known.items()
    }
    for record in known.values():
        for other in record.dependencies:
            boxes.setdefault(other, Box(other, None, ()))
    needs = {own: box.needs for own, box in boxes.items()}
    circle = cyclic(needs)
    depth = _depths(needs, circle)
    deepest = max(depth.values(), default=0)
    for own, box in boxes.items():
        box.column = deepest - depth[own]
    lines = _lines(boxes)
    _order_rows(boxes, lines)
    return Picture(boxes, lines, circle)


def svg(picture: Picture, links: Mapping[str, str], title: str) -> str:
    """The picture as SVG; `links` are the pages of services, by their ids."""
    boxes = picture.boxes
    edges = "".join(_line(start, end, last, picture.circle) for start, end, last in picture.lines)
    bends = {end.own: end for start, end, _last in picture.lines if end.bend}
    passages = "".join(_passage(bends[key]) for key in sorted(bends))
    drawn = "".join(
        _box(boxes[own], links.get(own, ""), own in picture.circle) for own in sorted(boxes)
    )
    edge = WIDE_EDGE if picture.circle else EDGE
    width, height = picture.width + 2 * edge, picture.height + 2 * edge
    size = f'width="{width:g}" height="{height:g}" viewBox="{-edge} {-edge} {width:g} {height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="svc-picture" role="group" {size}'
        ' aria-labelledby="svc-title svc-desc">'
        f'<title id="svc-title">{escape(title)}</title>'
        f'<desc id="svc-desc">{escape(_("An arrow leads from a service to one that it needs."))}</desc>'
        '<defs><marker id="svc-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{edges}{passages}{drawn}</svg>"
    )


def _reached(edges: Mapping[str, Iterable[str]], start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = set(edges.get(waiting.pop(), ())) - found
        found |= fresh
        waiting.extend(fresh)
    return found


def _depths(needs: Mapping[str, tuple[str, ...]], circle: frozenset[str]) -> dict[str, int]:
    """How many steps each is above the ground; a circle has no depth of its own and stands above
    all the rest."""
    depth: dict[str, int] = {}
    for own in sorted_by_need(needs):
        depth[own] = 1 + max((depth[other] for other in needs[own]), default=-1)
    above = 1 + max(depth.values(), default=-1)
    for number, own in enumerate(sorted(circle)):
        depth[own] = above + number % 2  # beside each other in turn, so that their arrows are seen
    return depth


def _lines(boxes: Mapping[str, Box]) -> list[tuple[Box, Box, bool]]:
    """Every need as lines from column to column, True for the last, which bears the arrow. Lines to
    the same service share their bends."""
    bends: dict[tuple[str, int], Box] = {}
    found: dict[tuple[str, str], tuple[Box, Box, bool]] = {}
    for own in sorted(boxes):
        for other in boxes[own].needs:
            start, end = boxes[own], boxes[other]
            for column in range(start.column + 1, end.column):
                # No service has such a key: a bend is not in `boxes`.
                bend = bends.setdefault(
                    (other, column), Box(f"{column} {other}", None, (), column, bend=True)
                )
                found[start.own, bend.own] = (start, bend, False)
                start = bend
            found[start.own, end.own] = (start, end, True)
    return list(found.values())


def _order_rows(boxes: Mapping[str, Box], lines: Iterable[tuple[Box, Box, bool]]) -> None:
    """Rows within the columns: each box near the middle of its neighbours, which keeps arrows
    short."""
    columns: defaultdict[int, list[Box]] = defaultdict(list)
    neighbours: defaultdict[int, list[Box]] = defaultdict(list)
    every = {id(box): box for box in boxes.values()}
    for start, end, _last in lines:
        neighbours[id(start)].append(end)
        neighbours[id(end)].append(start)
        every |= {id(start): start, id(end): end}
    for box in sorted(every.values(), key=lambda box: (box.own, box.bend)):
        columns[box.column].append(box)
    for column in columns.values():
        _number(column)
    for sweep in range(_SWEEPS):
        for number in sorted(columns, reverse=bool(sweep % 2)):
            columns[number].sort(
                key=lambda box: (_middle(neighbours[id(box)], box), box.own, box.bend)
            )
            _number(columns[number])
    tallest = max(map(len, columns.values()), default=0)
    for column in columns.values():
        for box in column:
            box.row += (tallest - len(column)) / 2


def _number(column: list[Box]) -> None:
    for number, box in enumerate(column):
        box.row = number


def _middle(around: list[Box], box: Box) -> float:
    return sum(other.row for other in around) / len(around) if around else box.row


def _line(start: Box, end: Box, last: bool, circle: frozenset[str]) -> str:
    kind = "svc-edge svc-round" if {start.own, end.own} <= circle else "svc-edge"
    arrow = ' marker-end="url(#svc-arrow)"' if last else ""
    return f'<path class="{kind}" d="{_curve(start, end, 2 if last else 0)}"{arrow}/>'


def _curve(start: Box, end: Box, gap: float) -> str:
    """From the right side to the left; within a circle, back round the bottom or, in one column,
    round the left."""
    y, to_y = start.y + TALL / 2, end.y + TALL / 2
    if start.column < end.column:
        x, to_x = start.x + BOX, end.x
        bend = (to_x - x) / 2
        return f"M{x:g} {y:g}C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x - gap:g} {to_y:g}"
    if start.column == end.column and start is not end:
        out = start.x - WIDE_EDGE
        return f"M{start.x:g} {y:g}C{out:g} {y:g} {out:g} {to_y:g} {end.x - gap:g} {to_y:g}"
    x, to_x = start.x + BOX / 2 + 20, end.x + BOX / 2 - 20
    bottom, to_bottom = start.y + TALL, end.y + TALL
    low = max(bottom, to_bottom) + WIDE_EDGE
    return f"M{x:g} {bottom:g}C{x:g} {low:g} {to_x:g} {low:g} {to_x:g} {to_bottom + gap:g}"


def _passage(bend: Box) -> str:
    y = bend.y + TALL / 2
    return f'<path class="svc-edge" d="M{bend.x:g} {y:g}H{bend.x + BOX:g}"/>'


def _box(box: Box, link: str, in_circle: bool) -> str:
    said = escape(_in_words(box, in_circle))
    place = f":{box.record.port}" if box.record else ""
    inside = (
        f"<title>{said}</title>"
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{BOX}" height="{TALL}" rx="6"/>'
        f'<text class="svc-name" x="{box.x + 10:g}" y="{box.y + 19:g}">{escape(_shortened(box.own))}</text>'
        f'<text class="svc-state" x="{box.x + 10:g}" y="{box.y + 36:g}">{SIGNS[box.status]} '
        f"{escape(_status(box.status))} {place}</text>"
    )
    kind = f"svc-box svc-{box.status}"
    if not link:
        return f'<g class="{kind}" role="img" aria-label="{said}">{inside}</g>'
    return f'<a class="{kind}" href="{escape(link)}" aria-label="{said}">{inside}</a>'


def _in_words(box: Box, in_circle: bool) -> str:
    parts = [f"{box.own}: {_status(box.status)}"]
    if box.record:
        parts.append(f"{box.record.socket}/{box.record.protocol}")
    if box.needs:
        parts.append(_("needs %s") % ", ".join(box.needs))
    if in_circle:
        parts.append(_("its dependencies lead in a circle"))
    return "; ".join(parts)


def _status(status: str) -> str:
    names = {
        "active": _("active"),
        "inactive": _("inactive"),
        "restarting": _("restarting"),
        MISSING: _("not registered"),
    }
    return names[status]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
