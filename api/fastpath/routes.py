"""The short way: what is asked most is answered before most middleware, the URL map and REST
framework.

A route of the short way asks the database one question, in which the caller is a part: who he is,
whether his token is good and whether he may do this. Nothing comes back, or nothing is done, when
anything about it is doubtful: a token, a filter, a key that may have been used before, an exhausted
pool. Such a request goes the long way, which decides anew and alone knows how to say no. Both say
the same of the same request; a test holds them together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, NamedTuple

from csp.utils import build_policy
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.urls import ResolverMatch, resolve
from django.utils import timezone

from api import throttle
from api.access import Right
from api.authentication import ACCEPTED
from api.problems import AWAY
from core import prepared
from core.errors import IPManagerError
from core.proxies import client_address

UNUSUAL = {"HTTP_IDEMPOTENCY_KEY", "HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_TRANSFER_ENCODING"}
DECLINED = (
    "api.fastpath.routes.declined"  # in a request's environment: it has been here, or why it failed
)
MODULES = ("ipam.api.fastpath", "ippool.api")  # each has SHORT, a list of routes

# Whose token this is: one that may be used today and from here, for all subnets, with the scope;
# its user is active and has the right (superusers have all, others their own and their groups'). A
# token's first use of a day is noted on the long way.
_OWNER = """
SELECT u.id, u.username, u.is_superuser AND t.networks = '[]' AS everything
FROM ipmanager_token t JOIN auth_user u ON u.id = t.user_id
WHERE t.digest = %(digest)s AND t.last_used = %(today)s AND (t.expiry IS NULL OR t.expiry > %(now)s)
  AND t.subnets = '[]' AND u.is_active AND {scope}
"""
_HAS_RIGHT = """
u.is_superuser OR EXISTS (
    SELECT 1 FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
    WHERE c.app_label = %(app)s AND p.codename = %(codename)s AND (
        EXISTS (SELECT 1 FROM auth_user_user_permissions x WHERE x.user_id = u.id AND x.permission_id = p.id)
        OR EXISTS (SELECT 1 FROM auth_user_groups g JOIN auth_group_permissions x ON x.group_id = g.group_id
                   WHERE g.user_id = u.id AND x.permission_id = p.id)))
