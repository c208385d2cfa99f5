"""One request to IPManager, and how it says no."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any

DEFAULT_URL = "http://127.0.0.1:8000"


class ApiError(Exception):
    """IPManager said no, with a problem document (RFC 9457) or an answer of the registry's own.

    `status` (RFC 9110) and its `title`, `message`: what is wrong, `hint`: what to do about it,
    `errors`: the reasons by field, `retry_after` in seconds, and the whole answer as `body`."""

    def __init__(
        self, status: int, message: str, hint: str = "", body: Any = None, retry_after: float = 0
    ) -> None:
        super().__init__(f"{status}: {message}" + (f" ({hint})" if hint else ""))
        self.status, self.message, self.hint, self.body, self.retry_after = (
            status,
            message,
            hint,
            body,
            retry_after,
        )

    @property
    def title(self) -> str:
        return str(self._told.get("title", ""))

    @property
    def detail(self) -> str:
        return self.message

    @property
    def errors(self) -> dict[str, list[str]]:
        return dict(self._told.get("errors") or {})

    @property
    def _told(self) -> dict[str, Any]:
        return self.body if isinstance(self.body, dict) else {}


RegistryError = ApiError  # what the registry's callers know it by


class NotReached(ApiError):
    """Nobody answered; the same request may succeed later. Its status is 0."""

    def __init__(self, url: str, reason: object) -> None:
        super().__init__(0, f"{url} does not answer: {reason}", "check IPMANAGER_URL")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry our token to wherever it points."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def _token() -> str:
    if file := os.environ.get("IPMANAGER_TOKEN_FILE"):
        with open(file, encoding="ascii") as opened:
            return opened.read().strip()
    return os.environ.get("IPMANAGER_TOKEN", "")


@dataclass(frozen=True)
class Connection:
    """Where IPManager is, and who asks. `timeout` is for a single request, in seconds."""

    url: str = field(default_factory=lambda: os.environ.get("IPMANAGER_URL") or DEFAULT_URL)
    token: str = field(default_factory=_token, repr=False)
    timeout: float = field(default=10.0, kw_only=True)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        """The answer's JSON; None when it has no body. Raises ApiError, NotReached."""
        with self.opened(method, path, body, headers) as response:
            try:
                content = response.read()
                return json.loads(content) if content else None
            except (OSError, HTTPException, ValueError) as error:
                raise NotReached(self.url, error) from error

    def opened(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> HTTPResponse:
        """The answer, for whoever reads it piece by piece. Raises ApiError, NotReached."""
        sent = {"Accept": "application/json, application/problem+json, */*;q=0.1"} | (headers or {})
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body, default=_plain).encode()
        try:
            request = urllib.request.Request(self.url.rstrip("/") + path, data, sent, method=method)
            response: HTTPResponse = _opener.open(request, timeout=self.timeout)
            return response
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, HTTPException, ValueError) as error:
            raise NotReached(self.url, getattr(error, "reason", error)) from error


def _plain(value: Any) -> Any:
    """Sets and tuples become lists, addresses their text."""
    return list(value) if hasattr(value, "__iter__") else str(value)


def _refusal(error: urllib.error.HTTPError) -> ApiError:
    with error:
        try:
            body = json.load(error)
        except (OSError, ValueError):
            body = None
    told = body if isinstance(body, dict) else {}
    message = told.get("detail") or told.get("message") or told.get("error") or error.reason
    wait = error.headers.get("Retry-After", "")
    return ApiError(
        error.code,
        str(message),
        str(told.get("hint", "")),
        body,
        float(wait) if wait.isdecimal() else 0.0,
    )
