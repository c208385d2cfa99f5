"""How the site is, in a word on every page: the worst of what lasts, as the worker has found it
(`events.collect`, `ops.findings_watch`). One query, whatever lasts, and none for the next
seconds: the worker looks every few seconds at the most."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

from django.db.models import Case, Count, F, Q, QuerySet, Value, When
from django.db.models.fields import CharField
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from api.models import Pulse
from core.findings import BOUNDED
from events.models import OpenState
from ops import doctor
from ops.findings_watch import SOURCE
from ops.worker_heartbeat import MISSED

WORKER = "worker"  # the source of a row that says that a worker runs
# What lasts beside findings: the words, who may see it, and how bad it is.
OTHERS: dict[str, tuple[Any, str, str]] = {
    "dnsmasq": (gettext_lazy("DHCP server down"), "dhcp.view_generation", "error"),
    "sync": (gettext_lazy("DHCP files not applied"), "dhcp.view_generation", "error"),
    "rogue_dhcp": (
        gettext_lazy("Foreign DHCP server"),
        "discovery.view_rogueserver",
        "error",
    ),
    "conflict": (
        gettext_lazy("Conflict of network and ledger"),
        "discovery.view_conflict",
        "warning",
    ),
    "service": (gettext_lazy("Service silent"), "registry.view_service", "warning"),
}
# Who sees the findings about a subject; VIEW_HEALTH those about any other.
VIEW_HEALTH = "ipmanager.view_pulse"
FINDING_READERS = {"dhcp": "dhcp.view_generation", "ledger": "ipam.view_ipaddress"}
WORST_FIRST = ("error", "warning")
KEEP = 15.0  # seconds
Row = tuple[str, str, str, int]  # source, name, level, number


@dataclass(frozen=True)
class Dot:
    """`level` is `error`, `warning`, `ok` or `unknown`; `text` its reason."""

    level: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class Lasting:
    """Something that lasts, so many times."""

    level: str
    name: str
    number: int


def dot(user: Any) -> Dot:
    """What this user may know of how the site is."""
    rows = _kept.rows()
    found = sorted(filter(None, map(partial(_read, user), rows)), key=_badness)
    url = reverse("admin:index")
    if found:
        return Dot(found[0].level, _sentence(found), url)
    if WORKER not in map(itemgetter(0), rows):
        return Dot("unknown", _("Not checked: no worker runs"), url)
    return Dot("ok", _("No problems"), url)


class Kept:
    """The rows as they were read last; a process reads them again after KEEP seconds."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._until = 0.0

    def rows(self) -> list[Row]:
        if time.monotonic() > self._until:
            self.keep(list(_rows()), KEEP)
        return self._rows

    def keep(self, rows: list[Row], seconds: float) -> None:
        self._rows, self._until = rows, time.monotonic() + seconds

    def forget(self) -> None:
        self._until = 0.0


def _rows() -> QuerySet:
    """Source, name, level and number of what lasts, and a row where a worker runs."""
    is_finding = Q(source__startswith=SOURCE)
    name = Case(When(is_finding, then=F("key")), default=Value(""), output_field=CharField())
    lasting = OpenState.objects.filter(is_finding | Q(source__in=OTHERS)).order_by()
    states = lasting.annotate(name=name).values_list("source", "name", "state")
    running = Pulse.objects.filter(seen_at__gt=Now() - MISSED).order_by()
    worker = running.annotate(source=Value(WORKER)).values_list("source", "host", "version")
    return states.annotate(number=Count("pk")).union(worker.annotate(number=Count("pk")), all=True)


_kept = Kept()
forget, keep = _kept.forget, _kept.keep


def _badness(one: Lasting) -> int:
    return WORST_FIRST.index(one.level)


def _read(user: Any, row: Row) -> Lasting | None:
    """What a row stands for; None if this user may not know it, or nothing has to be done."""
    source, name, state, number = row
    if source in OTHERS:
        words, permission, level = OTHERS[source]
    else:
        permission = FINDING_READERS.get(_subjects().get(name, ""), VIEW_HEALTH)
        words, level = _(name), state
    if level not in WORST_FIRST or not user.has_perm(permission):
        return None
    return Lasting(level, str(words), number)


def _subjects() -> dict[str, str]:
    """The subject of each check, by its name."""
    return {check.name: check.subject for check in doctor.registered(BOUNDED)}


def _sentence(found: Iterable[Lasting]) -> str:
    """The worst, and how many others there are."""
    worst, *others = found
    more = f" ({worst.number})" * (worst.number > 1)
    return worst.name + more + f" +{len(others)}" * bool(others)
