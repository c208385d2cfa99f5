"""A security event as people read it: `admin logged in from 10.0.0.5`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from api.security.models import SecurityEvent
from changes.security import SecurityLine

Kind = SecurityEvent.Kind
NOBODY = pgettext_lazy("who changed it", "Somebody")
SENTENCES = {
    Kind.LOGIN: gettext_lazy("{who} logged in"),
    Kind.LOGOUT: gettext_lazy("{who} logged out"),
    Kind.LOGIN_FAILED: gettext_lazy("Failed login as {what}"),
    Kind.LOCKED_OUT: gettext_lazy("{what} was locked out"),
    Kind.CODE_FAILED: gettext_lazy("Wrong second factor of {what}"),
    Kind.FACTOR_SET_UP: gettext_lazy("{who} set up the second factor of {what}"),
    Kind.FACTOR_REMOVED: gettext_lazy("{who} removed the second factor of {what}"),
    Kind.PASSWORD_CHANGED: gettext_lazy("{who} changed the password of {what}"),
    Kind.SESSION_ENDED: gettext_lazy("{who} ended sessions of {what}"),
    Kind.CONFIRMED: gettext_lazy("{who} confirmed password or code"),
    Kind.CONFIRMATION_FAILED: gettext_lazy("{who} failed to confirm password or code"),
    Kind.TOKEN_CREATED: gettext_lazy("{who} created the token {what}"),
    Kind.TOKEN_ROTATED: gettext_lazy("{who} rotated the token {what}"),
    Kind.TOKEN_REVOKED: gettext_lazy("{who} revoked the token {what}"),
    Kind.TOKEN_USED: gettext_lazy("The token {what} was used at a new place"),
    Kind.RIGHTS_CHANGED: gettext_lazy("{who} changed the rights of {what}"),
    Kind.REFUSED: gettext_lazy("{who} was refused {what}"),
    Kind.BACKUP: gettext_lazy("{who} made the backup {what}"),
    Kind.RESTORED: gettext_lazy("{who} restored the backup {what}"),
    Kind.LOG_VERIFIED: gettext_lazy("{who} verified the log"),
    Kind.LOG_FAILED: gettext_lazy("{who} found a log that does not match its seals"),
}
FAILURES = {
    Kind.LOGIN_FAILED,
    Kind.LOCKED_OUT,
    Kind.CODE_FAILED,
    Kind.CONFIRMATION_FAILED,
    Kind.REFUSED,
    Kind.LOG_FAILED,
}


def sentence(line: SecurityLine) -> SafeString:
    """Who did what, and from where."""
    event = line.record
    who = format_html("<strong>{}</strong>", event.actor or NOBODY)
    told = format_html(_template(event.kind), who=who, what=title(line))
    if not event.address:
        return told
    return format_html(_("{told} from {address}"), told=told, address=event.address)


def _template(kind: str) -> str:
    """Ours, so that it is no text of a user."""
    return str(SENTENCES.get(Kind(kind), "{who}"))


def title(line: SecurityLine) -> str:
    """Whom or what it concerns."""
    return line.record.subject or line.record.actor or f"#{line.record.pk}"


def facts(line: SecurityLine) -> Iterable[tuple[str, Any]]:
    """What is known of it, each with its label."""
    for name, (_was, value) in line.difference().items():
        yield capfirst(str(LABELS.get(name, name.replace("_", " ")))), value


LABELS = {
    "event": gettext_lazy("event"),
    "subject": gettext_lazy("subject"),
    "address": gettext_lazy("address"),
}
