"""After an action in the admin, its message leads to its undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.messages import SUCCESS, WARNING, get_messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from changes.lines import history_of
from changes.log import statement
from changes.undo.kinds import kinds
from changes.undo.pages import undo_url
from core.history import origin


class OfferUndo:
    """Middleware, within that of the messages. An answer that is no redirect shows a form again,
    and has changed nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "POST" and response.status_code == 302 and _is_of_admin(request):
            _offer(request)
        return response


def _is_of_admin(request: HttpRequest) -> bool:
    """Whether a page of the admin has answered that does not offer an undo itself."""
    page = getattr(request.resolver_match, "view_name", "")
    return page.startswith("admin:") and page != "admin:changes_undo"


def _offer(request: HttpRequest) -> None:
    # Messages that have not been shown yet; Django has no other way to change one.
    waiting: list[Any] = getattr(get_messages(request), "_queued_messages", [])
    done = [message for message in waiting if message.level in (SUCCESS, WARNING)]
    change = origin.current().change
    if done and _has_lines(change):
        text, link = done[-1].message, undo_url(change)
        done[-1].message = format_html('{} <a href="{}">{}</a>', text, link, _("Undo…"))


def _has_lines(change: str) -> bool:
    """Whether it has changed a row that an undo can bring back. One statement."""
    parts: list[str] = []
    values: list[Any] = []
    for kind in kinds().values():
        lines = history_of(kind.model).filter(history_change=change).order_by()
        sql, own = statement.sql_of(lines.values("history_id")[:1])
        parts.append(f"SELECT * FROM ({sql}) part")
        values += own
    return bool(statement.fetch(f"{' UNION ALL '.join(parts)} LIMIT 1", values))
