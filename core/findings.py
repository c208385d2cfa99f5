"""Health checks: Django system checks of the running installation.

Each room registers its own with `health_check`, in a module that its AppConfig.ready() imports.
They are deployment checks and want the databases, so `manage.py check` and the checks that Django
runs before a command leave them out. `ops.doctor` runs them by tag for `manage.py doctor`, /readyz,
/metrics and the admin; Django's own command prints them, too:

    manage.py check --deploy --database default --tag dhcp
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.core.checks import DEBUG, ERROR, INFO, WARNING, CheckMessage, register

# Tags. Every health check has HEALTH and the tag of its subject, such as "database" or "dhcp".
HEALTH = "health"
NEEDS_DATABASE = "needs-database"  # left out while the database does not answer
SLOW = "slow"  # takes seconds: left out of pages
BOUNDED = "bounded"  # takes a few queries, however large the ledger is: fit for every page
READY_WARNING = "ready-warning"  # /readyz lists the check's summary and answers 200
READY = "ready"  # an error means that this node cannot work: /readyz answers 503

Function = TypeVar("Function", bound=Callable[[], Iterable[CheckMessage]])

_sequence = itertools.count()


class Finding(CheckMessage):
    """What a health check has found: `msg` is one sentence, `hint` the remedy, `commands` the
    remedy as lines for a shell, in order. `view` names the admin's page about it."""

    def __init__(
        self,
        level: int,
        msg: str,
        hint: str = "",
        *,
        commands: Sequence[str] = (),
        view: str = "",
    ) -> None:
        super().__init__(level, msg, hint=hint or None)
        self.commands = tuple(commands)
        self.view = view

    def __str__(self) -> str:
        return "\n\t$ ".join([super().__str__(), *self.commands])


def ok(msg: str) -> Finding:
    """Something that is well and worth a line."""
    return Finding(DEBUG, msg)


def note(msg: str, hint: str = "") -> Finding:
    """Worth knowing; nothing has to be done."""
    return Finding(INFO, msg, hint)


def warning(msg: str, hint: str = "", *commands: str, view: str = "") -> Finding:
    """Something that works and is at risk."""
    return Finding(WARNING, msg, hint, commands=commands, view=view)


def error(msg: str, hint: str = "", *commands: str, view: str = "") -> Finding:
    """Something that is broken."""
    return Finding(ERROR, msg, hint, commands=commands, view=view)


class HealthCheck:
    """A registered health check. `summary` is what an anonymous caller may read of its failure:
    findings name hosts, users and paths."""

    tags: Sequence[str] = ()  # set by Django's registry

    def __init__(
        self, name: str, subject: str, function: Callable[[], Iterable[CheckMessage]], summary: str
    ) -> None:
        self.name = name
        self.subject = subject
        self.function = function
        self.summary = summary
        self.number = next(_sequence)

    def __call__(
        self, databases: Sequence[str] | None = None, **kwargs: Any
    ) -> Iterable[CheckMessage]:
        """Django's way to run it. Nothing runs unless the caller names the databases."""
        if not databases:
            return []
        findings = list(self.function())
        for finding in findings:
            finding.obj = finding.obj or self.name
        return findings


def health_check(
    name: str, subject: str, *tags: str, needs_database: bool = True, summary: str = ""
) -> Callable[[Function], Function]:
    """Register a function that yields findings; finding nothing means that all is well. The
    function itself stays as it is."""
    all_tags = [HEALTH, subject, *tags]
    if needs_database:
        all_tags.append(NEEDS_DATABASE)

    def decorate(function: Function) -> Function:
        register(HealthCheck(name, subject, function, summary), *all_tags, deploy=True)
        return function

    return decorate
