"""Draw a dependency graph as SVG.

Pure: the same graph gives the same text. Colours are classes of the page's style sheet. No status
is shown by colour alone, and every box tells in its aria-label what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from django.utils.translation import gettext as _

from registry.discovery.dependency_graph import HEIGHT, MISSING, WIDTH, Box, Graph, Line

EDGE, WIDE_EDGE = 10, 40  # margin of the picture; wide for lines that run around the outside
LONGEST = 22  # characters of a name
SYMBOLS = {"active": "●", "inactive": "▲", "restarting": "◆", MISSING: "○"}

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" class="svc-picture" role="group" width="{width:g}" \
height="{height:g}" viewBox="-{edge} -{edge} {width:g} {height:g}" \
aria-labelledby="svc-title svc-desc">\
<title id="svc-title">{title}</title><desc id="svc-desc">{description}</desc>\
<defs><marker id="svc-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" \
orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>"""
_INSIDE = """\
<title>{label}</title><rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="6"/>\
<text class="svc-name" x="{text_x:g}" y="{name_y:g}">{name}</text>\
<text class="svc-state" x="{text_x:g}" y="{state_y:g}">{symbol} {status} {port}</text>"""


def svg(graph: Graph, links: Mapping[str, str], title: str) -> str:
    """The graph as SVG; `links` are the URLs of services, by their ids."""
    edge = WIDE_EDGE if graph.circle else EDGE
    head = _HEAD.format(
        width=graph.width + 2 * edge,
        height=graph.height + 2 * edge,
        edge=edge,
        title=escape(title),
        description=escape(_("An arrow leads from a service to one that it needs.")),
    )
    lines = "".join(_line(line, graph.circle) for line in graph.lines)
    bends = "".join(map(_bend, graph.bends))
    boxes = ""
    for own, box in graph.boxes.items():
        boxes += _box(box, links.get(own, ""), own in graph.circle)
    return f"{head}{lines}{bends}{boxes}</svg>"


def _line(line: Line, circle: frozenset[str]) -> str:
    classes, gap, arrow = "svc-edge", 0, ""
    if {line.start.id, line.end.id} <= circle:
        classes = "svc-edge svc-round"
    if line.has_arrow:
        gap, arrow = 2, ' marker-end="url(#svc-arrow)"'
    return f'<path class="{classes}" d="{_curve(line.start, line.end, gap)}"{arrow}/>'


def _curve(start: Box, end: Box, gap: float) -> str:
    """From right side to left side. Within a circle: around the left within a column, else around
    the bottom."""
    y, to_y = start.y + HEIGHT / 2, end.y + HEIGHT / 2
    if start.column < end.column:
        x, to_x = start.x + WIDTH, end.x
        bend = (to_x - x) / 2
        return f"M{x:g} {y:g}C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x - gap:g} {to_y:g}"
    if start.column == end.column and start is not end:
        out = start.x - WIDE_EDGE
        return f"M{start.x:g} {y:g}C{out:g} {y:g} {out:g} {to_y:g} {end.x - gap:g} {to_y:g}"
    x, to_x = start.x + WIDTH / 2 + 20, end.x + WIDTH / 2 - 20
    bottom, to_bottom = start.y + HEIGHT, end.y + HEIGHT
    low = max(bottom, to_bottom) + WIDE_EDGE
    return f"M{x:g} {bottom:g}C{x:g} {low:g} {to_x:g} {low:g} {to_x:g} {to_bottom + gap:g}"


def _bend(bend: Box) -> str:
    y = bend.y + HEIGHT / 2
    return f'<path class="svc-edge" d="M{bend.x:g} {y:g}H{bend.x + WIDTH:g}"/>'


def _box(box: Box, link: str, in_circle: bool) -> str:
    label, classes = escape(_in_words(box, in_circle)), f"svc-box svc-{box.status}"
    inside = _INSIDE.format(
        label=label,
        x=box.x,
        y=box.y,
        width=WIDTH,
        height=HEIGHT,
        text_x=box.x + 10,
        name_y=box.y + 19,
        state_y=box.y + 36,
        name=escape(_shortened(box.id)),
        symbol=SYMBOLS[box.status],
        status=escape(_status(box.status)),
        port=f":{box.record.port}" if box.record else "",
    )
    if link:
        return f'<a class="{classes}" href="{escape(link)}" aria-label="{label}">{inside}</a>'
    return f'<g class="{classes}" role="img" aria-label="{label}">{inside}</g>'


def _in_words(box: Box, in_circle: bool) -> str:
    parts = [f"{box.id}: {_status(box.status)}"]
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
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 1] + "…"
