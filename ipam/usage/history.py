"""The usage of each day, a line for each subnet and pool: written by the worker, read for plots."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils.timezone import localdate

from core.database import sql
from ipam.models import Pool, UsageDay
from ipam.usage.measure import Share, usage_of_all, usage_of_all_pools

DAYS = 90  # that are shown, unless more or fewer are asked for
_SQL = Path(__file__).parent.parent / "sql"
Line = tuple[int, int, float, int, float, int]  # as write_usage.sql takes them


class Day(NamedTuple):
    """How full a subnet was on a day. A pool is of one kind; the other is empty."""

    day: date
    static: Share
    dhcp: Share


def write_today() -> int:
    """Bring today's lines up to date, in one statement; return how many there are."""
    lines = [*_subnet_lines(), *_pool_lines()]
    statement = sql.statement(_SQL / connection.vendor / "write_usage.sql")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, {"day": localdate().isoformat(), "rows": json.dumps(lines)})
    return len(lines)


def _subnet_lines() -> Iterator[Line]:
    for key, used in usage_of_all().items():
        static, dhcp = used.static, used.dhcp
        yield key, 0, float(static.total), static.used, float(dhcp.total), dhcp.used


def _pool_lines() -> Iterator[Line]:
    kinds = Pool.objects.order_by().values_list("pk", "subnet_id", "kind")
    shares = usage_of_all_pools()
    for key, subnet, kind in kinds.iterator():
        share = shares.get(key, Share())
        figures = float(share.total), share.used
        if kind == Pool.Kind.STATIC:
            yield subnet, key, *figures, 0.0, 0
        else:
            yield subnet, key, 0.0, 0, *figures


def days(subnet_id: int, pool_id: int = 0, number: int = DAYS) -> list[Day]:
    """The last days of a subnet or pool, the oldest first."""
    rows = UsageDay.objects.filter(subnet_id=subnet_id, pool_id=pool_id, day__gt=since(number))
    columns = rows.order_by("day").values_list(
        "day", "static_total", "static_used", "dhcp_total", "dhcp_used"
    )
    return list(map(day_of, columns))


def sampled(subnet_ids: Sequence[int], every: int = 6) -> dict[int, list[Day]]:
    """Some of the last days of each subnet, the oldest first, for a small line. One query."""
    today = localdate()
    wanted = [today - timedelta(days=ago) for ago in range(0, DAYS, every)]
    rows = UsageDay.objects.filter(pool_id=0, day__in=wanted, subnet_id__in=subnet_ids)
    found: dict[int, list[Day]] = defaultdict(list)
    columns = ("day", "static_total", "static_used", "dhcp_total", "dhcp_used")
    for key, *line in rows.order_by("day").values_list("subnet_id", *columns):
        found[key].append(day_of(line))
    return found


def since(number: int) -> date:
    """The day before the last so many days."""
    return localdate() - timedelta(days=number)


def day_of(line: Sequence[Any]) -> Day:
    """A day from its columns."""
    day, static_total, static_used, dhcp_total, dhcp_used = line
    return Day(day, Share(int(static_total), static_used), Share(int(dhcp_total), dhcp_used))
