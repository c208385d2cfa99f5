"""The answer of the fast path to one request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import IntegrityError, transaction
from django.http import HttpRequest, UnreadablePostError
from django.urls import ResolverMatch

from api import problems, throttle
from api.authentication import ACCEPTED
from api.fastpath import caller, registry
from api.fastpath.request import is_plain
from api.fastpath.response import FastResponse, problem_response, strict_transport_security
from api.fastpath.route import DatabaseRow, FastQuery, FastRoute, resolver_match
from core.database import prepared
from core.errors import IPManagerError

logger = logging.getLogger(__name__)
REFUSED = (IPManagerError, IntegrityError)  # Django says why
EXPECTED = (IPManagerError, *problems.DATABASE_UNAVAILABLE)  # of what is only read


def answer(request: HttpRequest) -> FastResponse | None:
    """The response, or None when Django must answer. A failure is logged, and Django answers."""
    try:
        return _answer(request)
    except (SuspiciousOperation, UnreadablePostError):
        return None  # the request is at fault, and Django says so
    except Exception:
        logger.exception("fast path failed, Django answers: %s %s", request.method, request.path)
        return None


def _answer(request: HttpRequest) -> FastResponse | None:
    found = registry.find(request.method, request.path_info)
    if found is None or not is_plain(request):
        return None
    matched, captured = found
    resolved = resolver_match(matched, request.path_info)
    check = throttle.rate_limiter().check(request)
    if resolved is None or check.wait:
        return None
    query = matched.prepare(request, **captured)
    if query is None:
        return None
    database = prepared.checked_database()
    known: dict[str, Any] | None = {}
    if not matched.is_open():
        known = caller.credentials(request, matched.right, check.token, database)
    if known is None:
        return None
    try:
        response = _respond(matched, query, request, known, resolved)
        if response is None:
            return None
        check.take()
        check.record(accepted=hasattr(request, ACCEPTED))
    except Exception as error:
        return _after_failure(query, request, error)
    if settings.SECURE_HSTS_SECONDS and request.is_secure():
        response.headers["Strict-Transport-Security"] = strict_transport_security()
    return response


def _respond(
    matched: FastRoute,
    query: FastQuery,
    request: HttpRequest,
    known: dict[str, Any],
    resolved: ResolverMatch,
) -> FastResponse | None:
    """Run the statement, and render its rows."""
    database = prepared.database()
    try:
        rows = _run(matched, query, known, database)
    except REFUSED:
        return None
    except problems.DATABASE_UNAVAILABLE:
        database.close_if_unusable_or_obsolete()
        if query.outcome_unknown is None:
            return None
        return query.outcome_unknown()
    if not rows:
        return None
    user, name, _unlimited, _token = rows[0][: caller.COLUMNS]
    request.user = caller.IdentifiedUser(user, name)  # type: ignore[assignment]
    request.resolver_match = resolved
    if known:
        setattr(request, ACCEPTED, True)
    return query.render([row[caller.COLUMNS :] for row in rows])


def _run(
    matched: FastRoute, query: FastQuery, known: Mapping[str, Any], database: Any
) -> list[DatabaseRow]:
    """The rows of the statement, each with the caller in its first columns."""
    sql = caller.with_caller(query.sql, caller.identify_sql(known, database.vendor))
    with _savepoint(matched, query, database):
        rows = prepared.rows(sql, {**query.params, **known}, database)
        if rows and query.then:
            rows = _then(query, rows[0], database)
    if known:
        caller.remember(known["digest"], unlimited=bool(rows and rows[0][2]))
    return rows


def _after_failure(query: FastQuery, request: HttpRequest, error: Exception) -> FastResponse | None:
    """Decide what follows a failure since the statement was sent. Django must not repeat some
    statements: a failure of one of those is a 500."""
    if query.outcome_unknown is not None:
        logger.exception("fast path failed after a write: %s %s", request.method, request.path)
        return problem_response(request, problems.internal_error)
    if isinstance(error, EXPECTED):
        return None
    raise error


def _then(query: FastQuery, found: DatabaseRow, database: Any) -> list[DatabaseRow]:
    """Run the statements that follow; the rows of the last one, with the caller in front."""
    user, _name, _unlimited, token, chosen = found[: caller.COLUMNS + 1]
    params = {**query.params, "user": user, "token": token, "chosen": chosen}
    *writes, answer = query.then
    with database.cursor() as cursor:
        for sql in writes:
            cursor.execute(sql, params)
        cursor.execute(answer, params)
        return [(*found[: caller.COLUMNS], *row) for row in cursor.fetchall()]


def _savepoint(
    matched: FastRoute, query: FastQuery, database: Any
) -> AbstractContextManager[object]:
    """A transaction for several statements, and a savepoint inside a transaction, which a refused
    unique key would otherwise spoil. Elsewhere one statement is atomic without a transaction around
    it: two round trips less."""
    if query.then or (matched.method != "GET" and database.in_atomic_block):
        return transaction.atomic()
    return nullcontext()
