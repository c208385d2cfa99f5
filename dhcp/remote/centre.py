"""Talk to the centre: JSON over HTTPS, with the token of one DHCP server. Only Python's library."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from core.errors import Conflict, Invalid, Unavailable

ROOT = "/api/v1/dhcp/agent/"
TIMEOUT = 20.0  # seconds for an answer, beyond the time that was asked for
MOST_BYTES = 64 * 2**20  # of an answer
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Away(Unavailable):
    """The centre does not answer, or not as a centre does."""

    code = "centre_away"


class Refused(Conflict):
    """The centre refuses; the reason is its own."""

    code = "centre_refuses"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token is for this address and no other."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Reply:
    """The files; `content` is None when they are those that the caller has."""

    etag: str
    pending: int
    content: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Centre:
    """`url` as people use it, without a path; `token` is the agent's."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def at(cls, url: str, token: str) -> Centre:
        """Raises Invalid for an address to which a token must not be sent."""
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in _LOOPBACK
        )
        if not is_safe or not parts.hostname:
            raise Invalid(f"{url!r} is not an https:// address", hint="IPMANAGER_AGENT_URL")
        if not token:
            raise Invalid("there is no token", hint="IPMANAGER_AGENT_TOKEN_FILE or --token-file")
        return cls(f"{parts.scheme}://{parts.netloc}", token)

    def files(self, etag: str, directory: str, wait: float = 0, *, force: bool = False) -> Reply:
        """The files to put in place. Raises Away, Refused."""
        asked = {"directory": directory, "wait": wait, "force": str(force).lower()}
        headers = {"If-None-Match": f'"{etag}"'}
        status, heads, body = self._send("GET", f"files/?{urlencode(asked)}", None, headers, wait)
        found = heads.get("ETag", "").strip('"'), int(heads.get("X-Pending-Changes", "0"))
        if status == 304:
            return Reply(*found)
        return Reply(*found, content=body)

    def post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        """Raises Away, Refused."""
        return self._send("POST", f"{route}/", body, {}, 0)[2]

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        headers: dict[str, str],
        wait: float,
    ) -> tuple[int, Any, dict[str, Any]]:
        headers = headers | {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept-Language": "en",
        }
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(  # noqa: S310 (at() has seen the scheme)
            self.url + ROOT + path, data, headers, method=method
        )
        opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context())
        )
        try:
            with opener.open(request, timeout=TIMEOUT + wait) as answer:
                return answer.status, answer.headers, _json(answer)
        except urllib.error.HTTPError as error:
            with error:
                return self._answer_of(error)
        except (OSError, ValueError) as error:
            raise Away(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from error

    def _answer_of(self, error: urllib.error.HTTPError) -> tuple[int, Any, dict[str, Any]]:
        if error.code == 304:
            return 304, error.headers, {}
        try:
            reason = str(_json(error).get("detail", "")) or error.reason
        except (OSError, ValueError):
            reason = error.reason
        if error.code in (409, 400, 401, 403):
            raise Refused(f"{self.url} refuses: {reason}")
        raise Away(f"{self.url} answers {error.code}: {reason}")


def _json(answer: Any) -> dict[str, Any]:
    found = json.loads(answer.read(MOST_BYTES) or b"{}")
    if not isinstance(found, dict):
        raise ValueError("not what a centre answers")
    return found
