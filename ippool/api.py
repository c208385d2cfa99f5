"""`/api/v1/ip/…`: the address pool for virtual machines over HTTP, in the shapes of the ippool
service it replaces.

Plain Django views without REST framework; the most frequent requests are answered by
`ippool.fastpath`. The texts are a protocol and stay English.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, register_converter
from django.urls.converters import PathConverter
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import AuthenticationFailed

from api.authentication import TokenAuthentication
from api.problems import DATABASE_UNAVAILABLE, RETRY_AFTER
from core.errors import Exhausted, Invalid, IPManagerError
from ipam.addresses import inside
from ippool import pool as vmpool

logger = logging.getLogger(__name__)
LARGEST_BODY = 64 * 1024
COMPACT = {"separators": (",", ":")}  # as the original wrote JSON
Answer = tuple[int, Any]


class Refused(Exception):
    """No token, a wrong one, or one that may not do this."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


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
        "total": used.static,
        "allocated": used.static - used.available,
        "available": used.available,
        "usage": 100 * (used.static - used.available) / used.static if used.static else 0.0,
    }


# --- what they have in common ---------------------------------------------------------------------


def serve(
    method: str, view: Callable[..., Answer], *, anonymous: bool = False
) -> Callable[..., HttpResponse]:
    """The view as Django wants it: method, token, errors as `{"error": …}`, headers for browsers of
    any origin."""

    @csrf_exempt  # no cookie opens these routes, so no other site can use somebody's
    def answer(request: HttpRequest, **captured: str) -> HttpResponse:
        if request.method == "OPTIONS":
            return _preflight(method)
        response = _respond(request, method, view, captured, anonymous)
        if anonymous or settings.POOL_API == "open" or "Authorization" in request.headers:
            response["Access-Control-Allow-Origin"] = "*"
        return response

    return answer


def _respond(
    request: HttpRequest,
    method: str,
    view: Callable[..., Answer],
    captured: dict[str, str],
    anonymous: bool,
) -> HttpResponse:
    if request.method != method and not (request.method == "HEAD" and method == "GET"):
        return JsonResponse(
            {"error": "Method not allowed"}, status=405, headers={"Allow": f"{method}, OPTIONS"}
        )
    try:
        if not anonymous and settings.POOL_API != "open":
            _authorize(request)
        status, body = view(request, **captured)
    except Refused as refused:
        headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else None
        return JsonResponse({"error": str(refused)}, status=refused.status, headers=headers)
    except Exhausted:
        return JsonResponse({"error": "No available IPs in pool"}, status=503)
    except IPManagerError as error:
        return JsonResponse({"error": str(error)}, status=error.status)
    except DATABASE_UNAVAILABLE as error:
        logger.error(
            "%s %s: the database does not answer: %s",
            request.method,
            request.path,
            str(error).strip(),
        )
        return JsonResponse(
            {"error": "The database does not answer; try again"}, status=503, headers=RETRY_AFTER
        )
    return JsonResponse(body, status=status, safe=False, json_dumps_params=COMPACT)


def _authorize(request: HttpRequest) -> None:
    """Let a token with the scope `allocate` through, if its user may change addresses. Raises
    Refused."""
    try:
        found = TokenAuthentication().authenticate(request)  # type: ignore[arg-type]
    except AuthenticationFailed as error:
        raise Refused(401, str(error.detail)) from error
    if found is None:
        raise Refused(401, "This needs a token: Authorization: Bearer TOKEN")
    request.user, token = found  # type: ignore[assignment]
    if not token.allows("allocate"):
        raise Refused(403, "This token lacks the scope allocate")
    if token.confines and not any(
        inside(settings.POOL_NETWORK, network) for network in token.confines
    ):
        raise Refused(403, f"This token is not for {settings.POOL_NETWORK}")
    if not request.user.has_perm("ipam.change_ipaddress"):
        raise Refused(403, "The user of this token may not change addresses")


def _asked(request: HttpRequest) -> tuple[str, str | None]:
    """The VM and its host name, if one was sent. Raises Invalid."""
    if request.content_type != "application/json":
        raise Invalid("Send JSON with Content-Type: application/json")
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
        raise TooLarge(f"The body may have {LARGEST_BODY} bytes at most")
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not valid JSON") from error
    if not isinstance(asked, dict):
        raise Invalid("Send a JSON object with vm_id")
    return vm_and_hostname(asked)


def vm_and_hostname(asked: dict[str, Any]) -> tuple[str, str | None]:
    """The VM and its host name of a JSON object. Raises Invalid."""
    vm_id, hostname = asked.get("vm_id"), asked.get("hostname")
    if not isinstance(vm_id, str) or not vm_id.strip():
        raise Invalid("vm_id is missing: send a text that is not empty")
    if not isinstance(hostname, str | None):
        raise Invalid("hostname is a text or null")
    return vm_id, hostname


class TooLarge(Invalid):
    """More than anybody needs to name a VM."""

    status = 413


def _preflight(method: str) -> HttpResponse:
    """A browser asks whether it may send the real request, which then brings the token: no cookies
    either way."""
    return HttpResponse(
        status=204,
        headers={
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": f"{method}, OPTIONS",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": "86400",
            "Allow": f"{method}, OPTIONS",
        },
    )


def no_route(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What `manage.py ippool` answers at every other address."""
    return JsonResponse({"error": "Not found"}, status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """What `manage.py ippool` answers when we are to blame; the log has the reason."""
    return JsonResponse({"error": "Internal error"}, status=500)


# --- the URLs -------------------------------------------------------------------------------------


class AnyText(PathConverter):
    """Slashes and line breaks, too: whatever is asked for is answered in these routes' own
    shape."""

    regex = r"[\s\S]+"


register_converter(AnyText, "text")
# Fixed words stand before VM ids, as in the original: a VM called "stats" can be made and released,
# not shown.
urlpatterns: list[URLPattern] = [
    path("health", serve("GET", health, anonymous=True)),
    path("ip/allocate", serve("POST", allocate)),
    path("ip/allocations", serve("GET", allocations)),
    path("ip/stats", serve("GET", stats)),
    path("ip/release/<text:vm_id>", serve("DELETE", release)),
    path("ip/release-by-ip/<text:ip>", serve("DELETE", release_by_ip)),
    path("ip/<text:vm_id>", serve("GET", show)),
]
