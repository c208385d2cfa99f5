"""Send mails by SMTP, one connection at a time, in a thread without the database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from queue import SimpleQueue
from typing import Any

from django.conf import settings
from django.utils import timezone

from events.mail.compose import preferences_url
from events.mail.models import Mail
from events.webhooks.queue import GIVE_UP_AFTER, pause_after

AT_ONCE = 50  # mails of one connection
LONGEST_PAUSE = timedelta(minutes=5)  # between two attempts
TIMEOUT = 10


@dataclass(slots=True)
class Result:
    mail: int
    error: str  # empty: the server has taken it


class Postman:
    """Mails on their way."""

    def __init__(self) -> None:
        self._results: SimpleQueue[Result] = SimpleQueue()
        self._flying: set[int] = set()
        self._unrecorded: list[Result] = []

    @property
    def is_idle(self) -> bool:
        return not (self._flying or self._unrecorded)

    def start(self) -> int:
        """Send what is due, unless mails are on their way already."""
        if self._flying:
            return 0
        due = Mail.objects.filter(state="pending", next_at__lte=timezone.now())
        mails = list(due.order_by("next_at", "pk")[:AT_ONCE])
        self._flying = {mail.pk for mail in mails}
        if mails:
            url = preferences_url()
            thread = threading.Thread(target=self._run, args=(mails, url), daemon=True, name="mail")
            thread.start()
        return len(mails)

    def record(self) -> None:
        """Write down what has ended. What cannot be written now is written the next time."""
        while not self._results.empty():
            self._unrecorded.append(self._results.get())
        if self._unrecorded:
            _finish(self._unrecorded)
        self._flying -= {result.mail for result in self._unrecorded}
        self._unrecorded = []

    def _run(self, mails: Sequence[Mail], url: str) -> None:
        """In the thread."""
        rest = list(mails)
        try:
            with _connection() as server:
                while rest:
                    self._results.put(Result(rest[0].pk, _send(server, rest[0], url)))
                    rest.pop(0)
        except Exception as error:  # no server, or it went away in the middle
            for mail in rest:
                self._results.put(Result(mail.pk, _reason(error)))


def _connection() -> Any:
    """Raises OSError when it is used and the server is away."""
    from django.core.mail.backends.smtp import EmailBackend

    options = {key.removeprefix("EMAIL_").lower(): value for key, value in _server().items()}
    return EmailBackend(fail_silently=False, timeout=TIMEOUT, **options)


def _server() -> dict[str, Any]:
    wanted = ("HOST", "PORT", "USE_TLS", "USE_SSL")
    found = {key: settings.MAIL_SERVER[f"EMAIL_{key}"] for key in wanted}
    found["USERNAME"] = settings.MAIL_SERVER["EMAIL_HOST_USER"] or ""
    found["PASSWORD"] = settings.MAIL_SERVER["EMAIL_HOST_PASSWORD"] or ""
    return found


def _send(server: Any, mail: Mail, url: str) -> str:
    """Why the server did not take it; empty if it did. Raises OSError if it is away."""
    import smtplib

    from django.core.mail import EmailMessage

    message = EmailMessage(
        mail.subject,
        mail.body,
        settings.MAIL_FROM,
        [mail.recipient],
        headers={
            "Message-ID": mail.message_id,
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{url}>",
        },
        connection=server,
    )
    try:
        message.send()
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, ValueError) as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return "".join(filter(str.isprintable, text))[:300]


def _finish(results: Sequence[Result]) -> None:
    errors = {result.mail: result.error for result in results}
    rows = Mail.objects.in_bulk(errors)
    now = timezone.now()
    for key, row in rows.items():
        row.attempts += 1
        row.error = errors[key]
        if not row.error:
            row.state, row.ended_at = "sent", now
        elif now - row.created_at >= GIVE_UP_AFTER:
            row.state, row.ended_at = "dead", now
        else:
            row.next_at = now + min(pause_after(row.attempts), LONGEST_PAUSE)
    columns = ["attempts", "error", "state", "ended_at", "next_at"]
    Mail.objects.bulk_update(rows.values(), columns)
