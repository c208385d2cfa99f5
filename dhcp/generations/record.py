"""Record what became of each sync: one row for what is new, none for what repeats itself."""

from __future__ import annotations

from typing import Any

from dhcp.generations.outcome import Outcome, change_json, problem_json
from dhcp.models import Generation

_KEPT_CHANGES = 200
_KEPT_PROBLEMS = 1000
_KEPT_DIFF = 100_000


def record(outcome: Outcome) -> Generation:
    """The generation that states this outcome: a new row, or the newest one when nothing is new."""
    newest = Generation.objects.newest_summary(outcome.server_id)
    if newest and _is_one_more_failure(newest, outcome):
        newest.attempts += 1
        newest.save(update_fields=["attempts", "updated_at"])
        return newest
    if newest and _is_nothing_new(newest, outcome):
        return newest
    return _create(outcome)


def _is_one_more_failure(newest: Generation, outcome: Outcome) -> bool:
    former = (newest.result, newest.reason, newest.digest)
    return former == (Generation.Result.FAILED, outcome.reason, outcome.digest) and (
        outcome.result == Generation.Result.FAILED
    )


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
    diff = outcome.diff[:_KEPT_DIFF]
    return Generation.objects.create(
        server_id=outcome.server_id,
        result=outcome.result,
        reason=outcome.reason,
        confirmed=outcome.confirmed,
        digest=outcome.digest,
        hosts=outcome.hosts,
        problems=_problems(outcome),
        changes=list(map(change_json, outcome.changes[-_KEPT_CHANGES:])),
        diff=diff,
        sources=list(outcome.sources[: len(diff.splitlines())]),
        names=outcome.proof.as_json() if outcome.proof else None,
        duration_ms=outcome.duration_ms,
    )


def _problems(outcome: Outcome) -> list[dict[str, Any]]:
    return list(map(problem_json, outcome.problems[:_KEPT_PROBLEMS]))
