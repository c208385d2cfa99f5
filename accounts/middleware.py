"""What every request of a session passes."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from accounts import sessions


class SecondFactorGate:
    """Log out a session that began before its user needed a second factor: the next login leads to
    setting it up. Costs no query: `accounts.backends` loads the answer with the user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if sessions.is_logged_in(request):
            needed = getattr(request.user, "needs_second_factor", False)
            if needed and not request.session.get(sessions.VERIFIED):
                logout(request)
            else:
                sessions.note_use(request)
        return self.get_response(request)
