"""Delete many servers or interfaces: as many statements as for one."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from django.db import router, transaction
from django.db.models.deletion import Collector

from ipam.models import Interface, Server
from ipam.placement.place import place, unplace
from ipam.querysets import keys_of, lock_ledger, note_history
from ipam.signals import removed


def delete_together(rows: Sequence[Server] | Sequence[Interface]) -> None:
    """Delete them with all that goes with each, in one transaction: their addresses are freed,
    and each has its line in the history. The rows are of one model, and some hundred at most."""
    if not rows:
        return
    model = type(rows[0])
    servers = set(map(attrgetter("server_id"), rows)) if model is Interface else set()
    with transaction.atomic():
        lock_ledger()
        if model is Server:
            unplace(keys_of(rows))
        note_history(rows, "-")
        removed.send(model, instances=rows)
        _delete(model, rows)
        if servers:
            place(Server.objects.with_keys(*servers).holding())


def _delete(model: type[Server | Interface], rows: Sequence[Server] | Sequence[Interface]) -> None:
    for row in rows:
        row.together = True
    collector = Collector(using=router.db_for_write(model))
    collector.collect(rows)
    collector.delete()
