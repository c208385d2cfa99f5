"""What an import says: a verdict for every record, and what became of the whole."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Literal

State = Literal["new", "same", "differs", "refused", "left out"]
STATES: tuple[State, ...] = ("new", "same", "differs", "refused", "left out")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a record: its place, its kind, what it is called, and why."""

    at: str
    kind: str
    key: str
    state: State
    reasons: tuple[str, ...] = ()

    @property
    def is_remarkable(self) -> bool:
        """Whether there is more to say of it than its state."""
        return bool(self.reasons) or self.state == "refused"


@dataclass(frozen=True)
class Outcome:
    """All verdicts, and whether the new records were written."""

    verdicts: list[Verdict]
    written: bool

    @property
    def digest(self) -> str:
        """What becomes of which record, whatever language says it."""
        facts = [(one.at, one.kind, one.key, one.state) for one in self.verdicts]
        return sha256(json.dumps(facts).encode()).hexdigest()

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many records of each kind are in each state."""
        counted = Counter((verdict.kind, verdict.state) for verdict in self.verdicts)
        found: dict[str, dict[str, int]] = {}
        for (kind, state), number in counted.items():
            found.setdefault(kind, dict.fromkeys(STATES, 0))[state] = number
        return found

    @property
    def totals(self) -> dict[str, int]:
        """How many records are in each state."""
        totals: dict[str, int] = dict.fromkeys(STATES, 0)
        for verdict in self.verdicts:
            totals[verdict.state] += 1
        return totals

    def as_json(self) -> dict[str, Any]:
        return {
            "written": self.written,
            "totals": self.totals,
            "counts": self.counts,
            "records": list(map(asdict, self.verdicts)),
        }
