"""The lines by change, and what a change did in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from changes.lines import Line
from changes.log import conditions, event_words, reading, statement
from changes.log.query import LogQuery
from changes.log.rights import Reader
from changes.log.statement import Position
from changes.log.words import Names
from changes.security import SecurityLine
from core.history.records import SOURCES
from ipam.models import VRF, Interface, IPAddress, Pool, Server, Subnet

CHANGES = 25  # of one page
LINES = 4  # that are read for each of them
ROUNDS = 3  # reads of one page at most: a change with very many lines is passed over
COUNTED = 10_000  # lines of a change that are counted in each table
# Of the lines of one change, those of the first of these models tell what was done, the others
# follow from it.
LEADING = (Subnet, Pool, Server, Interface, IPAddress, VRF)

SENTENCES = {
    "+": gettext_lazy("%(who)s added %(what)s"),
    "~": gettext_lazy("%(who)s changed %(what)s"),
    "-": gettext_lazy("%(who)s deleted %(what)s"),
    "allocated": gettext_lazy("%(who)s allocated %(what)s"),
    "available": gettext_lazy("%(who)s released %(what)s"),
    "reserved": gettext_lazy("%(who)s reserved %(what)s"),
    "quarantine": gettext_lazy("%(who)s put %(what)s in quarantine"),
}


@dataclass
class Change:
    """What one request, command, import or transaction did, as far as the reader may see it.
    `total` is the number of its lines; without a change id, it is a single line."""

    id: str
    lines: list[Line] = field(default_factory=list)
    total: int = 0

    @property
    def newest(self) -> Line:
        return self.lines[0]

    @property
    def at(self) -> datetime:
        return self.newest.at

    @property
    def who(self) -> str:
        return self.newest.who

    @property
    def source(self) -> Any:
        return SOURCES.get(self.newest.source, "")

    @property
    def of_rows(self) -> list[Line]:
        """Its lines without security events: what can be undone."""
        return [line for line in self.lines if not isinstance(line, SecurityLine)]

    @property
    def more(self) -> int:
        """Its lines that are not among these."""
        return max(0, self.total - len(self.lines))

    @property
    def is_many(self) -> bool:
        """Whether it has more lines than are counted."""
        return self.total >= COUNTED


@dataclass(frozen=True)
class ChangesPage:
    """Changes, newest first, with the place from where on there may be more."""

    changes: list[Change]
    older: Position | None = None
    searched_to: datetime | None = None


def read_changes(
    query: LogQuery, reader: Reader, after: Position | None, most: int = CHANGES
) -> ChangesPage:
    """A page of changes. Those whose newest line is on an earlier page are left out."""
    changes: dict[str, Change] = {}
    place, begun = after, after
    page = reading.Page({})
    for _round in range(ROUNDS):
        page = reading.read(query, reader, most * LINES, place)
        full = _add(changes, page.placed, most)
        if after:
            _leave_out(changes, query, reader, after)
        if full:
            begun = full
            break
        begun = place = page.older
        if not place or page.searched_to:
            break
        query = query.without_change(page.lines[-1].change)
    found = list(changes.values())
    count(found, reader)
    return ChangesPage(found, begun, page.searched_to)


def _add(changes: dict[str, Change], placed: dict[Position, Line], most: int) -> Position | None:
    """Add lines to their changes; the place of the last one if the page is full before the end."""
    last = None
    for place, line in placed.items():
        key = line.change or line.key
        if key not in changes and len(changes) == most:
            return last
        changes.setdefault(key, Change(line.change)).lines.append(line)
        last = place
    return None


def _leave_out(
    changes: dict[str, Change], query: LogQuery, reader: Reader, after: Position
) -> None:
    """Leave out the changes that have a line before this place: they are on an earlier page."""
    ids = [change.id for change in changes.values() if change.id]
    for known in _begun_before(ids, query, reader, after):
        changes.pop(known, None)


def _begun_before(
    ids: Sequence[str], query: LogQuery, reader: Reader, after: Position
) -> list[str]:
    branches, _is_indexed = reading.chosen(query, reader)
    if not ids or not branches:
        return []
    parts: list[str] = []
    values: list[Any] = list(ids)
    for branch in branches:
        residue = conditions.residue(query, branch.model)
        sql, own = statement.newer_of_asked(branch, after, residue)
        parts.append(f"EXISTS ({sql})")
        values += own
    asked = " UNION ALL ".join(["SELECT %s AS id"] * len(ids))
    return [
        found
        for (found,) in statement.fetch(
            f"SELECT asked.id FROM ({asked}) asked WHERE {' OR '.join(parts)}", values
        )
    ]


def count(changes: Sequence[Change], reader: Reader) -> None:
    """How many lines each change has, by one statement."""
    ids = [change.id for change in changes if change.id]
    totals: Counter[str] = Counter()
    for known, number in _totals(ids, reader):
        totals[known] += number
    for change in changes:
        change.total = max(totals[change.id], len(change.lines))


def _totals(ids: Sequence[str], reader: Reader) -> Iterable[tuple[str, int]]:
    if not ids:
        return []
    parts: list[str] = []
    values: list[Any] = []
    for model in reader.tables():
        sql, own = statement.of_changes(reader.lines(model), ids, COUNTED)
        parts.append(f"SELECT * FROM ({sql}) part")
        values += own
    joined = " UNION ALL ".join(parts)
    return statement.fetch(
        f"SELECT history_change, count(*) FROM ({joined}) line GROUP BY history_change", values
    )


def of_lines(lines: Sequence[Line]) -> Change:
    """The change that has these lines."""
    return Change(lines[0].change, list(lines), len(lines))


def counted(lines: Sequence[Line], reader: Reader) -> Change:
    """The same, with the number of all of its lines."""
    change = of_lines(lines)
    count([change], reader)
    return change


# --- in words -------------------------------------------------------------------------------------


def sentence(change: Change, names: Names) -> SafeString:
    """Who did what: `admin (ci) allocated 3 addresses in 10.1.2.0/24`."""
    leading = leading_lines(change)
    if isinstance(leading[0], SecurityLine):
        return event_words.sentence(leading[0])
    done = {deed(line) for line in leading}
    template = SENTENCES[done.pop() if len(done) == 1 else "~"]
    who = format_html("<strong>{}</strong>", change.who or event_words.NOBODY)
    # The template is ours; the name and the rest are escaped.
    return format_html(_braces(str(template)), who=who, what=_what(change, leading, names))


def _braces(template: str) -> str:
    return template.replace("%(who)s", "{who}").replace("%(what)s", "{what}")


def leading_lines(change: Change) -> list[Line]:
    """The lines that tell what was done: those of one model."""
    lines = change.of_rows or change.lines
    present = {line.model for line in lines}
    first = next((model for model in LEADING if model in present), lines[0].model)
    return [line for line in lines if line.model is first]


def deed(line: Line) -> str:
    """What was done with the row; for an address, the status that it got."""
    if line.model is not IPAddress or line.kind == "-":
        return line.kind
    status = line.record.status
    if line.before is not None and line.before.status == status:
        return "~"
    if line.before is None and status == IPAddress.Status.AVAILABLE:
        return line.kind
    return str(status)


def _what(change: Change, lines: Sequence[Line], names: Names) -> str:
    meta = lines[0].model._meta
    rows = {line.object_id for line in lines}
    if len(rows) == 1:
        return f"{meta.verbose_name} {names.title(lines[0])}"
    many = _("%(number)s %(rows)s") % {"number": len(rows), "rows": meta.verbose_name_plural}
    if change.more:
        return _("%(rows)s and more") % {"rows": many}
    if place := _place(lines, names):
        return _("%(rows)s in %(place)s") % {"rows": many, "place": place}
    return many


def _place(lines: Sequence[Line], names: Names) -> str:
    """The subnet that all the lines have in common; empty if there is none."""
    keys = {getattr(line.record, "subnet_id", None) for line in lines}
    if len(keys) != 1 or None in keys:
        return ""
    network, _separator, _name = names.of(Subnet, keys.pop()).partition(" ")
    return network
