"""The WSGI application: the fast path (`api.fastpath`), and Django for everything else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from http import HTTPStatus
from io import BytesIO
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipmanager.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest  # noqa: E402

from api.fastpath import registry  # noqa: E402
from api.fastpath.answer import answer  # noqa: E402
from api.fastpath.response import FastResponse  # noqa: E402
from core import proxies  # noqa: E402
from core.database import prepared  # noqa: E402
from ops import traffic  # noqa: E402

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Application(WSGIHandler):
    """Ask the fast path first. It has its own short form of what Django does around a request:
    the work of Traffic and TrustedProxies, and closing a connection that is too old."""

    def __call__(  # type: ignore[override]  # Django's response is an iterable of bytes
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        if not is_candidate(environ):
            return super().__call__(environ, start_response)
        request = WSGIRequest(dict(environ))  # a copy: proxies.apply_forwarded changes it
        with traffic.TrackedRequest(request) as tracked:
            response = fast_response(environ, request)
            if response is None:
                return super().__call__(environ, start_response)
            prepared.database().close_if_unusable_or_obsolete()
            tracked.finish(response.status)
        status = f"{response.status} {HTTPStatus(response.status).phrase}"
        headers = {**response.headers, traffic.ID: tracked.id}
        start_response(status, list(headers.items()))
        return [response.body]


def is_candidate(environ: Environ) -> bool:
    """Whether a route of the fast path has this method and path. In a subdirectory (SCRIPT_NAME)
    and with DEBUG, Django answers everything."""
    if not settings.FASTPATH or settings.DEBUG or environ.get("SCRIPT_NAME"):
        return False
    return registry.find(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")) is not None


def fast_response(environ: Environ, request: WSGIRequest) -> FastResponse | None:
    """The response of the fast path, or None: then Django answers, and reads the body again."""
    proxies.apply_forwarded(request.META)
    response = answer(request)
    if response is None and hasattr(request, "_body"):
        environ["wsgi.input"] = BytesIO(request.body)
    return response


registry.routes()  # before gunicorn forks, so that its processes share them
application = Application()
