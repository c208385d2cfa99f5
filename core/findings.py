"""What an examination finds, and what to do about it. The apps write examinations; `ops.doctor`
makes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

OK, NOTE, WARNING, ERROR = LEVELS = ("ok", "note", "warning", "error")


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about the installation. `commands` are the remedy for a shell, one after the
    other."""

    level: str
    said: str
    remedy: str = ""
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exam:
    """One examination; finding nothing is well. A slow one is not for a page."""

    name: str
    look: Callable[[], Iterable[Finding]]
    slow: bool = False
    asks_database: bool = True


def ok(said: str) -> Finding:
    return Finding(OK, said)


def note(said: str, remedy: str = "") -> Finding:
    """Worth knowing; nothing has to be done."""
    return Finding(NOTE, said, remedy)


def warning(said: str, remedy: str = "", *commands: str) -> Finding:
    return Finding(WARNING, said, remedy, commands)


def error(said: str, remedy: str = "", *commands: str) -> Finding:
    return Finding(ERROR, said, remedy, commands)
