"""The filters of the page: its form, the chips of those that are set, and links with one of them
changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from api.security.models import SecurityEvent
from changes.log.query import NAMES
from changes.log.rights import Reader
from changes.log.statement import Position
from changes.log.words import table_name
from core.history.records import SOURCES
from ipam.models import Subnet

LABELS = {
    "q": gettext_lazy("Text"),
    "who": gettext_lazy("Who"),
    "user": gettext_lazy("User"),
    "source": gettext_lazy("How"),
    "since": gettext_lazy("From"),
    "until": gettext_lazy("Until"),
    "about": gettext_lazy("About"),
    "table": gettext_lazy("What"),
    "object": gettext_lazy("Row"),
    "subnet": gettext_lazy("Subnet"),
    "kind": gettext_lazy("Done"),
    "change": gettext_lazy("Change"),
}
KIND_LABELS = {
    "created": gettext_lazy("added"),
    "changed": gettext_lazy("changed"),
    "deleted": gettext_lazy("deleted"),
}
EVENT_LABELS = dict(SecurityEvent.Kind.choices)
STRETCHES = (
    (1, gettext_lazy("24 hours")),
    (7, gettext_lazy("7 days")),
    (30, gettext_lazy("30 days")),
)


@dataclass(frozen=True)
class Chip:
    """A filter that is set, with the link that removes it."""

    label: Any
    value: str
    without_url: str


@dataclass(frozen=True)
class Choice:
    value: str
    label: Any
    is_chosen: bool


class Filters:
    """What the address of the page asks for."""

    def __init__(self, asked: QueryDict, reader: Reader) -> None:
        given = {name: str(asked.get(name, "")).strip() for name in NAMES}
        self.values = {name: value for name, value in given.items() if value}
        self.reader = reader
        self.errors: dict[str, list[str]] = {}

    @property
    def is_set(self) -> bool:
        return bool(self.values)

    @property
    def has_more(self) -> bool:
        """Whether a filter is set that stands in the folded part of the form."""
        return bool(self.values.keys() - {"q"})

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Filters that links set, and the form has no field for."""
        without_field = ("user", "object", "subnet", "change")
        return [(name, self.values[name]) for name in without_field if name in self.values]

    @property
    def problems(self) -> list[tuple[Any, str]]:
        return [
            (LABELS.get(name, name), text) for name, texts in self.errors.items() for text in texts
        ]

    def chips(self) -> list[Chip]:
        return [
            Chip(LABELS[name], self._shown(name, value), self._url(**{name: ""}))
            for name, value in self.values.items()
        ]

    def stretches(self) -> list[tuple[Any, str]]:
        """Links to the newest hours and days."""
        now = timezone.now()
        found = []
        for days, label in STRETCHES:
            since = timezone.localtime(now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")
            found.append((label, self._url(since=since, until="")))
        return found

    def kinds(self) -> list[Choice]:
        return self._choices("kind", KIND_LABELS)

    def events(self) -> list[Choice]:
        """The kinds of security events; none for a reader who may not view them."""
        if SecurityEvent not in self.reader.tables():
            return []
        return self._choices("kind", EVENT_LABELS)

    def sources(self) -> list[Choice]:
        return self._choices("source", SOURCES)

    def tables(self) -> list[Choice]:
        models = self.reader.tables()
        labels = {model._meta.label_lower: table_name(model) for model in models}
        return self._choices("table", dict(sorted(labels.items(), key=lambda one: one[1])))

    @property
    def newest_url(self) -> str:
        return self._url()

    def older_url(self, place: Position | None) -> str:
        """The next page; empty if there is none."""
        if place is None:
            return ""
        return self._url(after=place.encode())

    def export_url(self, kind: str) -> str:
        return f"{reverse('changes:export')}?{urlencode({**self.values, 'as': kind})}"

    @property
    def csv_url(self) -> str:
        return self.export_url("csv")

    @property
    def jsonl_url(self) -> str:
        return self.export_url("jsonl")

    def _choices(self, name: str, labels: Any) -> list[Choice]:
        chosen = self.values.get(name)
        return [Choice(value, label, value == chosen) for value, label in labels.items()]

    def _url(self, **changed: str) -> str:
        values = {name: value for name, value in {**self.values, **changed}.items() if value}
        url = reverse("changes:log")
        if not values:
            return url
        return f"{url}?{urlencode(values)}"

    def _shown(self, name: str, value: str) -> str:
        if name == "kind":
            return str((KIND_LABELS | EVENT_LABELS).get(value, value))
        if name == "source" and value in SOURCES:
            return str(SOURCES[value])
        if name == "table":
            labels = {choice.value: choice.label for choice in self.tables()}
            return str(labels.get(value, value))
        if name == "subnet" and value.isdecimal() and len(value) < 19:
            row: Any = self.reader.rows(Subnet).filter(pk=value).first()
            return str(row or f"#{value}")
        if name in ("since", "until"):
            return value.replace("T", " ")
        return value


def page_url(**filters: Any) -> str:
    """The log with these filters."""
    return f"{reverse('changes:log')}?{urlencode(filters)}"
