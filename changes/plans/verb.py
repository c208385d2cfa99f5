"""Show what a change would do, then do just that.

The work itself is carried out both times, so that the preview cannot say anything else: first in a
trial, then for good, where nothing stays if it does not do what was shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from changes.plans import told
from changes.plans.effect import Effect, effect_of
from changes.plans.renewing import Ground, Renewing, renewing
from changes.plans.told import Told
from changes.plans.trial import trial
from changes.plans.words import items_json
from changes.undo import words
from core.errors import Conflict
from core.history import origin
from ipam.querysets import lock_ledger

T = TypeVar("T")
Work = Callable[[], T]
SHOWN = 200  # rows


class Outdated(Conflict):
    """It would do something else than what was shown."""

    code = "outdated"

    def __init__(self) -> None:
        text = _("The ledger has changed since this was shown. This is what would happen now.")
        super().__init__(text)


@dataclass(frozen=True)
class Plan(Generic[T]):
    """What would happen. `found` is what the work returns: nothing that is still to be read."""

    found: T
    effect: Effect
    rows: list[dict[str, Any]]  # the first of the items, in words
    told: list[Told] = field(default_factory=list)
    renewing: Renewing = field(default_factory=Renewing)

    @property
    def digest(self) -> str:
        return self.effect.digest

    @property
    def more(self) -> int:
        """The rows that are changed besides those that are shown."""
        return len(self.effect.items) - len(self.rows)


@dataclass(frozen=True)
class Done(Generic[T]):
    """What was done."""

    found: T
    effect: Effect


def preview(work: Work[T]) -> Plan[T]:
    """Do it and take it back. No writer waits for it. Raises what the work raises, Unavailable."""
    now = origin.current()
    with trial(), origin.acting(now.source, now.actor):
        ground, files = Ground.now(), told.files()
        found = work()
        effect = effect_of(origin.current().change)
        return Plan(
            found,
            effect,
            words.item_rows(effect.items[:SHOWN]),
            list(told.differences(files, told.files())),
            renewing(ground, Ground.now(), effect.items),
        )


def apply(work: Work[T], digest: str | None = None) -> Done[T]:
    """Do it, all or nothing; with the digest of a plan that was shown, only if it still does that.
    Raises what the work raises, Outdated."""
    with transaction.atomic():
        lock_ledger()
        found = work()
        effect = effect_of(origin.current().change)
        if digest not in (None, effect.digest):
            raise Outdated
    return Done(found, effect)


# --- for programs ---------------------------------------------------------------------------------


def as_json(plan: Plan[Any]) -> dict[str, Any]:
    return {
        "digest": plan.digest,
        "rows": items_json(plan.effect.items),
        "moved_to_another_subnet": dict(plan.effect.placed),
        "dnsmasq": {one.server: one.diff.splitlines() for one in plan.told},
        "renewing": _renewing_json(plan.renewing),
    }


def _renewing_json(found: Renewing) -> list[dict[str, Any]]:
    clients = []
    for client in found.clients:
        until = client.until and client.until.isoformat()
        clients.append({"ip": str(client.ip), "name": client.name, "until": until})
    return clients
