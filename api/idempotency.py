"""`Idempotency-Key`: a POST that is sent twice is carried out once and gets one response twice.

The key, the work and the response are committed together. A caller that lost the response repeats
the request with the same key and gets it again; of two requests at once the later one waits for
the first. A refusal is not stored: it changed nothing, and the request may be tried again. (IETF
draft "The Idempotency-Key HTTP Header Field".)"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.models import Replay, Token

HEADER = "Idempotency-Key"
MAX_LENGTH = 255
_STORED_HEADERS = ("ETag", "Location")
Handler = Callable[..., Response]


class KeyReused(exceptions.APIException):
    """422: the key was used for another request."""

    status_code = 422
    default_code = "key_reused"


class Repeatable:
    """A view whose POSTs may carry a key."""

    post: Handler

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.method == "POST" and HEADER in request.headers:
            self.post = functools.partial(respond_once, self.post)


def respond_once(handler: Handler, request: Request, *args: Any, **kwargs: Any) -> Response:
    """The handler's response, or the stored one of the same request. Raises ValidationError,
    KeyReused."""
    key, digest = request.headers[HEADER], _digest(request)
    if not _is_valid(key):
        raise exceptions.ValidationError(
            {HEADER: [_("Send 1 to %d printable ASCII characters.") % MAX_LENGTH]}
        )
    with transaction.atomic():
        replay = Replay.objects.claim(_owner(request), key, digest)
        if replay.request != digest:
            raise KeyReused(_("This key was used for another request; use a new one."))
        if replay.status:
            return _stored_response(replay)
        response = handler(request, *args, **kwargs)
        _store(replay, response)
        return response


def _is_valid(key: str) -> bool:
    return 0 < len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()


def _owner(request: Request) -> str:
    if isinstance(request.auth, Token):
        return f"token {request.auth.owner}"
    return f"user {request.user.pk}"


def _digest(request: Request) -> str:
    """A digest of the path, the query and the data: two spellings of the same JSON are the same."""
    text = json.dumps([request.get_full_path(), request.data], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _store(replay: Replay, response: Response) -> None:
    replay.status = response.status_code
    replay.body = JSONRenderer().render(response.data).decode()
    replay.headers = {name: response[name] for name in _STORED_HEADERS if name in response}
    replay.save()


def _stored_response(replay: Replay) -> Response:
    data = json.loads(replay.body or "null")
    headers = {**replay.headers, "Idempotency-Replayed": "true"}
    return Response(data, replay.status, headers=headers)
