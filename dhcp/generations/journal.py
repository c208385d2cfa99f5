"""Remember what became of each sync: one row for what is new, none for what repeats itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dhcp.files.records import Problem
from dhcp.files.snapshot import SeenChange
from dhcp.models import Generation, KeptFiles

KEPT_FILES = 100  # generations that one can go back to
_KEPT_CHANGES = 200
_KEPT_PROBLEMS = 1000
_KEPT_DIFF = 100_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sync.

    `result` is a Generation's; or "left": another process is at it, or dnsmasq takes longer than we
    may wait; or "changed": a preview has found something to do."""

    result: str
    reason: str = ""
    generation: int | None = None
    confirmed: bool | None = None
    digest: str = ""
    hosts: int = 0
    problems: list[Problem] = field(default_factory=list)
    changes: list[SeenChange] = field(default_factory=list)
    diff: str = ""
    duration_ms: int = 0
    server_id: int | None = None
    server: str = ""
    wait: float = 0.0  # seconds until it is worth another try; 0 when nobody can tell

    @property
    def good(self) -> bool:
        return self.result in (Generation.Result.APPLIED, Generation.Result.UNCHANGED)

    @property
    def unexplained(self) -> bool:
        """The files had to change although no change was noted: somebody wrote to the ledger behind
        every trigger."""
        return self.result == Generation.Result.APPLIED and self.diff != "" and not self.changes

    def as_json(self) -> dict[str, Any]:
        """For `sync_dnsmasq --json`."""
        return {
            "result": self.result,
            "reason": self.reason,
            "generation": self.generation,
            "confirmed": self.confirmed,
            "hosts": self.hosts,
            "problems": [describe(problem) for problem in self.problems],
            "changes": len(self.changes),
            "diff": self.diff,
            "duration_ms": self.duration_ms,
        }


def keep(generation: Generation, hosts: bytes, opts: bytes) -> None:
    """Keep what was applied, and forget what of its server is too old to go back to."""
    KeptFiles.of(generation, hosts, opts).save()
    mine = KeptFiles.objects.filter(generation__server=generation.server_id)
    oldest = mine.order_by("-generation").values_list("generation", flat=True)[KEPT_FILES - 1 :][:1]
    mine.filter(generation__lt=next(iter(oldest), 0)).delete()


def note(outcome: Outcome) -> Generation:
    """The generation that tells of this outcome."""
    newest = Generation.objects.newest(outcome.server_id)
    if newest and _is_one_more_failure(newest, outcome):
        newest.attempts += 1
        newest.save(update_fields=["attempts", "updated_at"])
        return newest
    if newest and _is_nothing_new(newest, outcome):
        return newest
    return _create(outcome)


def describe(problem: Problem) -> dict[str, Any]:
    record = problem.record
    return {
        "kind": record.kind,
        "id": record.id,
        "name": record.name,
        "ip": str(record.ip),
        "field": problem.field,
        "reason": problem.reason,
        "left_out": problem.left_out,
    }


def _is_one_more_failure(newest: Generation, outcome: Outcome) -> bool:
    failed = Generation.Result.FAILED
    same = (newest.result, newest.reason, newest.digest) == (
        outcome.result,
        outcome.reason,
        outcome.digest,
    )
    return same and outcome.result == failed


def _is_nothing_new(newest: Generation, outcome: Outcome) -> bool:
    """Unchanged files deserve a row only when they end a failure or when other records are left out
    now. Another proposal for root is something new, too."""
    return (
        outcome.result == Generation.Result.UNCHANGED
        and not outcome.diff
        and newest.result != Generation.Result.FAILED
        and newest.problems == _problems(outcome)
    )


def _create(outcome: Outcome) -> Generation:
    return Generation.objects.create(
        server_id=outcome.server_id,
        result=outcome.result,
        reason=outcome.reason,
        confirmed=outcome.confirmed,
        digest=outcome.digest,
        hosts=outcome.hosts,
        problems=_problems(outcome),
        changes=changes_as_json(outcome.changes),
        diff=outcome.diff[:_KEPT_DIFF],
        duration_ms=outcome.duration_ms,
    )


def _problems(outcome: Outcome) -> list[dict[str, Any]]:
    return [describe(problem) for problem in outcome.problems[:_KEPT_PROBLEMS]]


def changes_as_json(changes: Sequence[SeenChange]) -> list[dict[str, Any]]:
    """The last ones: which change of whom is behind each line."""
    return [
        {
            "kind": change.kind,
            "id": change.object_id,
            "name": change.label,
            "action": change.action,
            "detail": change.detail,
            "who": change.who,
            "at": change.at.isoformat(timespec="seconds"),
        }
        for change in changes[-_KEPT_CHANGES:]
    ]
