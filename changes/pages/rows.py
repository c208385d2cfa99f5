"""Changes and lines as the pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from changes.lines import Line
from changes.log.event_words import FAILURES
from changes.log.groups import Change, sentence
from changes.log.rights import Reader
from changes.log.words import Difference, Names, table_name
from changes.security import SecurityLine
from ipam.admin import marks

SHOWN = 3  # lines of a change that are unfolded from the start
ICONS = {
    "web": "person",
    "api": "key",
    "command": "terminal",
    "import": "upload_file",
    "worker": "autorenew",
    "agent": "dns",
    "sql": "database",
}
KINDS = {
    "+": ("available", gettext_lazy("added")),
    "~": ("plain", gettext_lazy("changed")),
    "-": ("no", gettext_lazy("deleted")),
}


@dataclass(frozen=True)
class LineRow:
    """A line of the log on a page."""

    line: Line
    names: Names

    @property
    def url(self) -> str:
        return reverse("changes:line", args=[self.line.key])

    @property
    def badge(self) -> str:
        if isinstance(self.line, SecurityLine):
            return "no" if self.line.record.kind in FAILURES else "plain"
        return KINDS[self.line.kind][0]

    @property
    def kind(self) -> Any:
        if isinstance(self.line, SecurityLine):
            return self.line.record.get_kind_display()
        return KINDS[self.line.kind][1]

    @property
    def table(self) -> str:
        return table_name(self.line.model)

    @property
    def title(self) -> str:
        return self.names.title(self.line)

    @cached_property
    def differences(self) -> list[Difference]:
        return self.names.differences(self.line)

    @property
    def object_url(self) -> str:
        """The row's page; empty if it has none or was deleted by this change."""
        if self.line.kind == "-":
            return ""
        return self._admin_url("change", self.line.object_id)

    @property
    def history_url(self) -> str:
        return self._admin_url("history", self.line.object_id)

    @property
    def state_url(self) -> str:
        """The row as it was after the change."""
        return self._admin_url("simple_history", self.line.object_id, self.line.record.history_id)

    def _admin_url(self, page: str, *keys: Any) -> str:
        meta = self.line.model._meta
        if not isinstance(self.line.object_id, int) or self.line.model not in admin.site._registry:
            return ""
        try:
            return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=keys)
        except NoReverseMatch:
            return ""


@dataclass(frozen=True)
class ChangeRow:
    """A change on a page."""

    change: Change
    names: Names

    @property
    def url(self) -> str:
        if self.change.id:
            return reverse("changes:change", args=[self.change.id])
        return reverse("changes:line", args=[self.change.newest.key])

    @property
    def undo_url(self) -> str:
        """Empty if it has nothing that can be undone."""
        if not self.change.of_rows:
            return ""
        return reverse("admin:changes_undo", args=[self.change.id or self.change.newest.key])

    @cached_property
    def sentence(self) -> SafeString:
        return sentence(self.change, self.names)

    @property
    def icon(self) -> str:
        if not self.change.of_rows:
            return "shield_person"
        return ICONS.get(self.change.newest.source, "history")

    @property
    def at(self) -> Any:
        return localtime(self.change.at)

    @property
    def ago(self) -> str:
        return marks.ago(self.change.at)

    @cached_property
    def lines(self) -> list[LineRow]:
        return [LineRow(line, self.names) for line in self.change.lines]

    @property
    def first_lines(self) -> list[LineRow]:
        return self.lines[:SHOWN]

    @property
    def folded_lines(self) -> list[LineRow]:
        return self.lines[SHOWN:]


def rows_of(changes: Sequence[Change], reader: Reader) -> list[ChangeRow]:
    """What is named in them is read at once."""
    names = Names([line for change in changes for line in change.lines], reader)
    return [ChangeRow(change, names) for change in changes]


def by_day(rows: Iterable[ChangeRow]) -> list[tuple[str, list[ChangeRow]]]:
    """The changes under the days on which they were made."""
    found = []
    for day, of_day in groupby(rows, key=lambda row: row.at.date()):
        found.append((_day(day), list(of_day)))
    return found


def _day(day: Any) -> str:
    # Translators: a weekday and a date, in the codes of Django's date filter.
    name = date_format(day, _("l, j F Y"))
    age = (timezone.localdate() - day).days
    if age == 0:
        return _("Today, %s") % name
    if age == 1:
        return _("Yesterday, %s") % name
    return name
