"""Who calls, in SQL: the rule of `api.access` as part of the route's own statement.

`api.access` states the rule by number; the comments below repeat the numbers, and
tests/api/test_access_rule.py holds both forms together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache, lru_cache
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from api.access import Right
from core.proxies import client_address

REMEMBERED = 1000  # tokens of superusers

# `unlimited` is true for a token that may do everything its scopes name, from everywhere.
#
# Rule 1: the token is known, has not expired, and its user is active. A token that is used for the
#         first time on a day goes to Django, which records the day.
# Rule 2: the client's address lies in the token's networks. A network that is written with a
#         netmask (10.0.0.0/255.0.0.0) is one for Python only, so such a token goes to Django. So
#         does every token with networks on SQLite, which knows no addresses.
# Rule 3: the token's scopes hold the needed one, or admin.
# Rule 4: the user is a superuser, or has the permission, or one of its groups has.
# Rule 5: a token that is confined to subnets goes to Django.
IDENTIFY = {
    "postgresql": """
SELECT u.id, u.username, u.is_superuser AND t.networks = '[]' AS unlimited,
    t.name AS token
FROM ipmanager_token t JOIN auth_user u ON u.id = t.user_id
WHERE t.digest = %(digest)s AND t.last_used = %(today)s
  AND (t.expiry IS NULL OR t.expiry > %(now)s) AND u.is_active
  AND (t.networks = '[]' OR EXISTS (
    SELECT FROM jsonb_array_elements_text(t.networks) n
    WHERE CASE WHEN n ~ '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$' THEN %(client)s::inet <<= n::inet END))
  AND t.scopes ?| ARRAY['admin', %(scope)s]
  AND (u.is_superuser OR EXISTS (
    SELECT FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
    WHERE c.app_label = %(app)s AND p.codename = %(codename)s AND (
      EXISTS (
        SELECT FROM auth_user_user_permissions x
        WHERE x.user_id = u.id AND x.permission_id = p.id)
      OR EXISTS (
        SELECT FROM auth_user_groups g JOIN auth_group_permissions x ON x.group_id = g.group_id
        WHERE g.user_id = u.id AND x.permission_id = p.id))))
  AND t.subnets = '[]'
""",
    "sqlite": """
SELECT u.id, u.username, u.is_superuser AND t.networks = '[]' AS unlimited,
    t.name AS token
FROM ipmanager_token t JOIN auth_user u ON u.id = t.user_id
WHERE t.digest = %(digest)s AND t.last_used = %(today)s
  AND (t.expiry IS NULL OR t.expiry > %(now)s) AND u.is_active
  AND t.networks = '[]'
  AND EXISTS (SELECT 1 FROM json_each(t.scopes) WHERE value IN ('admin', %(scope)s))
  AND (u.is_superuser OR EXISTS (
    SELECT 1 FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
    WHERE c.app_label = %(app)s AND p.codename = %(codename)s AND (
      EXISTS (
        SELECT 1 FROM auth_user_user_permissions x
        WHERE x.user_id = u.id AND x.permission_id = p.id)
      OR EXISTS (
        SELECT 1 FROM auth_user_groups g JOIN auth_group_permissions x ON x.group_id = g.group_id
        WHERE g.user_id = u.id AND x.permission_id = p.id))))
  AND t.subnets = '[]'
""",
}
# The same for a token that was unlimited the last time: rules 2 and 4 need no further table. If the
# token is no longer unlimited, no row comes back, and the request goes to Django.
IDENTIFY_UNLIMITED = {
    "postgresql": """
SELECT u.id, u.username, u.is_superuser AND t.networks = '[]' AS unlimited,
    t.name AS token
FROM ipmanager_token t JOIN auth_user u ON u.id = t.user_id
WHERE t.digest = %(digest)s AND t.last_used = %(today)s
  AND (t.expiry IS NULL OR t.expiry > %(now)s) AND u.is_active
  AND t.networks = '[]'
  AND t.scopes ?| ARRAY['admin', %(scope)s]
  AND u.is_superuser
  AND t.subnets = '[]'
""",
    "sqlite": """
SELECT u.id, u.username, u.is_superuser AND t.networks = '[]' AS unlimited,
    t.name AS token
FROM ipmanager_token t JOIN auth_user u ON u.id = t.user_id
WHERE t.digest = %(digest)s AND t.last_used = %(today)s
  AND (t.expiry IS NULL OR t.expiry > %(now)s) AND u.is_active
  AND t.networks = '[]'
  AND EXISTS (SELECT 1 FROM json_each(t.scopes) WHERE value IN ('admin', %(scope)s))
  AND u.is_superuser
  AND t.subnets = '[]'
""",
}
COLUMNS = 4  # of the table `caller`: id, username, unlimited, token
ANONYMOUS = "SELECT CAST(NULL AS bigint) AS id, '' AS username, false AS unlimited, '' AS token"
_unlimited: set[str] = set()  # digests of tokens


@dataclass(frozen=True, slots=True)
class IdentifiedUser:
    """What logs and middleware ask of `request.user`."""

    pk: int | None
    name: str
    is_authenticated = True

    def get_username(self) -> str:
        return self.name


def credentials(
    request: HttpRequest, right: Right, digest: str, database: Any
) -> dict[str, Any] | None:
    """The parameters of the statement that identifies the caller; None without a bearer token.
    `digest` is that of the token in the header."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    words = header.split()
    if len(words) != 2 or words[0] != "Bearer" or not header.isascii():
        return None
    app, _, codename = right.permission.partition(".")
    now = timezone.now()
    return {
        "digest": digest,
        "today": _local_date(int(now.timestamp()) // 900, timezone.get_default_timezone()),
        "now": database.ops.adapt_datetimefield_value(now),
        "scope": right.scope,
        "app": app,
        "codename": codename,
        "client": client_address(request) or None,
    }


def identify_sql(known: Mapping[str, Any], vendor: str) -> str:
    """The statement that identifies the caller with these credentials; empty ones are nobody's."""
    if not known:
        return ANONYMOUS
    if known["digest"] in _unlimited:
        return IDENTIFY_UNLIMITED[vendor]
    return IDENTIFY[vendor]


def remember(digest: str, *, unlimited: bool) -> None:
    """Keep in mind what the last statement found out about a token."""
    if not unlimited:
        _unlimited.discard(digest)
    elif len(_unlimited) < REMEMBERED:
        _unlimited.add(digest)


@cache
def with_caller(sql: str, identify: str) -> str:
    """The statement with the table `caller` in front of it."""
    first, _, rest = sql.lstrip().partition(" ")
    if first == "WITH":
        return f"WITH caller AS MATERIALIZED ({identify}), {rest}"
    return f"WITH caller AS MATERIALIZED ({identify}) {first} {rest}"


@lru_cache(4)
def _local_date(quarter: int, zone: tzinfo) -> date:
    """The day in a zone, by the number of quarters of an hour since 1970: days begin at a quarter
    of an hour in every zone."""
    return datetime.fromtimestamp(quarter * 900, zone).date()
