"""What gunicorn serves: Django, and at its door the short way."""

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

from api.fastpath import routes  # noqa: E402
from core import prepared, proxies  # noqa: E402
from ops import traffic  # noqa: E402


class Application(WSGIHandler):
    """What Django does around each request costs more than a short answer. So those are given here,
    with what Traffic and TrustedProxies do; everything else, and whatever the short way declines,
    is Django's."""

    def __call__(  # type: ignore[override]  # Django's response is an iterable of bytes
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if routes.is_short(environ) and not environ.get("SCRIPT_NAME") and not settings.DEBUG:
            request = WSGIRequest(dict(environ))  # a copy: Django begins anew
            try:
                if answer := self._at_the_door(request):
                    status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
                    start_response(status, list(answer.headers.items()))
                    return [answer.body]
                environ[routes.DECLINED] = True
            except Exception as error:
                environ[routes.DECLINED] = error  # which Django is to tell, in its way
            if hasattr(request, "_body"):
                environ["wsgi.input"] = BytesIO(request.body)
        return super().__call__(environ, start_response)

    def _at_the_door(self, request: WSGIRequest) -> routes.Told | None:
        with traffic.Watch(request) as watch:
            proxies.believe(request.META)
            answer = routes.answer(request)
            prepared.database().close_if_unusable_or_obsolete()
            if answer is None:
                return None
            watch.tell(answer.status)
            return answer._replace(headers={**answer.headers, traffic.ID: watch.number})


application = Application()
