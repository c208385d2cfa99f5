"""Two questions of a load balancer: does the process live, can it work? Everybody may ask, so the
answers do not tell the version; `doctor` and /metrics do."""

import logging

from django.core.checks import ERROR, WARNING
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.errors import Unavailable
from core.findings import READY, READY_WARNING
from core.logs import LONGEST_REASON
from ops import doctor
from ops.doctor import Result

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers. It uses no other service, so a lost database restarts no
    web node."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the health checks tagged READY find no error, else 503 with the reason.

    A missing worker or a dead dnsmasq is a warning: pages and API still work, and a 503 would stop
    them everywhere."""
    failed = failures(READY, ERROR)
    if failed:
        logger.warning("not ready: %s", failed[0].text[:LONGEST_REASON])
        problem = {
            "title": "Not ready",
            "status": Unavailable.status,
            "code": Unavailable.code,
            "detail": failed[0].check.summary,
        }
        return JsonResponse(
            problem, status=Unavailable.status, content_type="application/problem+json"
        )
    warnings = [result.check.summary for result in failures(READY_WARNING, WARNING)]
    return JsonResponse({"status": "ok", "warnings": warnings})


def failures(tag: str, level: int) -> list[Result]:
    """What the health checks with this tag find of this level or above. An anonymous caller gets
    their summaries only: the findings name hosts and paths."""
    return [result for result in doctor.run_checks(tag) if result.message.level >= level]
