"""Seal finished lines: work of the worker, none of the path that writes them.

A line is sealed when no transaction can still insert one with a smaller number. On SQLite there is
one writer at a time. On PostgreSQL a round notes the greatest numbers and the next transaction id;
a later round seals up to there when every transaction that was running then has ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from changes.chain.content import Segment, columns_of, digests
from changes.chain.tables import maxima_statement, sealed_tables
from changes.models import BEGINNING, OF_SEALS, Day, Seal

logger = logging.getLogger("changes.chain")

LINES = 1000  # of one seal at most
SEALS = 50  # of one round at most
LOWEST = -(2**31)
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('changes.chain', 0))"
_WAIT = "SELECT pg_advisory_xact_lock(hashtextextended('changes.chain', 0))"
# The oldest transaction that runs, and the next one: in the statement of the maxima, which sees
# the tables at the same moment.
_SNAPSHOT = (
    "SELECT 'oldest', pg_snapshot_xmin(pg_current_snapshot())::text::bigint UNION ALL "
    "SELECT 'following', pg_snapshot_xmax(pg_current_snapshot())::text::bigint UNION ALL "
)
Maxima = dict[str, int]


@dataclass
class Sealer:
    """Seals, with its memory between two rounds: what is sealed, and what a round has noted."""

    done: Maxima = field(default_factory=dict)
    noted: tuple[int, Maxima] = (0, {})
    quiet: bool = False  # nobody else writes
    closed: datetime | None = None  # the midnight up to which days are closed

    def round(self) -> int:
        """Seal what is finished; return the number of seals. Another round goes on at SEALS."""
        number = 0
        for table, greatest in self._finished().items():
            while number < SEALS and self.done.get(table, LOWEST) < greatest:
                number += self._seal_next(table, greatest)
        midnight = datetime.combine(timezone.now().astimezone(UTC).date(), time(), UTC)
        if self.closed != midnight:
            close_days(midnight)
            self.closed = midnight
        return number

    def _finished(self) -> Maxima:
        """Up to which number lines of which tables can be sealed."""
        if self.quiet or connection.vendor == "sqlite":
            return _maxima()
        maxima = _maxima(_SNAPSHOT)
        oldest, following = maxima.pop("oldest"), maxima.pop("following")
        then, finished = self.noted
        if oldest < then:
            return {}  # a transaction of then still runs
        self.noted = following, maxima
        return finished

    def _seal_next(self, table: str, greatest: int) -> int:
        if table not in self.done:
            self.done[table] = last_sealed(table)
        if self.done[table] >= greatest:
            return 0
        first = self.done[table] + 1
        seal = segment(table, first, greatest)
        self.done[table] = seal.last
        if not seal.count:
            return 0
        if not append(seal):
            del self.done[table]  # another node was faster
        return 1


def seal_everything() -> int:
    """Seal all lines that are there, while nobody writes: for commands and tests."""
    sealer = Sealer(quiet=True)
    number = sealer.round()
    while found := sealer.round():
        number += found
    return number


def last_sealed(table: str) -> int:
    """The greatest number of a line of the table that is sealed."""
    greatest = models.Max("last", default=LOWEST)
    return Seal.objects.filter(table=table).aggregate(greatest=greatest)["greatest"]


def segment(table: str, first: int, greatest: int) -> Seal:
    """The next lines of the table, sealed but not chained yet."""
    model = sealed_tables()[table]
    columns = columns_of(model)
    found = Segment()
    last = greatest
    for key, line in digests(select(model, columns, first, greatest)[:LINES]):
        found.add(key, line)
        last = key
    if found.count < LINES:
        last = greatest
    return sealed(found, table=table, first=first, last=last, columns=" ".join(columns))


def sealed(found: Segment, **facts: Any) -> Seal:
    return Seal(
        count=found.count,
        kept=bytes(found.kept),
        locator=found.locator,
        content=found.content.hex(),
        **facts,
    )


def select(
    model: type[models.Model], columns: list[str], first: int, last: int
) -> models.QuerySet[Any, tuple[Any, ...]]:
    """The lines with these numbers, in their order: number and columns of each."""
    key = model._meta.pk.attname
    lines = model._base_manager.filter(**{f"{key}__gte": first, f"{key}__lte": last})
    return lines.order_by(key).values_list(key, *columns)


def append(seal: Seal, *, wait: bool = False) -> bool:
    """Chain the seal to the last one; whether it still was the next one of its table. `wait` for
    another node that seals now, instead of leaving it to that one."""
    with transaction.atomic():
        if not _is_ours(wait=wait):
            return False
        if seal.table in sealed_tables() and last_sealed(seal.table) >= seal.first:
            return False
        now = timezone.now()
        beginning = Seal(number=0, hash=BEGINNING, sealed_at=now)
        former = Seal.objects.order_by("-number").first() or beginning
        seal.number, seal.former = former.number + 1, former.hash
        seal.sealed_at = max(now, former.sealed_at)  # the clocks of two nodes may differ
        seal.hash = seal.computed()
        seal.save(force_insert=True)
    return True


def _is_ours(*, wait: bool = False) -> bool:
    """Whether no other node seals now. The key of the next seal has the last word."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute(_WAIT if wait else _LOCK)
        return wait or bool(cursor.fetchone()[0])


def _maxima(further: str = "") -> Maxima:
    with connection.cursor() as cursor:
        cursor.execute(further + maxima_statement())
        return {table: number for table, number in cursor.fetchall() if number is not None}


# --- days -----------------------------------------------------------------------------------------


def close_days(midnight: datetime) -> None:
    """Close each day whose last seal is from before `midnight`, and log its hash."""
    with transaction.atomic():
        if not _is_ours():
            return
        former = Day.objects.order_by("-day").first() or Day(number=0, hash=BEGINNING)
        since = Seal.objects.filter(sealed_at__lt=midnight, number__gt=former.number)
        for day in _days(since.order_by("number")):
            day.former = former.hash
            day.hash = day.computed()
            day.save(force_insert=True)
            former = day
            logger.info("the log of %s is closed at seal %d: %s", day.day, day.number, day.hash)


def _days(seals: models.QuerySet[Seal]) -> list[Day]:
    days: dict[Any, Day] = {}
    columns = ("number", "table", "sealed_at", "count", "hash")
    for number, table, at, count, text in seals.values_list(*columns):
        date = at.astimezone(UTC).date()
        day = days.setdefault(date, Day(day=date, lines=0))
        day.number, day.seal = number, text
        day.lines += count if table != OF_SEALS else 0
    return list(days.values())
