"""The sync lease of a DHCP server: of all nodes that write its files, one at a time holds it.

A node is a directory with dnsmasq's files on a host. Each node writes its own directory from the
ledger. The holder also deletes the change rows and records the generations; a follower does
neither, so it takes nothing away from the others. A standby shares the holder's directory and
writes nothing.

The holder's worker renews the lease. It expires by the database's clock; then another node takes it
over with a higher epoch. The epoch is a fencing token: once another node has a higher one, a former
holder can neither record a sync nor replace a file in a directory that the new holder writes.

SQLite has one host, where the lock of the directory is enough; there are no leases."""

from __future__ import annotations

import enum
import logging
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from core import files
from core.database import commits
from core.errors import Conflict
from dhcp.edits.written import read_file
from dhcp.files.targets import Target
from dhcp.generations.outcome import Seen
from dhcp.models import DhcpChange, DhcpNode, Generation, SyncLease
from dhcp.querysets import SyncLeaseQuerySet

logger = logging.getLogger("dhcp.lease")

DURATION = timedelta(seconds=10)  # from a renewal to the end
HEARTBEAT = timedelta(seconds=8)  # how often a node's worker says that it runs
FORGOTTEN = timedelta(days=1)  # a node without a worker for so long was removed
STOPPED = timedelta(seconds=3)  # PostgreSQL ends a holder that idles in its transaction for so long
_TRIES = 5  # to take a lease that others take at the same moment


class Role(enum.Enum):
    """What a node does for a DHCP server."""

    HOLDER = "holder"
    FOLLOWER = "follower"
    STANDBY = "standby"


class Caller(enum.Enum):
    """Who syncs, which decides how the node comes by the lease."""

    WORKER = "worker"  # renews it, and takes it over when it has expired
    REQUEST = "request"  # uses it where this node has it
    PERSON = "person"  # takes it from another node, and gives it back


class LostLease(Conflict):
    """Another node holds the sync lease by now."""

    code = "lost_lease"


@dataclass(frozen=True, slots=True)
class Claim:
    """What this node may do for a DHCP server in one sync."""

    target: Target
    caller: Caller
    role: Role = Role.HOLDER
    epoch: int = 0  # 0: the database has no leases
    host: str = ""  # the holder's
    seen: Seen | None = None  # a follower's, from before it reads the ledger
    is_borrowed: bool = False  # taken for this sync only

    @property
    def is_holder(self) -> bool:
        return self.role is Role.HOLDER

    def check_directory(self) -> None:
        """Before a file is replaced: raise LostLease when a newer holder writes this directory."""
        if self.is_holder and 0 < self.epoch < _written_epoch(self.target):
            raise LostLease("a newer holder of the sync lease writes this directory")

    def check_database(self) -> None:
        """Raise LostLease unless this node still holds the lease; it then does so until the end of
        the transaction. A process that is stopped in the middle of it keeps the lease's row locked,
        and nobody could take it over: PostgreSQL then ends the transaction."""
        if not self.epoch:
            return
        if not connection.savepoint_ids:  # the transaction is ours alone
            with connection.cursor() as cursor:
                limit = f"{STOPPED.total_seconds():.0f}s"
                cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{limit}'")
        if not self._row().select_for_update().exists():
            raise LostLease("another node has taken the sync lease")

    def hold(self, generation: int | None) -> None:
        """Record for all nodes that the files stay at this generation, or at none any more."""
        if self.epoch:
            self._row().update(held=generation)

    def give_back(self) -> None:
        """Let a worker take the lease at once."""
        if self.is_borrowed:
            with suppress(DatabaseError):  # then it expires by itself
                self._row().update(expires_at=Now())

    def _row(self) -> SyncLeaseQuerySet:
        return SyncLease.objects.of(self.target.server_id).filter(epoch=self.epoch)


def is_used() -> bool:
    """Whether this database can have several nodes."""
    return connection.vendor == "postgresql"


@contextmanager
def claimed(target: Target, caller: Caller) -> Iterator[Claim]:
    """This node's claim for one sync. Call it under the directory's lock, before the ledger is
    read. Raises LostLease when others take the lease at the same moment."""
    claim = _claim(target, caller)
    try:
        yield claim
    finally:
        claim.give_back()


def presumed(target: Target) -> Claim:
    """The claim of a node that cannot even use its directory."""
    row = _row(target)
    if row is None or row.host == hostname():
        return Claim(target, Caller.WORKER)
    return Claim(target, Caller.WORKER, Role.FOLLOWER, row.epoch, row.host, seen(target))


def _claim(target: Target, caller: Caller) -> Claim:
    if not is_used():
        return Claim(target, caller)
    me = this_node(target)
    for _try in range(_TRIES):
        row = _row(target) or _first(target, me, caller)
        if row.is_of(me):
            return _kept(target, me, row, caller)
        if not _may_take(row, caller):
            return _without(target, me, row, caller)
        if epoch := _take(target, me, row):
            is_borrowed = caller is Caller.PERSON
            return Claim(target, caller, Role.HOLDER, epoch, me["host"], None, is_borrowed)
    raise LostLease("other nodes take the sync lease at the same moment")


def _may_take(row: SyncLease, caller: Caller) -> bool:
    if caller is Caller.WORKER:
        return row.has_expired
    return caller is Caller.PERSON


def _without(target: Target, me: dict[str, str], row: SyncLease, caller: Caller) -> Claim:
    """The claim of a node that does not hold the lease."""
    role = _role(row, me)
    if role is Role.FOLLOWER:
        _copy_held(target, row)
    return Claim(target, caller, role, row.epoch, row.host, seen(target))


