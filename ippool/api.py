"""`/api/v1/ip/…`: the address pool for virtual machines over HTTP, in the shapes of the ippool
service it replaces.

Plain Django views without REST framework; the most frequent requests are answered by
`ippool.fastpath`. The texts are a protocol and stay English.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, register_converter
from django.urls.converters import PathConverter
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import AuthenticationFailed

from api.authentication import TokenAuthentication
from api.confinement import Readable
from api.models import Token
from api.problems import DATABASE_UNAVAILABLE, RETRY_AFTER
from core.errors import Exhausted, Invalid, IPManagerError, Reason
from ipam.addresses import inside
from ippool import pool as vmpool

logger = logging.getLogger(__name__)
LARGEST_BODY = 64 * 1024
COMPACT = {"separators": (",", ":")}  # as the original wrote JSON
Answer = tuple[int, Any]


class AccessRefused(Exception):
    """The token is missing, wrong or without permission: 401 or 403."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class RequestTooLarge(Invalid):
    """413: the body is larger than LARGEST_BODY."""

    status = 413


# --- the routes -----------------------------------------------------------------------------------


def health(request: HttpRequest) -> Answer:
    return 200, {"status": "healthy"}


def allocate(request: HttpRequest) -> Answer:
    vm_id, hostname = _asked(request)
    row, subnet = vmpool.allocate(vm_id, hostname or "")
    given = {
        "ip": str(row.ip_address),
        "vm_id": vm_id,
        "gateway": str(subnet.gateway or ""),
        "network": str(subnet.network),
    }
    return 201, given if hostname is None else given | {"hostname": hostname}


def release(request: HttpRequest, vm_id: str) -> Answer:
    vmpool.release(vm_id)
    return 200, {"message": "IP released successfully", "vm_id": vm_id}


def release_by_ip(request: HttpRequest, ip: str) -> Answer:
    return 200, {"message": "IP released successfully", "ip": str(vmpool.release_by_ip(ip))}


def show(request: HttpRequest, vm_id: str) -> Answer:
    row = vmpool.find(vm_id)
    return 200, shown(str(row.ip_address), vm_id, row.hostname)


def shown(ip: str, vm_id: str, hostname: str | None) -> dict[str, str]:
    """A VM's address as JSON; without a host name there is no such key."""
    found = {"ip": ip, "vm_id": vm_id}
    if hostname:
        found["hostname"] = hostname
    return found


def allocations(request: HttpRequest) -> Answer:
    rows = vmpool.held().order_by("ip_address").values_list("ip_address", "vm_id")
    return 200, [{"ip": str(ip), "vm_id": vm_id} for ip, vm_id in rows]


def stats(request: HttpRequest) -> Answer:
    subnet, used = vmpool.figures()
    return 200, {
        "network": str(subnet.network),
        "gateway": str(subnet.gateway or ""),
        "total": used.total,
        "allocated": used.total - used.free,
        "available": used.free,
        "usage": used.percent,
    }


# --- common to all routes -------------------------------------------------------------------------


def serve(
    method: str, view: Callable[..., Answer], *, anonymous: bool = False
) -> Callable[..., HttpResponse]:
    """The Django view: method, token, errors as `{"error": …}`, CORS headers for browsers of any
    origin."""

    @csrf_exempt  # no cookie gives access to these routes, so no other site can use one
    def respond(request: HttpRequest, **captured: str) -> HttpResponse:
        if request.method == "OPTIONS":
            return _preflight(request, method)
        if request.method != method and (request.method, method) != ("HEAD", "GET"):
            response: HttpResponse = _error(
                405, "Method not allowed", {"Allow": f"{method}, OPTIONS"}
            )
        else:
            response = _respond(request, view, captured, anonymous or is_open())
        if anonymous or allows_origins(request):
            response["Access-Control-Allow-Origin"] = "*"
        return response

    return respond


def allows_origins(request: HttpRequest) -> bool:
    """Whether a page of any origin may read the answer (CORS): only with a token, which the page
    itself must have. An open pool believes whoever reaches it, so a page that somebody on the
    inside visits must not speak to it."""
    return not is_open() and "Authorization" in request.headers


def is_open() -> bool:
    """Whether the pool answers without a token."""
    return settings.POOL_API == "open"


