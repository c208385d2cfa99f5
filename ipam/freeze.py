"""Freeze a ledger that may have lost commits: it allocates nothing until somebody has compared it
with the leases.

A ledger that was restored from a backup does not know what was allocated after the backup was made.
Three things tell: `restore` says so; on PostgreSQL the stamp names another table than the one it is
in, because a dump is loaded into new tables; and its history lacks a line that this host has seen
(`ledger.json` in the data directory).

A PostgreSQL standby that was promoted lacks what had not reached it. It writes another timeline
than the one in the stamp. Where each commit had waited for a standby (synchronous replication),
nothing is lost and the worker accepts the new timeline; else the ledger is frozen.

The claim of an address compares table and timeline in its own statement, without a further query:
so not even the first one after a failover is answered with an address before this is judged."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from core import files
from core.commands import manage_command
from core.errors import Reason, Unavailable
from ipam.models import IPAddress, Stamp

logger = logging.getLogger("ipam.freeze")

LOADED = "the database was loaded from a dump"
FAILED_OVER = "the database server has failed over to a standby"
SYNCHRONOUS_FOR = timedelta(minutes=5)  # how long the last proof of synchronous replication counts
NEVER_PRUNED = timedelta(days=1)  # history that is as young as this
PROOF_EVERY = timedelta(minutes=1)


class Frozen(Unavailable):
    """The ledger may be older than what the network knows."""

    code = "frozen"


@dataclass(frozen=True, slots=True)
class Seen:
    """A line of the addresses' history that this host has seen: its number, and what it says
    (empty in marks of version 0.1)."""

    line: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class FrozenState:
    """Since when, and why. `since` is None until a worker has judged it."""

    since: datetime | None
    reason: str


def state() -> FrozenState | None:
    """None when the ledger is not frozen."""
    stamp: Any = Stamp.objects.frozen().with_server().first()
    if stamp is None:
        return None
    reason = LOADED if stamp.home not in (None, stamp.table) else FAILED_OVER
    return FrozenState(stamp.frozen_at, stamp.reason or reason)


def refuse() -> None:
    """Raise Frozen if the ledger is frozen."""
    if found := state():
        text = _("No address is handed out: the ledger may have lost changes (%s).")
        raise Frozen(
            Reason(text % found.reason),
            _("Compare it with the leases: %s") % manage_command("thaw"),
        )


def freeze(reason: str, level: int = logging.ERROR) -> None:
    """Allocate nothing from now on. A ledger that is frozen already keeps its time and reason."""
    Stamp.objects.install()
    if Stamp.objects.filter(frozen_at=None).update(frozen_at=timezone.now(), reason=reason[:255]):
        command = manage_command("thaw")
        logger.log(level, "no address is handed out until `%s`: %s", command, reason)


def thaw() -> None:
    """Allocate again. The ledger gets a new name, so that what other hosts have seen under the
    former one no longer counts."""
    Stamp.objects.write_home(frozen_at=None, reason="", ledger=uuid.uuid4().hex)
    look()


def look() -> None:
    """Notice what nobody has announced, and store how far the ledger's history goes."""
    stamp = Stamp.objects.with_server().first()
    if stamp is None or stamp.frozen_at:
        return
    seen = _seen()  # first: another process may see more meanwhile
    newest = _newest()
    if reason := _loss(stamp, seen.get(stamp.ledger, Seen()), newest):
        freeze(reason)
        return
    if newest != seen.get(stamp.ledger):
        _remember(stamp.ledger, newest)
    _note_synchronous(stamp)


def _loss(stamp: Any, seen: Seen, newest: Seen) -> str:
    """Why the ledger may have lost changes; empty when it has not. A new timeline is accepted."""
    if stamp.home not in (None, stamp.table):
        return LOADED
    if newest.line < seen.line:
        return f"its history ends at line {newest.line}, and this host has seen line {seen.line}"
    if newest != seen and _is_lost(seen, stamp.now):
        return f"line {seen.line} of its history is not the one that this host has seen"
    if stamp.timeline == stamp.server_timeline:
        return ""
    return _judge_timeline(stamp)


def _is_lost(seen: Seen, now: datetime) -> bool:
    """Whether the line is another one by now, or missing although it is too young to be pruned:
    the numbers go on behind those that were lost."""
    text = _text_of(seen.line)
    if not seen.text or text == seen.text:
        return False
    date = datetime.fromisoformat(seen.text.partition(" ")[0])
    return text != "" or now - date < NEVER_PRUNED


def _judge_timeline(stamp: Any) -> str:
    """The same for a timeline that is not the stamp's."""
    if stamp.timeline is not None:
        text = f"{FAILED_OVER}: timeline {stamp.timeline}, now {stamp.server_timeline}"
        proof = stamp.synchronous_at
        is_proved = proof is not None and stamp.now - proof < SYNCHRONOUS_FOR
        if not is_proved and settings.FAILOVER == "freeze":
            return f"{text}, and its replication was not synchronous"
        logger.warning("%s; nothing is known to be lost", text)
    Stamp.objects.filter(timeline=stamp.timeline).update(timeline=stamp.server_timeline)
    return ""


def _note_synchronous(stamp: Any) -> None:
    """Keep the proof that each commit waits for a standby: in the ledger, so that the standby has
    it."""
    if not stamp.is_synchronous:
        if stamp.synchronous_at:
            Stamp.objects.update(synchronous_at=None)
    elif stamp.synchronous_at is None or stamp.now - stamp.synchronous_at > PROOF_EVERY:
        Stamp.objects.update(synchronous_at=stamp.now)


def _newest() -> Seen:
    """The last line of the addresses' history: it is committed, and never comes twice."""
    history: Any = IPAddress.history
    line = history.aggregate(newest=Max("history_id"))["newest"] or 0
    return Seen(line, _text_of(line))


def _text_of(line: int) -> str:
    """What a line says, so that another one of the same number is known; empty without one: old
    lines are pruned."""
    history: Any = IPAddress.history
    found = history.filter(history_id=line).values_list("history_date", "ip_address").first()
    if found is None:
        return ""
    date, address = found
    return f"{date.isoformat()} {address}"


def _seen() -> dict[str, Seen]:
    """The last line of history that this host has seen, by ledger; empty if it cannot be read."""
    try:
        found = json.loads(_mark().read_bytes())
        return {str(name): _parse_mark(value) for name, value in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError, LookupError) as error:
        logger.warning("%s says nothing: %s", _mark(), error)
        return {}


def _parse_mark(value: Any) -> Seen:
    if isinstance(value, list):
        return Seen(int(value[0]), str(value[1]))
    return Seen(int(value))


def _remember(ledger: str, seen: Seen) -> None:
    mark = {ledger: [seen.line, seen.text]}
    files.replace(_mark(), json.dumps(mark).encode(), 0o600)


def _mark() -> Path:
    return settings.DATA_DIR / "ledger.json"
