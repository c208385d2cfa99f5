"""Import a file in the browser: the verdict of each row, what will happen, and doing it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from changes.plans.verb import Plan, Work
from core.errors import Invalid
from ipam.admin.pickers import is_key
from ipam.models import VRF
from ipam.transfer.files import open_sheet
from ipam.transfer.kinds import KINDS, Kind
from ipam.transfer.verdicts import Mode, Outcome, Verdict
from ipmanager.networks.links import page
from ipmanager.networks.page import each
from ipmanager.plans import upload
from ipmanager.plans.page import PlanPage

SHOWN = 500  # rows
MOST_VRFS = 100
STATES: Mapping[str, tuple[Any, str]] = {  # label and badge of a verdict
    "bad": (gettext_lazy("refused"), "no"),
    "warning": (gettext_lazy("check"), "reserved"),
    "new": (gettext_lazy("create"), "yes"),
    "changed": (gettext_lazy("update"), "available"),
    "unchanged": (gettext_lazy("unchanged"), "unknown"),
}


@dataclass(frozen=True)
class Row:
    """A verdict as the page shows it."""

    verdict: Verdict
    state: str

    @property
    def label(self) -> Any:
        return STATES[self.state][0]

    @property
    def colour(self) -> str:
        return STATES[self.state][1]


@dataclass(frozen=True)
class Imported:
    """What was read and written."""

    outcome: Outcome
    notices: list[str]

    @property
    def written(self) -> int:
        counts = self.outcome.counts
        return counts["new"] + counts["changed"]


class ImportPage(PlanPage):
    """The kind of the rows may be given in the address."""

    template = "admin/plans/import.html"

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """What this person may import."""
        user: Any = self.request.user
        return {name: kind for name, kind in KINDS.items() if user.has_perms(kind.needed)}

    def answer(self) -> HttpResponse:
        if not self.kinds:
            raise PermissionDenied
        return super().answer()

    @property
    def kind(self) -> str:
        """The kind that was chosen, if it may be."""
        asked = self.given("kind") or self.request.GET.get("kind", "")
        return asked if asked in self.kinds else next(iter(self.kinds))

    @cached_property
    def content(self) -> bytes:
        return upload.content(self.request)

    def work(self) -> Work[Imported]:
        """The preview leaves out what is refused; applying does so only if that was asked for."""
        if self.given("kind") not in self.kinds:
            raise PermissionDenied
        kind, vrf = self.kinds[self.kind], _vrf(self.given("vrf"))
        leaves_out = self.given("skip") == "1" or "apply" not in self.request.POST
        mode: Mode = "skip-bad" if leaves_out else "all"
        return lambda: _bring_in(kind, self.content, mode, vrf)

    def frame(self) -> dict[str, Any]:
        return {**each(self.request), "title": _("Import")}

    def choices(self) -> dict[str, Any]:
        return {
            "kinds": [(name, kind.label) for name, kind in self.kinds.items()],
            "kind": self.kind,
            "columns": _columns(self.kinds),
            "vrfs": VRF.objects.order_by("name")[:MOST_VRFS],
            "vrf": self.given("vrf"),
            "skip": self.given("skip"),
            "content": self._kept(),
            "name": self._name(),
        }

    def of_plan(self, plan: Plan[Imported]) -> dict[str, Any]:
        outcome = plan.found.outcome
        rows = sorted(map(_row, outcome.verdicts), key=_by_state)
        counts = dict.fromkeys(STATES, 0)
        for row in rows:
            counts[row.state] += 1
        return {
            "imported": plan.found,
            "verdicts": rows[:SHOWN],
            "more_verdicts": max(0, len(rows) - SHOWN),
            "counts": [(STATES[state], number) for state, number in counts.items()],
            "bad": outcome.bad,
            "warnings": plan.found.notices,
        }

    def _kept(self) -> str:
        """The file as the form keeps it; empty if there is none that can be kept."""
        try:
            return upload.packed(self.content)
        except Invalid:
            return ""

    def _name(self) -> str:
        """The file's name."""
        chosen = self.request.FILES.get("file")
        return (chosen.name if chosen else self.given("name")) or ""

    def done(self, found: Imported) -> str:
        text = ngettext("%d row is imported.", "%d rows are imported.", found.written)
        return text % found.written

    def url(self) -> str:
        return page(f"{self.kinds[self.kind].model}_changelist")


def _bring_in(kind: Kind, content: bytes, mode: Mode, vrf: int | None) -> Imported:
    with open_sheet(io.BytesIO(content), kind.layout) as sheet:
        outcome = kind.bring_in(sheet, mode, vrf)
    if not outcome.written:
        text = ngettext("%d row is refused.", "%d rows are refused.", outcome.bad)
        hint = _("Mend the file, or choose to leave these rows out.")
        raise Invalid(text % outcome.bad, hint)
    return Imported(outcome, sheet.notices)


def _vrf(text: str) -> int | None:
    """Raises Invalid."""
    if not text:
        return None
    if not (is_key(text) and VRF.objects.filter(pk=int(text)).exists()):
        raise Invalid(_("There is no such VRF."))
    return int(text)


def _columns(kinds: Mapping[str, Kind]) -> Iterator[tuple[Any, str]]:
    """What the columns of each kind may be called."""
    for kind in kinds.values():
        names = [column.name for column in kind.layout.columns if column.parse]
        yield kind.label, ", ".join(names)


def _row(verdict: Verdict) -> Row:
    return Row(verdict, "warning" if verdict.warns else verdict.state)


def _by_state(row: Row) -> tuple[int, int]:
    """What needs a person first."""
    return list(STATES).index(row.state), row.verdict.line
