"""Freeze a ledger that was restored from a backup: it allocates nothing until somebody has compared
it with the leases.

Such a ledger does not know what was allocated after the backup was made. Three things tell:
`restore` says so; on PostgreSQL the stamp names another table than the one it is in, because a dump
is loaded into new tables; and its history ends before a line that this host has seen (`ledger.json`
in the data directory).

The claim of an address checks the first two in its own statement, without a further query."""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime
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


class Frozen(Unavailable):
    """The ledger may be older than what the network knows."""

    code = "frozen"


@dataclass(frozen=True, slots=True)
class FrozenState:
    """Since when, and why. `since` is None until this host has noticed it."""

    since: datetime | None
    reason: str


def state() -> FrozenState | None:
    """None when the ledger is not frozen."""
    stamp = Stamp.objects.frozen().first()
    return FrozenState(stamp.frozen_at, stamp.reason or LOADED) if stamp else None


def refuse() -> None:
    """Raise Frozen if the ledger is frozen."""
    if found := state():
        text = _("No address is handed out: the ledger was restored from a backup (%s).")
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
    """Notice a restore that nobody has announced, and store how far the ledger's history goes."""
    stamp = Stamp.objects.first()
    if stamp is None or stamp.frozen_at:
        return
    seen = _seen()  # first: another process may see more meanwhile
    newest = _newest()
    if Stamp.objects.moved():
        freeze(LOADED)
    elif newest < seen.get(stamp.ledger, 0):
        freeze(
            f"its history ends at line {newest}, and this host has seen line {seen[stamp.ledger]}"
        )
    elif newest != seen.get(stamp.ledger):
        _remember({stamp.ledger: newest})


def _newest() -> int:
    """The last line of the addresses' history: it is committed, and never comes twice."""
    history: Any = IPAddress.history
    return history.aggregate(newest=Max("history_id"))["newest"] or 0


def _seen() -> dict[str, int]:
    """The last line of history that this host has seen, by ledger; empty if it cannot be read."""
    try:
        found = json.loads(_mark().read_bytes())
        return {str(name): int(line) for name, line in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        logger.warning("%s says nothing: %s", _mark(), error)
        return {}


def _remember(seen: dict[str, int]) -> None:
    files.replace(_mark(), json.dumps(seen).encode(), 0o600)


def _mark() -> Path:
    return settings.DATA_DIR / "ledger.json"
