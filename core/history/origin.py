"""Where a change comes from: its source, who acts, and the id that all rows of one change share."""

from __future__ import annotations

import getpass
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from django.db import transaction
from simple_history.models import HistoricalRecords

from core.logs import REQUEST

Source = Literal["web", "api", "command", "import", "worker", "agent", "sql", "upgrade"]
LONGEST_ACTOR = 150
LONGEST_REASON = 100


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a change, who acts besides the user (the name of a token, a command with its
    user of the system, a kind of periodic work), and the id of the change."""

    source: Source
    actor: str
    change: str


_acting: ContextVar[Origin | None] = ContextVar("acting", default=None)
_reason: ContextVar[str] = ContextVar("reason", default="")


@contextmanager
def acting(source: Source, actor: str) -> Iterator[None]:
    """What is changed within the block is one change, made by this actor."""
    token = _acting.set(Origin(source, actor[:LONGEST_ACTOR], uuid.uuid4().hex))
    try:
        yield
    finally:
        _acting.reset(token)


@contextmanager
def because(reason: str) -> Iterator[None]:
    """What is changed within the block says why (`history_change_reason`)."""
    token = _reason.set(reason[:LONGEST_REASON])
    try:
        yield
    finally:
        _reason.reset(token)


def reason() -> str:
    """Why things are changed now; empty if nobody has said."""
    return _reason.get()


def current() -> Origin:
    """The origin of what is changed now: of the block, else of the request, else of the process."""
    if origin := _acting.get():
        return origin
    if request := current_request():
        return _of_request(request)
    return _of_process()


def current_request() -> Any:
    """The request that the history middleware knows of; None outside of requests."""
    return getattr(HistoricalRecords.context, "request", None)


def user_id() -> int | None:
    """The key of the user who acts; None without a user."""
    user = getattr(current_request(), "user", None)
    if user is not None and user.is_authenticated:
        return user.pk
    return None


def name() -> str:
    """Who acts now, in words."""
    request = current_request()
    user = getattr(request, "user", None)
    username = ""
    if user is not None and user.is_authenticated:
        username = user.get_username()
    return described(username, current().actor)[:LONGEST_ACTOR]


def described(username: str, actor: str) -> str:
    """A user and what acts in their name: `admin (ci)` with the token `ci`."""
    if username and actor:
        return f"{username} ({actor})"
    return username or actor


def of_command(command: str) -> str:
    """The actor of a management command: its name, and the user of the system who called it."""
    return f"{command} ({_system_user()})"


def _of_request(request: Any) -> Origin:
    token = getattr(request, "auth", None)
    source: Source = "api" if request.path.startswith("/api/") else "web"
    return Origin(source, getattr(token, "name", ""), REQUEST.get())


def _of_process() -> Origin:
    """A program without a request, such as `manage.py shell`: each transaction is a change."""
    return Origin("command", _program(), _transaction_id())


@cache
def _program() -> str:
    path = Path(sys.argv[0])
    program = path.parent.name if path.name == "__main__.py" else path.name
    if program == "manage.py":
        program = "".join(sys.argv[1:2])
    return of_command(program)[:LONGEST_ACTOR]


def _transaction_id() -> str:
    """The id of the present transaction: a new one outside of transactions."""
    for block in transaction.get_connection().atomic_blocks:
        if not block._from_testcase:
            if not hasattr(block, "change"):
                block.change = uuid.uuid4().hex
            return block.change
    return uuid.uuid4().hex


@cache
def _system_user() -> str:
    """Who called the program; with sudo, who called sudo."""
    if caller := os.environ.get("SUDO_USER"):
        return caller
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
