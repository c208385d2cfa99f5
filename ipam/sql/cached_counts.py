"""Remember exact figures about the whole ledger that cost a scan of every row.

On PostgreSQL every statement that writes address rows, subnets or pools moves the sequence
`ledger_moment`: a trigger sees to it, so raw SQL does, too. While it stands still, nothing has
changed. It moves at once, not at the commit; so a figure is remembered only if nobody was writing
when it was worked out who might commit later."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from django.db import connection

from core.database import prepared

T = TypeVar("T")
TABLES = ("ip_addresses", "subnets", "pools")
NOW = "SELECT last_value FROM ledger_moment"
_MOST = 100  # figures
_WRITERS = f"""
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE relation IN ({", ".join(f"'{table}'::regclass" for table in TABLES)})
      AND pid IS DISTINCT FROM pg_backend_pid()
      AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                   'AccessExclusiveLock')
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_known: dict[Hashable, tuple[int, Any]] = {}


def known(key: Hashable, now: int) -> Any:
    """The figure that is remembered of the ledger as it is `now`, or None."""
    at, figure = _known.get(key, (None, None))
    return figure if at == now else None


def remembered(key: Hashable, work_out: Callable[[], T], now: int | None = None) -> T:
    """The figure of this name as the ledger is now; `now` is what NOW has said already."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        return work_out()
    if now is None:
        now = prepared.rows(NOW)[0][0]
    at, figure = _known.get(key, (None, None))
    if at == now:
        return figure  # type: ignore[return-value]
    nobody_writes = not prepared.rows(_WRITERS)[0][0]
    figure = work_out()
    if nobody_writes and (key in _known or len(_known) < _MOST):
        _known[key] = now, figure
    return figure
