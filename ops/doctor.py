"""Examine the whole installation: every app's examinations, in order. What is looked at, and why,
is theirs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import DatabaseError, connection
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from core.findings import ERROR, NOTE, OK, WARNING, Exam, Finding, error, note

logger = logging.getLogger(__name__)

EXAMS = ["ops.health_checks.EXAMS", "dhcp.state.health_checks.EXAMS"]
# As monitoring plugins have it. 1 is also what a command ends with that could not begin.
STATUSES = {OK: 0, NOTE: 0, WARNING: 1, ERROR: 2}


@dataclass(frozen=True, slots=True)
class Result:
    """What one examination found."""

    exam: str
    finding: Finding

    def as_json(self) -> dict[str, object]:
        found = self.finding
        return {
            "exam": self.exam,
            "level": found.level,
            "said": found.said,
            "remedy": found.remedy,
            "commands": list(found.commands),
        }


def examine(*, quick: bool = False) -> list[Result]:
    """All of them; `quick` leaves out those that take seconds."""
    exams: list[Exam] = [exam for name in EXAMS for exam in import_string(name)]
    answers = database_answers()
    return [
        Result(exam.name, finding)
        for exam in exams
        if not (quick and exam.slow)
        for finding in _findings(exam, answers)
    ]


def status(results: Iterable[Result]) -> int:
    """The worst of them, as an exit status: 0 well, 1 warnings, 2 errors."""
    return max((STATUSES[result.finding.level] for result in results), default=0)


def database_answers() -> bool:
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _findings(exam: Exam, database_answers: bool) -> list[Finding]:
    if exam.asks_database and not database_answers:
        return [note(_("Not examined: the database does not answer."))]
    return list(_guarded(exam)) or [Finding(OK, "")]


def _guarded(exam: Exam) -> Iterator[Finding]:
    """An examination that fails says so, and harms no other."""
    try:
        yield from exam.look()
    except (DatabaseError, OSError) as failure:
        yield error(_("Not examined: %s") % " ".join(str(failure).split()))
    except Exception as bug:
        logger.exception("a bug in the examination %s", exam.name)
        yield error(_("Not examined: %s") % repr(bug), _("A bug; please report it."))
