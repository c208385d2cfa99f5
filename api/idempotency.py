"""`Idempotency-Key`: a POST that is sent twice is done once, and answered twice alike.

The key, the work and the answer are committed together. So a caller that lost the answer repeats
the request with the same key and learns what it was; of two at once the later one waits for the
first. What was refused is not kept: it changed nothing, and may be tried again. (After the IETF
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
LONGEST = 255
_KEPT_HEADERS = ("ETag", "Location")
Handler = Callable[..., Response]


class Reused(exceptions.APIException):
    """The key stands for another request."""

    status_code = 422
    default_code = "key_reused"


class Repeatable:
    """A view whose POSTs may carry a key."""

    post: Handler

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.method == "POST" and HEADER in request.headers:
            self.post = functools.partial(once, self.post)


def once(handler: Handler, request: Request, *args: Any, **kwargs: Any) -> Response:
    """The handler's answer, or the one that it gave to the same request before."""
    key, said = request.headers[HEADER], _digest(request)
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST):
        raise exceptions.ValidationError(
            {HEADER: [_("Give 1 to %d printable ASCII characters.") % LONGEST]}
        )
    with transaction.atomic():
        kept = Replay.objects.claim(_owner(request), key, said)
        if kept.request != said:
            raise Reused(_("This key stands for another request; use a new one."))
        if kept.status:
            return _again(kept)
        response = handler(request, *args, **kwargs)
        _keep(kept, response)
        return response


def _owner(request: Request) -> str:
    return (
        f"token {request.auth.pk}" if isinstance(request.auth, Token) else f"user {request.user.pk}"
    )


def _digest(request: Request) -> str:
    """What the caller asks for: two spellings of the same JSON are the same."""
    said = json.dumps([request.get_full_path(), request.data], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _keep(kept: Replay, response: Response) -> None:
    kept.status = response.status_code
    kept.body = JSONRenderer().render(response.data).decode()
    kept.headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    kept.save()


def _again(kept: Replay) -> Response:
    data = json.loads(kept.body) if kept.body else None
    return Response(data, kept.status, headers={**kept.headers, "Idempotency-Replayed": "true"})