def _respond(
    request: HttpRequest, view: Callable[..., Answer], captured: dict[str, str], anonymous: bool
) -> HttpResponse:
    try:
        if not anonymous:
            _authorize(request)
        status, body = view(request, **captured)
    except AccessRefused as refused:
        challenge = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else {}
        return _error(refused.status, str(refused), challenge)
    except Exhausted:
        return _error(503, "No available IPs in pool")
    except IPManagerError as error:
        return _refusal(request, error)
    except DATABASE_UNAVAILABLE as error:
        reason = str(error).strip()
        logger.error(
            "%s %s: the database does not answer: %s", request.method, request.path, reason
        )
        return _error(503, "The database does not answer; try again", RETRY_AFTER)
    return JsonResponse(body, status=status, safe=False, json_dumps_params=COMPACT)


def _refusal(request: HttpRequest, error: IPManagerError) -> JsonResponse:
    """Without the names of rows that the caller's token may not see."""
    token = getattr(request, "auth", None)
    networks = token.confines if token else []
    if networks and error.message not in Readable([error.message], networks):
        return _error(error.status, "Not available to this token")
    return _error(error.status, str(error))


def _error(status: int, reason: str, headers: Mapping[str, str] | None = None) -> JsonResponse:
    return JsonResponse(
        {"error": reason}, status=status, headers=headers, json_dumps_params=COMPACT
    )


def _authorize(request: HttpRequest) -> None:
    """Let a token with the scope `allocate` in if its user may change addresses. Raises
    AccessRefused."""
    try:
        found = TokenAuthentication().authenticate(request)  # type: ignore[arg-type]
    except AuthenticationFailed as error:
        raise AccessRefused(401, str(error.detail)) from error
    if found is None:
        raise AccessRefused(401, "Send a token: Authorization: Bearer TOKEN")
    request.user, token = found  # type: ignore[assignment]
    request.auth = token  # type: ignore[attr-defined]
    if not token.allows("allocate"):
        raise AccessRefused(403, "This token lacks the scope allocate")
    if not _is_within(token):
        raise AccessRefused(403, f"This token is not for {settings.POOL_NETWORK}")
    if not request.user.has_perm("ipam.change_ipaddress"):
        raise AccessRefused(403, "The user of this token may not change addresses")


def _is_within(token: Token) -> bool:
    """Whether the pool's network lies in the networks that the token is confined to."""
    networks = token.confines
    return not networks or any(inside(settings.POOL_NETWORK, network) for network in networks)


def _asked(request: HttpRequest) -> tuple[str, str | None]:
    """The VM and its host name, if one is sent. Raises Invalid."""
    if request.content_type != "application/json":
        raise Invalid(Reason("Send JSON with Content-Type: application/json"))
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
        raise RequestTooLarge(Reason(f"The body may have {LARGEST_BODY} bytes at most"))
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Invalid(Reason("The body is not valid JSON")) from error
    if not isinstance(body, dict):
        raise Invalid(Reason("Send a JSON object with vm_id"))
    return vm_and_hostname(body)


def vm_and_hostname(body: dict[str, Any]) -> tuple[str, str | None]:
    """The VM and its host name of a JSON object. Raises Invalid."""
    vm_id, hostname = body.get("vm_id"), body.get("hostname")
    if not isinstance(vm_id, str) or not vm_id.strip():
        raise Invalid(Reason("vm_id is missing: send a text that is not empty"))
    if not isinstance(hostname, str | None):
        raise Invalid(Reason("hostname must be a text or null"))
    return vm_id, hostname


def _preflight(request: HttpRequest, method: str) -> HttpResponse:
    """A browser's CORS preflight. The request itself carries the token, and no cookies. An open
    pool allows no other origin."""
    allow = f"{method}, OPTIONS"
    response = HttpResponse(status=204, headers={"Allow": allow})
    if not is_open():
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Allow-Methods"] = allow
        response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response["Access-Control-Max-Age"] = "86400"
    return response


def no_route(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 of `manage.py ippool` for every other path."""
    return _error(404, "Not found")


def broken(request: HttpRequest) -> HttpResponse:
    """500 of `manage.py ippool`; the log has the traceback."""
    return _error(500, "Internal error")


# --- the URLs -------------------------------------------------------------------------------------


class AnyText(PathConverter):
    """With slashes and line breaks, so that every path is answered in the shape of this API."""

    regex = r"[\s\S]+"


register_converter(AnyText, "text")
# Fixed words come before VM ids, as in the original: a VM named "stats" can be allocated and
# released, not shown.
urlpatterns: list[URLPattern] = [
    path("health", serve("GET", health, anonymous=True)),
    path("ip/allocate", serve("POST", allocate)),
    path("ip/allocations", serve("GET", allocations)),
    path("ip/stats", serve("GET", stats)),
    path("ip/release/<text:vm_id>", serve("DELETE", release)),
    path("ip/release-by-ip/<text:ip>", serve("DELETE", release_by_ip)),
    path("ip/<text:vm_id>", serve("GET", show)),
]
