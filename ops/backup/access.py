"""Tokens and users whose access was ended after a backup was made. A restore says which ones the
backup would bring back, and keeps them out unless it is told otherwise."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction

from accounts.models import Revocation, Session
from api.models import Token
from dhcp.models import AgentToken
from ops.backup import postgresql

TOKENS, USERS = Token._meta.db_table, get_user_model()._meta.db_table
COLUMNS = {TOKENS: ["digest", "name", "expiry"], USERS: ["username", "is_active"]}
TRUE = {"t", "1"}
_COPY = re.compile(r"^COPY (?:\S+\.)?(\S+) \((.*)\) FROM stdin;$")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class Ended:
    """Whose access the present database has ended: expiry of tokens by their digest, and users."""

    tokens: dict[str, datetime] = field(default_factory=dict)
    users: frozenset[str] = frozenset()
    revocations: tuple[Revocation, ...] = ()
    agents: dict[str, datetime] = field(default_factory=dict)  # expiry of agents' tokens by digest


@dataclass(frozen=True, slots=True)
class Returning:
    """Whose access a backup would bring back."""

    tokens: dict[str, datetime] = field(default_factory=dict)  # expiry by digest, as it is to be
    token_names: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tokens or self.users)

    def statements(self) -> list[str]:
        """SQL that takes the access away again in the restored tables."""
        sql = [
            f"UPDATE {TOKENS} SET expiry = {_text(_moment(expiry))} WHERE digest = {_text(digest)}"
            for digest, expiry in self.tokens.items()
        ]
        off = "false" if connection.vendor == "postgresql" else "0"
        sql += [
            f"UPDATE {USERS} SET is_active = {off} WHERE username = {_text(u)}" for u in self.users
        ]
        return sql


def ended() -> Ended:
    """What the present database knows; nothing if it cannot be read."""
    try:
        with transaction.atomic():
            revoked = tuple(Revocation.objects.all())
            expiring = Token.objects.filter(expiry__isnull=False)
            tokens = dict(expiring.values_list("digest", "expiry"))
            agents = {
                row.digest: row.expires_at
                for row in AgentToken.objects.exclude(expires_at=None)
                if row.expires_at
            }
            users = set(
                get_user_model().objects.filter(is_active=False).values_list("username", flat=True)
            )
    except DatabaseError:
        connection.close()
        return Ended()
    for row in revoked:
        if row.kind == Revocation.Kind.TOKEN:
            tokens[row.key] = row.at
        else:
            users.add(row.key)
    return Ended(tokens, frozenset(users), revoked, agents)


def returning(gone: Ended, dump: Path) -> Returning:
    """What of it the dump has with more access."""
    if not gone.tokens and not gone.users:
        return Returning()
    read = _rows_of_postgresql if connection.vendor == "postgresql" else _rows_of_sqlite
    rows = read(dump)
    tokens, names = {}, []
    for digest, name, expiry in rows.get(TOKENS, []):
        ends = gone.tokens.get(digest)
        if ends and (expiry is None or _parsed(expiry) > ends):
            tokens[digest] = ends
            names.append(name)
    users = [name for name, active in rows.get(USERS, []) if str(active) in TRUE]
    back = sorted(gone.users.intersection(users))
    return Returning(tokens, tuple(sorted(names)), tuple(back))


def settle(gone: Ended, *, bring_back: bool) -> None:
    """In the restored database: end all sessions, and remember what had been revoked before."""
    Session.objects.all().delete()
    if not bring_back:
        _end_agents(gone.agents)
        Revocation.objects.bulk_create(
            [Revocation(kind=r.kind, key=r.key, name=r.name, at=r.at) for r in gone.revocations],
            ignore_conflicts=True,
        )


def _end_agents(ended: dict[str, datetime]) -> None:
    """Tokens of agents that had been withdrawn stay so."""
    rows = list(AgentToken.objects.filter(digest__in=ended))
    for row in rows:
        row.expires_at = ended[row.digest]
    AgentToken.objects.bulk_update(rows, ["expires_at"])


def _rows_of_sqlite(dump: Path) -> dict[str, list[list[Any]]]:
    rows = {}
    with closing(sqlite3.connect(dump)) as database:
        for table, columns in COLUMNS.items():
            try:
                found = database.execute(f"SELECT {', '.join(columns)} FROM {table}")
            except sqlite3.OperationalError:  # a version without this table
                continue
            rows[table] = list(map(list, found.fetchall()))
    return rows


def _rows_of_postgresql(dump: Path) -> dict[str, list[list[Any]]]:
    """The rows, from the text that the dump's own tool writes."""
    text = postgresql.contents_of(dump, list(COLUMNS))
    rows: dict[str, list[list[Any]]] = {}
    table, places = "", []
    for line in text.splitlines():
        start = _COPY.match(line)
        if start:
            table = start[1].strip('"')
            names = [name.strip(' "') for name in start[2].split(",")]
            places = [names.index(name) for name in COLUMNS[table]]
            rows[table] = []
        elif line == "\\.":
            table = ""
        elif table:
            values = list(_values(line))
            rows[table].append([values[place] for place in places])
    return rows


def _values(line: str) -> Iterator[str | None]:
    """The values of a line in COPY's text format."""
    for value in line.split("\t"):
        if value == "\\N":
            yield None
        else:
            yield re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0][1:]), value)


def _parsed(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(moment: datetime) -> str:
    """As the database writes it."""
    if connection.vendor == "postgresql":
        return moment.isoformat()
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _text(value: str) -> str:
    """An SQL literal."""
    return "'" + value.replace("'", "''") + "'"
