"""Run the health checks of every room, by tag."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.core.checks import CRITICAL, DEBUG, ERROR, INFO, WARNING, CheckMessage
from django.core.checks.registry import registry
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, transaction
from django.utils.translation import gettext as _

from core.findings import HEALTH, NEEDS_DATABASE, SLOW, HealthCheck, error, note, ok

logger = logging.getLogger(__name__)

# The order of a report. Subjects that are not listed come last.
SUBJECTS = (
    *("database", "settings", "secrets", "machine", "worker", "web"),
    *("access", "dhcp", "boot", "ledger", "events", "log"),
)
LEVELS = {DEBUG: "ok", INFO: "note", WARNING: "warning", ERROR: "error", CRITICAL: "error"}
# Exit statuses of monitoring plugins. A command that cannot begin also ends with 1.
STATUSES = {"ok": 0, "note": 0, "warning": 1, "error": 2}


@dataclass(frozen=True, slots=True)
class Result:
    """One message of one check."""

    check: HealthCheck
    message: CheckMessage

    @property
    def level(self) -> str:
        return LEVELS[self.message.level]

    @property
    def status(self) -> int:
        return STATUSES[self.level]

    @property
    def text(self) -> str:
        """The message; one of Django's own is followed by its id."""
        if self.message.id:
            return f"{self.message.msg} ({self.message.id})"
        return self.message.msg

    @property
    def remedy(self) -> str:
        return self.message.hint or ""

    @property
    def commands(self) -> tuple[str, ...]:
        return getattr(self.message, "commands", ())

    @property
    def view(self) -> str:
        """The name of the admin's page about it, or empty."""
        return getattr(self.message, "view", "")

    def as_json(self) -> dict[str, object]:
        return {
            "exam": self.check.name,
            "level": self.level,
            "said": self.text,
            "remedy": self.remedy,
            "commands": list(self.commands),
        }


def run_checks(tag: str = HEALTH, *, slow: bool = False) -> list[Result]:
    """Run every health check that has this tag; those tagged SLOW only if `slow`. A check that
    finds nothing has one result, without a text. A fault that two checks find is told once."""
    database_answers = can_query_database()
    results: list[Result] = []
    for check in registered(tag):
        if slow or SLOW not in check.tags:
            told = {result.text for result in results if result.status}
            found = _results(check, database_answers)
            results += [one for one in found if not (one.status and one.text in told)]
    return results


def registered(tag: str = HEALTH) -> list[HealthCheck]:
    """The health checks that have this tag, in the order of a report."""
    checks: list[Any] = registry.get_checks(include_deployment_checks=True)
    found = (check for check in checks if isinstance(check, HealthCheck) and tag in check.tags)
    return sorted(found, key=_place)


def _place(check: HealthCheck) -> tuple[int, int]:
    if check.subject in SUBJECTS:
        return SUBJECTS.index(check.subject), check.number
    return len(SUBJECTS), check.number


def worst_status(results: Iterable[Result]) -> int:
    """The exit status: 0 without warnings, 1 with warnings, 2 with errors."""
    return max((result.status for result in results), default=0)


def can_query_database() -> bool:
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _results(check: HealthCheck, database_answers: bool) -> Iterator[Result]:
    if NEEDS_DATABASE in check.tags and not database_answers:
        messages: Iterable[CheckMessage] = [note(_("Not checked: the database does not answer."))]
    else:
        messages = _messages(check)
    for message in messages or [ok("")]:
        yield Result(check, message)


def _messages(check: HealthCheck) -> Iterable[CheckMessage]:
    """What the check finds. A check that fails itself says so, and the others go on."""
    try:
        with _savepoint():
            return check(databases=[DEFAULT_DB_ALIAS])
    except (DatabaseError, OSError) as failure:
        return [error(_("Not checked: %s") % " ".join(str(failure).split()))]
    except Exception as bug:
        logger.exception("a bug in the check %s", check.name)
        return [error(_("Not checked: %s") % repr(bug), _("This is a bug. Report it."))]


def _savepoint() -> AbstractContextManager[None]:
    """Within a transaction, a failed query must not fail the queries of the next check."""
    if connection.in_atomic_block:
        return transaction.atomic()
    return nullcontext()