"""
_CALLER = f"{_OWNER} AND {{here}} AND ({_HAS_RIGHT})"
# The same of a token that could do everything from everywhere the last time: seven tables less have
# a part in it. If it no longer can, nothing comes back.
_MASTER = f"{_OWNER} AND u.is_superuser AND t.networks = '[]'"
# A network that is written with a mask, as Python understands it and PostgreSQL does not, is left
# to the long way.
_DIALECT = {
    "postgresql": {
        "scope": "t.scopes ?| ARRAY['admin', %(scope)s]",
        "here": "(t.networks = '[]' OR EXISTS (SELECT FROM jsonb_array_elements_text(t.networks) n WHERE CASE "
        "WHEN n ~ '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$' THEN %(client)s::inet <<= n::inet END))",
    },
    "sqlite": {
        "scope": "EXISTS (SELECT 1 FROM json_each(t.scopes) WHERE value IN ('admin', %(scope)s))",
        "here": "t.networks = '[]'",
    },
}
_NONE: Mapping[str, str] = {}
_NOBODY = "SELECT CAST(NULL AS bigint) AS id, '' AS username, false AS everything"
_MOST = 1000  # tokens that are remembered

Row = tuple[Any, ...]


class Told(NamedTuple):
    """A response that is no more than these; `headers` are its own."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as the log wants to know."""

    user: int | None
    name: str
    is_authenticated = True

    def get_username(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Question:
    """A statement that joins the table `caller`, which has one row or none, and gives its columns
    first (`caller.*`); its parameters by name, and what it takes to tell the answer."""

    sql: str
    params: dict[str, Any]
    tell: Callable[[list[Row]], Told | None]  # the rows without the caller: never none
    repeat: bool = True  # whether doing it twice is the same as doing it once
    lost: Callable[[], Told] | None = None  # what to answer when nobody knows whether it was done


_masters: set[str] = set()  # digests of tokens that could do everything
_matches: dict[re.Pattern[str], ResolverMatch] = {}


@dataclass(frozen=True, slots=True)
class Route:
    """An address (a pattern of the whole path), the right that it needs, and the question for such
    a request, or None for the long way."""

    method: str
    pattern: re.Pattern[str]
    right: Right
    ask: Callable[..., Question | None]
    is_open: Callable[[], bool] = bool  # whether it answers without a token


class ShortWay:
    """The middleware, for whoever asks Django itself: gunicorn does so when the short way has
    declined at the door (ipmanager.wsgi), or has failed there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if declined := request.META.get(DECLINED):
            if declined is not True:
                raise declined
        elif is_short(request.META) and (given := answer(request)):
            return HttpResponse(given.body, status=given.status, headers=given.headers)
        return self.get_response(request)


def is_short(environ: Mapping[str, Any]) -> bool:
    """Whether a route of ours may be asked for, at a glance."""
    path: str = environ.get("PATH_INFO", "")
    return path.startswith("/api/v1/ip") or path.endswith("/next-free/")


def answer(request: HttpRequest) -> Told | None:
    """The answer, or None when the request must go the long way."""
    path = request.path_info
    for route in routes():
        if route.method == request.method and (match := route.pattern.fullmatch(path)):
            break
    else:
        return None
    if not _is_plain(request):
        return None
    turn = throttle.gate().turn(request)
    if turn.wait:
        return None
    question = route.ask(request, **match.groupdict())
    given = _respond(route, question, request, turn.token) if question else None
    if given:
        turn.taken(accepted=hasattr(request, ACCEPTED))
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            given.headers["Strict-Transport-Security"] = _tls_only()
    return given


def _respond(route: Route, question: Question, request: HttpRequest, token: str) -> Told | None:
    """Ask the database. The long way opens a lost connection anew, and says what is wrong."""
    database = prepared.look()
    known = {} if route.is_open() else credentials(request, route.right, token, database)
    if known is None:
        return None
    caller = _kind(known)
    try:
        with _savepoint(route.method, database):
            sql = _asked_by(question.sql, caller, database.vendor)
            found = prepared.rows(sql, {**question.params, **known}, database)
        if not found:
            _masters.discard(known.get("digest", ""))
            return None
        user, name, everything = found[0][:3]
        if everything and caller == _CALLER and len(_masters) < _MOST:
            _masters.add(known["digest"])
        _note(request, route, Caller(user, name), bool(known))
        return question.tell([row[3:] for row in found])
    except (IPManagerError, IntegrityError):
        return None
    except AWAY:
        database.close_if_unusable_or_obsolete()
        return None if question.repeat else question.lost and question.lost()


def _savepoint(method: str, database: Any) -> AbstractContextManager[object]:
    """Inside somebody's transaction a refused unique key must not spoil that. Otherwise one
    statement is whole without a transaction around it: two round trips less."""
    return transaction.atomic() if method != "GET" and database.in_atomic_block else nullcontext()


def _kind(known: Mapping[str, Any]) -> str:
    """What has to be asked about the caller."""
    return (_MASTER if known["digest"] in _masters else _CALLER) if known else _NOBODY


@cache
def _asked_by(sql: str, caller: str, vendor: str) -> str:
    """The statement, with the caller in front of it."""
    known = caller.format(**_DIALECT[vendor]) if caller != _NOBODY else caller
    first, _, rest = sql.lstrip().partition(" ")
    return f"WITH caller AS MATERIALIZED ({known}){', ' if first == 'WITH' else f' {first} '}{rest}"


def _note(request: HttpRequest, route: Route, caller: Caller, with_token: bool) -> None:
    """For the middleware around us: who it was, and what the URL map calls the route."""
    request.user = caller  # type: ignore[assignment]
    if with_token:
        setattr(request, ACCEPTED, True)
    if route.pattern not in _matches:
        _matches[route.pattern] = resolve(request.path_info)
    request.resolver_match = _matches[route.pattern]


@cache
def routes() -> tuple[Route, ...]:
    return tuple(route for name in MODULES for route in import_module(name).SHORT)


def _is_plain(request: HttpRequest) -> bool:
    """For us, by somebody who takes JSON and asks for nothing unusual."""
    accept = request.META.get("HTTP_ACCEPT", "*/*")
    if not UNUSUAL.isdisjoint(request.META) or not (
        "*/*" in accept or "application/json" in accept
    ):
        return False
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return False
    return _is_our_name(
        request.META.get("HTTP_HOST") or request.META["SERVER_NAME"], tuple(settings.ALLOWED_HOSTS)
    )


@lru_cache(1000)
def _is_our_name(host: str, allowed: tuple[str, ...]) -> bool:
    """As HttpRequest.get_host judges."""
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def credentials(
    request: HttpRequest, right: Right, token: str, database: Any
) -> dict[str, Any] | None:
    """What the question about the caller is asked with; None when there is nothing that looks like
    a token."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    words = header.split()
    if len(words) != 2 or words[0] != "Bearer" or not header.isascii():
        return None
    app, _, codename = right.permission.partition(".")
    now = timezone.now()
    return {
        "digest": token,
        "today": _date(int(now.timestamp()) // 900, timezone.get_default_timezone()),
        "now": database.ops.adapt_datetimefield_value(now),
        "scope": right.scope,
        "app": app,
        "codename": codename,
        "client": client_address(request) or None,
    }


@lru_cache(4)
def _date(quarter: int, zone: tzinfo) -> date:
    """The day in a zone, by the quarters of an hour since 1970: no zone changes its day within
    one."""
    return datetime.fromtimestamp(quarter * 900, zone).date()


def sent(request: HttpRequest, names: Iterable[str]) -> dict[str, Any] | None:
    """The body's JSON object if it has these keys only, else None."""
    if request.content_type != "application/json" or request.META.get("QUERY_STRING"):
        return None
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return None
    try:
        body = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and body.keys() <= set(names) else None


def _tls_only() -> str:
    subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
    return f"max-age={settings.SECURE_HSTS_SECONDS}{subdomains}"


@cache
def _policies() -> dict[str, str]:
    """What the middleware of the long way puts on every answer of the API."""
    return {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "Content-Security-Policy": build_policy(),
    }


_compact = json.JSONEncoder(separators=(",", ":")).encode


def said(body: Any, status: int = 200, headers: Mapping[str, str] = _NONE) -> Told:
    """The answer in JSON, as REST framework writes it."""
    text = _compact(body).encode()
    own = {"Content-Type": "application/json", "Content-Length": str(len(text))}
    return Told(status, {**own, **_policies(), **headers}, text)