def _first(target: Target, me: dict[str, str], caller: Caller) -> SyncLease:
    """The row of a DHCP server that was never synced before. Only a worker keeps the lease."""
    lasts = DURATION if caller is Caller.WORKER else timedelta(0)
    new = {"epoch": _written_epoch(target) + 1, "held": _held(target), "expires_at": Now() + lasts}
    SyncLease.objects.get_or_create(server_id=target.server_id, defaults={**me, **new})
    return SyncLease.objects.of(target.server_id).with_state().get()


def _kept(target: Target, me: dict[str, str], row: SyncLease, caller: Caller) -> Claim:
    """This node had it last and nobody has written since, so it goes on at once."""
    epoch = row.epoch
    if epoch < _written_epoch(target):  # the database is older than this directory
        epoch = _written_epoch(target) + 1
    new: dict[str, Any] = {}
    if (epoch, _held(target)) != (row.epoch, row.held):
        new = {"epoch": epoch, "held": _held(target)}
    if caller is Caller.WORKER:
        new["expires_at"] = Now() + DURATION
    if new and not SyncLease.objects.filter(pk=row.pk, epoch=row.epoch).update(**new):
        raise LostLease("another node has just taken the sync lease")
    _write_epoch(target, epoch)
    return Claim(target, caller, Role.HOLDER, epoch, me["host"])


def _take(target: Target, me: dict[str, str], row: SyncLease) -> int:
    """The new epoch; 0 when another node was faster."""
    epoch = max(row.epoch, _written_epoch(target)) + 1
    new = {"epoch": epoch, "taken_at": Now(), "expires_at": Now() + DURATION}
    if not SyncLease.objects.filter(pk=row.pk, epoch=row.epoch).update(**me, **new):
        return 0
    if row.place != me["place"]:
        _copy_held(target, row)
    _write_epoch(target, epoch)
    logger.info("took the sync lease of %s from %s (epoch %d)", target.name, row.host, epoch)
    return epoch


# --- between two syncs ----------------------------------------------------------------------------


def current_role(target: Target) -> tuple[Role, bool]:
    """What this node does at present, and whether its worker may take the lease. One query."""
    row, me = _row(target), known_node(target)
    if row is None or row.is_of(me):
        return Role.HOLDER, False
    return _role(row, me), row.has_expired


def renew(target: Target) -> None:
    """Keep the lease if this node holds it, and record that this node's worker runs."""
    if not is_used():
        return
    me = known_node(target)
    with commits.unnoticed():
        SyncLease.objects.of(target.server_id).filter(**me).update(expires_at=Now() + DURATION)
        nodes = DhcpNode.objects.filter(server=target.server_id)
        if nodes.filter(**me, seen_at__lt=Now() - HEARTBEAT).update(seen_at=Now()):
            nodes.filter(seen_at__lt=Now() - FORGOTTEN).delete()


def release(target: Target) -> None:
    """This node's worker ends: let another one take the lease at once."""
    if is_used():
        mine = SyncLease.objects.of(target.server_id).filter(**known_node(target))
        mine.filter(expires_at__gt=Now()).update(expires_at=Now())


def _role(row: SyncLease, me: dict[str, str]) -> Role:
    """What this node does while another one holds the lease."""
    if row.place == me["place"]:
        return Role.STANDBY
    return Role.FOLLOWER


def _row(target: Target) -> SyncLease | None:
    """The lease, where one may exist."""
    if not is_used():
        return None
    return SyncLease.objects.of(target.server_id).with_state().first()


def seen(target: Target) -> Seen:
    """The numbers of the newest generation and of the newest change row, 0 without one."""
    generations = Generation.objects.filter(server=target.server_id)
    changes = DhcpChange.objects.for_server(target.server_id)
    return _newest(generations), _newest(changes)


def _newest(rows: QuerySet[Any]) -> int:
    return rows.order_by("-pk").values_list("pk", flat=True).first() or 0


# --- this node ------------------------------------------------------------------------------------


def hostname() -> str:
    return socket.gethostname()[:255]


def this_node(target: Target) -> dict[str, str]:
    """The names of this host and of the directory, which gets a random one: two hosts may have
    directories of the same path, or share one."""
    if not read_file(target.place):
        files.replace(target.place, uuid.uuid4().hex.encode())
    return known_node(target)


def known_node(target: Target) -> dict[str, str]:
    """The same, with an empty name for a directory that has none yet or cannot be read."""
    place = b""
    with suppress(OSError):
        place = read_file(target.place)
    return {"host": hostname(), "place": place.decode("ascii", "replace")[:32]}


def _held(target: Target) -> int | None:
    """The generation at which the directory is held, or None."""
    return _number(target.held) or None


def _copy_held(target: Target, row: SyncLease) -> None:
    """A rollback on the holder's host holds the files of every node."""
    if row.held == _held(target):
        return
    if row.held is None:
        target.held.unlink(missing_ok=True)
    else:
        files.replace(target.held, str(row.held).encode())


def _written_epoch(target: Target) -> int:
    return _number(target.epoch)


def _number(path: Path) -> int:
    """The number in a file; 0 without one."""
    text = read_file(path)
    return int(text) if text.isdigit() else 0


def _write_epoch(target: Target, epoch: int) -> None:
    if _written_epoch(target) != epoch:
        files.replace(target.epoch, str(epoch).encode())
