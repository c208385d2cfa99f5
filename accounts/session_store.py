"""The sessions of the site (settings.SESSION_ENGINE): rows that name their user and where they are
from, so that they can be listed and ended.

The database holds a digest of the cookie's value, so a copy of the database opens no session."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.backends import db
from django.utils import timezone

from accounts.models import Session

ORIGIN = "origin"  # key in the session's data: address, agent and time of the login


def digest(session_key: str | None) -> str:
    """What the database holds in the place of a session's key."""
    return hashlib.sha256((session_key or "").encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    """Django's sessions in the database, with another key and more columns."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        found = Session.objects.filter(
            session_key=digest(self.session_key), expire_date__gt=timezone.now()
        ).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=digest(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=digest(key)).delete()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Any = super().create_model_instance(data)
        row.session_key = digest(row.session_key)
        row.user_id = data.get(USER_KEY)
        origin = data.get(ORIGIN, {})
        row.address, row.user_agent = origin.get("address"), origin.get("agent", "")
        row.logged_in_at = origin.get("at")
        return row
