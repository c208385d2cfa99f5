"""What happened to a machine, in the order of time: made, moved, told, asked, offered, booted,
live. What was never seen is shown as that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice, pairwise
from operator import attrgetter, itemgetter
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.history.records import who
from dhcp.models import DhcpTransaction, Generation
from dhcp.servers import ServerSelector
from dhcp.state.verdict import MachineState, format_time
from ipmanager.machine.subject import Subject
from pxe.models import BootEvent

VERSIONS = 40  # lines of history, the newest, in which a move is looked for
AFTER_ALL = datetime.max.replace(tzinfo=UTC)  # where what was never seen is put
Kind = DhcpTransaction.Kind


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, or that was never seen (`at` is None)."""

    name: Any
    at: datetime | None
    detail: Any = ""
    mark: str = "used"


def never(name: Any) -> Moment:
    return Moment(name, None, mark="unseen")


ASKED, OFFERED = gettext_lazy("asked"), gettext_lazy("offered")
REFUSALS = (Kind.NAK, Kind.DECLINE, Kind.IGNORED, Kind.FULL, Kind.NO_RANGE, Kind.NOT_USED)
# What dnsmasq has logged: the word, the kinds, the mark, and what is shown otherwise.
EXCHANGES: tuple[tuple[Any, tuple[Kind, ...], str, list[Moment]], ...] = (
    (ASKED, (Kind.DISCOVER, Kind.REQUEST), "told", [never(ASKED)]),
    (OFFERED, (Kind.OFFER,), "leased", [never(OFFERED)]),
    (gettext_lazy("given"), (Kind.ACK,), "leased", []),
    (gettext_lazy("refused"), REFUSALS, "conflict", []),
)


def moments(
    subject: Subject, log: Sequence[DhcpTransaction] | None, boots: Sequence[BootEvent]
) -> list[Moment]:
    """The line, the oldest first; what was never seen comes last. `log` is None where the reader
    may not see it."""
    found = [*_history(subject), *_told(subject), *map(_boot, boots[:1]), _live(subject)]
    if log is not None:
        found += exchanges(log)
    return sorted(found, key=_time)


def _time(moment: Moment) -> datetime:
    return moment.at or AFTER_ALL


def _history(subject: Subject) -> Iterator[Moment]:
    """When it came into the ledger, and when it last got another address."""
    history: Any = type(subject.row).history
    lines = history.filter(id=subject.row.pk).select_related("history_user")
    newest = list(lines.order_by("-history_date", "-history_id")[:VERSIONS])
    authors = list(map(who, filter(_is_first, newest)))
    yield Moment(_("made"), subject.row.created_at, *authors[:1])
    for line, before in islice(filter(_is_move, pairwise(newest)), 1):
        yield Moment(_("moved"), line.history_date, _("from %s") % (before.ip_address or "–"))


def _is_first(line: Any) -> bool:
    return line.history_type == "+"


def _is_move(versions: tuple[Any, Any]) -> bool:
    line, before = versions
    return line.ip_address != before.ip_address


def _told(subject: Subject) -> Iterator[Moment]:
    """The first generation that was applied since its row was last written."""
    server_id = ServerSelector.load().server_id_for(subject.subnet)
    applied = Generation.objects.filter(server=server_id, result=Generation.Result.APPLIED)
    since = applied.filter(updated_at__gte=subject.row.updated_at).order_by("pk")
    number = int(subject.state.is_served)
    for key, at in since.values_list("pk", "updated_at")[:number]:
        yield Moment(_("told"), at, _("generation %d") % key, "told")


def exchanges(log: Sequence[DhcpTransaction]) -> Iterator[Moment]:
    """The newest of each kind."""
    for name, kinds, mark, otherwise in EXCHANGES:
        rows = filter(partial(_is_of, kinds), log)
        found: Iterable[Moment] = map(partial(_exchange, name, mark), rows)
        yield from islice(chain(found, otherwise), 1)


def _is_of(kinds: Collection[str], row: DhcpTransaction) -> bool:
    return row.kind in kinds


def _exchange(name: Any, mark: str, row: DhcpTransaction) -> Moment:
    return Moment(name, row.at, row.ip_address or row.detail, mark)


def _boot(event: BootEvent) -> Moment:
    """A step of its network boot."""
    detail = getattr(event.image, "name", event.detail)
    return Moment(event.get_kind_display(), event.at, detail, "boot")


def _live(subject: Subject) -> Moment:
    """When the network has shown one of its cards."""
    states = map(itemgetter(1), subject.cards)
    shown = sorted(filter(attrgetter("seen_at"), states), key=attrgetter("seen_at"))
    return next(map(_shown, reversed(shown)), never(_("live")))


def _shown(state: MachineState) -> Moment:
    detail = _("until %s") % format_time(state.until) if state.until else ""
    return Moment(_("live"), state.seen_at, detail, "leased")
