"""What happened to a machine, in the order of time: made, moved, told, asked, offered, booted,
live. What was never seen is shown as that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.history.records import who
from dhcp.models import DhcpTransaction, Generation
from dhcp.servers import ServerSelector
from dhcp.state.verdict import LIVE, format_time
from ipmanager.machine.access import Sees
from ipmanager.machine.subject import Subject
from pxe.models import BootEvent

VERSIONS = 40  # lines of history, the newest, in which a move is looked for
CONSIDERED = 200  # transactions
Kind = DhcpTransaction.Kind
# What dnsmasq has logged: the word, the kinds, the mark.
EXCHANGES = (
    (gettext_lazy("asked"), (Kind.DISCOVER, Kind.REQUEST), "told"),
    (gettext_lazy("offered"), (Kind.OFFER,), "leased"),
    (gettext_lazy("given"), (Kind.ACK,), "leased"),
    (
        gettext_lazy("refused"),
        (Kind.NAK, Kind.DECLINE, Kind.IGNORED, Kind.FULL, Kind.NO_RANGE, Kind.NOT_USED),
        "conflict",
    ),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, or that was never seen (`at` is None)."""

    name: Any
    at: datetime | None
    detail: Any = ""
    mark: str = "used"


def moments(
    subject: Subject, sees: Sees, log: Sequence[DhcpTransaction], boots: Sequence[BootEvent]
) -> list[Moment]:
    """The line, the oldest first; what was never seen comes last."""
    found = [*_made(subject), *_told(subject)]
    if sees.transactions and subject.macs:
        found += _exchanges(log)
    found += _booted(boots)
    found.append(_live(subject))
    seen = sorted((one for one in found if one.at), key=_time)
    return [*seen, *(one for one in found if one.at is None)]


def _time(moment: Moment) -> float:
    return moment.at.timestamp() if moment.at else 0.0


def _made(subject: Subject) -> Iterator[Moment]:
    """When it came into the ledger, and when it last got another address."""
    history: Any = type(subject.row).history
    lines = history.filter(id=subject.row.pk).select_related("history_user")
    newest = list(lines.order_by("-history_date", "-history_id")[:VERSIONS])
    first = newest[-1] if newest and newest[-1].history_type == "+" else None
    yield Moment(_("made"), subject.row.created_at, who(first) if first else "")
    for line, before in pairwise(newest):
        if line.ip_address != before.ip_address:
            text = _("from %s") % before.ip_address if before.ip_address else ""
            yield Moment(_("moved"), line.history_date, text)
            return


def _told(subject: Subject) -> Iterator[Moment]:
    """The first generation that was applied since its row was last written."""
    if not subject.state.is_served:
        return
    own = subject.rows.get(subject.ip) if subject.ip else None
    server_id = ServerSelector.load().server_id_for(own.subnet if own else None)
    applied = Generation.objects.filter(server=server_id, result=Generation.Result.APPLIED)
    since = applied.filter(updated_at__gte=subject.row.updated_at).order_by("pk")
    found = since.values_list("pk", "updated_at").first()
    if found:
        yield Moment(_("told"), found[1], _("generation %d") % found[0], "told")


def _exchanges(log: Sequence[DhcpTransaction]) -> Iterator[Moment]:
    """The newest of each kind."""
    for name, kinds, mark in EXCHANGES:
        row = next((row for row in log if row.kind in kinds), None)
        if row:
            yield Moment(name, row.at, row.ip_address or row.detail, mark)
        elif kinds[0] in (Kind.DISCOVER, Kind.OFFER):
            yield Moment(name, None, mark="unseen")


def _booted(events: Sequence[BootEvent]) -> Iterator[Moment]:
    """The newest step of its network boot."""
    for event in events[:1]:
        image = event.image.name if event.image else event.detail
        yield Moment(event.get_kind_display(), event.at, image, "boot")


def _live(subject: Subject) -> Moment:
    """When the network has shown one of its cards."""
    shown = [state for _card, state in subject.cards if state.kind == LIVE and state.seen_at]
    if not shown:
        return Moment(_("live"), None, mark="unseen")
    newest = max(shown, key=attrgetter("seen_at"))
    detail = _("until %s") % format_time(newest.until) if newest.until else ""
    return Moment(_("live"), newest.seen_at, detail, "leased")
