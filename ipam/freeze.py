"""A ledger that came out of a backup hands out nothing until somebody has compared it with the
leases.

It does not know what was handed out after the backup was made. Three things give it away: `restore`
says so; on PostgreSQL the stamp names another table than the one that it is in, because a dump is
loaded into new tables; and its history ends before a line that this host has seen (`ledger.json` in
the data directory).

The claim of an address looks at the first two in its own statement, so that nobody waits for a
question more."""

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
from core.errors import Unavailable
from ipam.models import IPAddress, Stamp

logger = logging.getLogger("ipam.freeze")

LOADED = "the database was loaded from a dump"


class Frozen(Unavailable):
    """The ledger may be older than what the network knows."""

    code = "frozen"


@dataclass(frozen=True, slots=True)
class State:
    """Since when, and why. `since` is None until somebody has noticed."""

    since: datetime | None
    reason: str


def state() -> State | None:
    """None when the ledger is not frozen."""
    stamp = Stamp.objects.frozen().first()
    return State(stamp.frozen_at, stamp.reason or LOADED) if stamp else None


def refuse() -> None:
    """Raise Frozen if it is."""
    if found := state():
        raise Frozen(
            _("No address is handed out: the ledger was restored from a backup (%s).")
            % found.reason,
            _("Compare it with the leases: manage.py thaw"),
        )


def freeze(reason: str) -> None:
    """Hand out nothing from now on. Who is frozen already stays so since then, and for that
    reason."""
    Stamp.objects.install()
    if Stamp.objects.filter(frozen_at=None).update(frozen_at=timezone.now(), reason=reason[:255]):
        logger.error("no address is handed out until `manage.py thaw`: %s", reason)


def thaw() -> None:
    """Go on. The ledger gets a new name: what other hosts have seen of the former one says nothing
    any more."""
    Stamp.objects.settle(frozen_at=None, reason="", ledger=uuid.uuid4().hex)
    look()


def look() -> None:
    """Notice a restore that nobody has told of, and remember how far the ledger's history goes."""
    stamp = Stamp.objects.first()
    if stamp is None or stamp.frozen_at:
        return
    seen, newest = (
        _seen(),
        _newest(),
    )  # in this order: the other process may have seen more since than we
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
    """What this host has seen of which ledger; nothing when it cannot be read."""
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
