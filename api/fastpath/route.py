"""A route of the fast path and the statement that it prepares."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import Resolver404, ResolverMatch, resolve

from api.access import Right
from api.fastpath.response import FastResponse

DatabaseRow = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class FastQuery:
    """One SQL statement with its parameters, and how its rows become a response.

    The statement joins the table `caller`, which has one row or none, and selects `caller.*` first.
    `render` gets the other columns of at least one row; None sends the request to Django.
    `then` are statements that follow in the same transaction if there is a row. They have the
    parameters `user` and `token`, the caller's key and its token's name, and `chosen`, the first of
    the other columns; `render` gets the rows of the last one.
    A statement that Django must not repeat has `outcome_unknown`: the response when the connection
    broke before its outcome was known."""

    sql: str
    params: dict[str, Any]
    render: Callable[[list[DatabaseRow]], FastResponse | None]
    outcome_unknown: Callable[[], FastResponse] | None = None
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FastRoute:
    """A method and a pattern of the whole path, the right that the request needs, and a function
    that prepares its statement, or returns None to send the request to Django."""

    method: str
    pattern: re.Pattern[str]
    right: Right
    prepare: Callable[..., FastQuery | None]
    is_open: Callable[[], bool] = bool  # whether it answers without a token


_resolved: dict[tuple[str, FastRoute], ResolverMatch | None] = {}


def resolver_match(route: FastRoute, path: str) -> ResolverMatch | None:
    """The entry of the URLconf that the route speeds up; None where this site does not have it."""
    key = (settings.ROOT_URLCONF, route)
    if key not in _resolved:
        try:
            _resolved[key] = resolve(path)
        except Resolver404:
            _resolved[key] = None
    return _resolved[key]
