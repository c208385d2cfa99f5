"""Requests to IPManager, and its errors."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any

DEFAULT_URL = "http://127.0.0.1:8000"
ACCEPT = "application/json, application/problem+json, */*;q=0.1"


class ApiError(Exception):
    """IPManager refused a request, by a problem document (RFC 9457) or the registry's own answer.

    `status` (RFC 9110) and its `title`, `message`: what is wrong, `hint`: what to do, `errors`: the
    reasons by field, `retry_after` in seconds, and the whole answer as `body`."""

    def __init__(
        self, status: int, message: str, hint: str = "", body: Any = None, retry_after: float = 0
    ) -> None:
        super().__init__(status, message, hint)
        self.status = status
        self.message = message
        self.hint = hint
        self.body = body
        self.retry_after = retry_after

    def __str__(self) -> str:
        text = f"{self.status}: {self.message}"
        if self.hint:
            text += f" ({self.hint})"
        return text

    @property
    def title(self) -> str:
        return str(_object(self.body).get("title", ""))

    @property
    def detail(self) -> str:
        return self.message

    @property
    def errors(self) -> dict[str, list[str]]:
        return dict(_object(self.body).get("errors") or {})


RegistryError = ApiError  # its name for callers of the registry


class NotReached(ApiError):
    """IPManager did not answer; the same request may succeed later. The status is 0."""

    def __init__(self, url: str, reason: object) -> None:
        super().__init__(0, f"{url} does not answer: {reason}", "check IPMANAGER_URL")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: it would send our token to another server."""

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
    """URL and token of an IPManager. `timeout` is for a single request, in seconds."""

    url: str = field(default_factory=lambda: os.environ.get("IPMANAGER_URL") or DEFAULT_URL)
    token: str = field(default_factory=_token, repr=False)
    timeout: float = field(default=10.0, kw_only=True)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        """Send a request; returns the JSON of the answer, None without a body.

        Raises ApiError and NotReached."""
        with self.opened(method, path, body, headers) as response:
            try:
                return json.loads(response.read() or "null")
            except (OSError, HTTPException, ValueError) as error:
                raise NotReached(self.url, error) from error

    def opened(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> HTTPResponse:
        """Send a request; returns the open answer, to read it in parts.

        Raises ApiError and NotReached."""
        sent = {"Accept": ACCEPT, **(headers or {})}
        data = None
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
            data = json.dumps(body, default=_plain).encode()
        try:
            request = urllib.request.Request(self.url.rstrip("/") + path, data, sent, method=method)
            response: HTTPResponse = _opener.open(request, timeout=self.timeout)
            return response
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (OSError, HTTPException, ValueError) as error:
            raise NotReached(self.url, getattr(error, "reason", error)) from error


def _plain(value: Any) -> Any:
    """Other types for JSON: sets and tuples become lists, addresses their text."""
    if hasattr(value, "__iter__"):
        return list(value)
    return str(value)


def _object(body: Any) -> dict[str, Any]:
    """The body if it is a JSON object, else an empty one."""
    return body if isinstance(body, dict) else {}


def _refusal(error: urllib.error.HTTPError) -> ApiError:
    with error:
        try:
            body = json.load(error)
        except (OSError, ValueError):
            body = None
    problem = _object(body)
    message = problem.get("detail") or problem.get("message") or problem.get("error")
    return ApiError(
        error.code,
        str(message or error.reason),
        str(problem.get("hint", "")),
        body,
        _seconds(error.headers.get("Retry-After", "")),
    )


def _seconds(retry_after: str) -> float:
    """A Retry-After header in seconds; 0 when it is a date (RFC 9110, 10.2.3) or missing."""
    return float(retry_after) if retry_after.isdecimal() else 0.0
