"""What became of one sync."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhcp.edits.differences import count
from dhcp.edits.written import digest
from dhcp.files.records import Problem
from dhcp.files.snapshot import SeenChange
from dhcp.models import Generation
from names.proof import Proof

if TYPE_CHECKING:
    from dhcp.files.candidate import Candidate

LEFT, CHANGED, HELD = "left", "changed", "held"  # results that no generation has
Seen = tuple[int, int]  # the numbers of the newest generation and of the newest change row


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sync.

    `result` is a Generation's; or LEFT: another process is at it, or dnsmasq takes longer than the
    sync may wait; or HELD: somebody has rolled back on purpose; or CHANGED: a preview has found
    something to do."""

    result: str
    reason: str = ""
    generation: int | None = None
    confirmed: bool | None = None
    digest: str = ""
    hosts: int = 0
    problems: tuple[Problem, ...] = ()
    changes: tuple[SeenChange, ...] = ()
    diff: str = ""
    sources: tuple[str, ...] = ()  # the ledger rows behind each line of the difference
    duration_ms: int = 0
    proof: Proof | None = None  # what dnsmasq answered for changed names
    server_id: int | None = None
    server: str = ""
    wait: float = 0.0  # seconds until it is worth another try; 0 when nobody can tell
    seen: Seen | None = None  # a follower's: what it had seen of the holder's work before

    @classmethod
    def of(cls, candidate: Candidate, result: str, reason: str, duration_ms: int) -> Outcome:
        return cls(
            result=result,
            reason=reason,
            digest=digest(candidate.content),
            hosts=count(candidate.new.hosts),
            problems=candidate.problems,
            changes=candidate.ledger.changes,
            diff=candidate.diff,
            duration_ms=duration_ms,
            server_id=candidate.target.server_id,
            server=candidate.target.name,
        )

    @property
    def good(self) -> bool:
        return self.result in (Generation.Result.APPLIED, Generation.Result.UNCHANGED)

    @property
    def unexplained(self) -> bool:
        """The files had to change although there was no change row: somebody wrote to the ledger
        behind every trigger."""
        if self.seen is not None:
            return False  # the holder has deleted the rows
        is_new = self.result == Generation.Result.APPLIED and self.diff != ""
        return is_new and not self.changes

    def as_json(self) -> dict[str, Any]:
        """For `sync_dnsmasq --json`."""
        return {
            "result": self.result,
            "reason": self.reason,
            "generation": self.generation,
            "confirmed": self.confirmed,
            "hosts": self.hosts,
            "problems": list(map(problem_json, self.problems)),
            "changes": len(self.changes),
            "names": self.proof.as_json() if self.proof else None,
            "diff": self.diff,
            "duration_ms": self.duration_ms,
        }


def problem_json(problem: Problem) -> dict[str, Any]:
    """A record that is left out, or written without its name."""
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


def change_json(change: SeenChange) -> dict[str, Any]:
    """A change row as its generation keeps it."""
    return {
        "kind": change.kind,
        "id": change.object_id,
        "name": change.label,
        "action": change.action,
        "detail": change.detail,
        "who": change.who,
        "at": change.at.isoformat(timespec="seconds"),
    }
