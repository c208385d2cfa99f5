"""The OpenAPI description of `/api/v1/ip/…` and `/api/v1/health`, whose plain views drf-spectacular
does not see."""

from __future__ import annotations

from typing import Any

from django.conf import settings

Json = dict[str, Any]
TAG = "ip"


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


TEXT = {"type": "string"}
IP = {"type": "string", "examples": ["172.16.0.2"]}
VM = {"type": "string", "examples": ["vm-1"]}
COUNT = {"type": "integer", "minimum": 0}
SCHEMAS: dict[str, Json] = {
    "PoolError": _object(error={"type": "string", "examples": ["No available IPs in pool"]}),
    "PoolHealth": _object(status={"const": "healthy"}),
    "PoolRequest": {
        "type": "object",
        "properties": {
            "vm_id": {"type": "string", "minLength": 1, "maxLength": 255, "examples": ["vm-1"]},
            "hostname": {"type": ["string", "null"], "maxLength": 255, "examples": ["web-1"]},
        },
        "required": ["vm_id"],
    },
    "PoolGiven": {
        **_object(ip=IP, vm_id=VM, gateway=TEXT, network=TEXT),
        "properties": {"ip": IP, "vm_id": VM, "gateway": TEXT, "network": TEXT, "hostname": TEXT},
    },
    "PoolHeld": {
        **_object(ip=IP, vm_id=VM),
        "properties": {"ip": IP, "vm_id": VM, "hostname": TEXT},
    },
    "PoolReleased": _object(message=TEXT, vm_id=VM),
    "PoolReleasedIP": _object(message=TEXT, ip=IP),
    "PoolStats": _object(
        network=TEXT,
        gateway=TEXT,
        total=COUNT,
        allocated=COUNT,
        available=COUNT,
        usage={"type": "number"},
    ),
}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _response(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation(
    name: str, summary: str, status: str, schema: Json, problems: tuple[str, ...] = (), **more: Any
) -> Json:
    """An operation with this response, or PoolError with one of these statuses."""
    responses = {status: _response("Done.", schema)}
    for code in (*problems, "401", "403", "405", "429", "503"):
        responses[code] = _response(STATUSES[code], _ref("PoolError"))
    return {
        "operationId": f"ip_{name}",
        "summary": summary,
        "tags": [TAG],
        "security": _security(),
        **more,
        "responses": responses,
    }


STATUSES = {
    "400": "The request is wrong.",
    "401": "A token is missing or wrong.",
    "403": "The token does not have permission.",
    "404": "No VM holds this, or the address is not in the pool.",
    "405": "The route does not support the method.",
    "409": "Something that exists is in the way.",
    "413": "The body is too large.",
    "429": "Too many requests; Retry-After says when to retry.",
    "503": "The pool is exhausted, or the database does not answer.",
}


def _security() -> list[Json]:
    if settings.POOL_API == "open":
        return [{}]
    return [{"token": []}]


def _in_path(name: str) -> list[Json]:
    text = {"type": "string", "minLength": 1}
    return [{"in": "path", "name": name, "required": True, "schema": text}]


def paths() -> Json:
    """Every route of the pool."""
    return {
        "/api/v1/ip/allocate": {"post": _allocate()},
        "/api/v1/ip/allocations": {"get": _allocations()},
        "/api/v1/ip/stats": {
            "get": _operation("stats", "How full the pool is.", "200", _ref("PoolStats"))
        },
        "/api/v1/ip/release/{vm_id}": {"delete": _release()},
        "/api/v1/ip/release-by-ip/{ip}": {"delete": _release_by_ip()},
        "/api/v1/ip/{vm_id}": {"get": _show()},
        "/api/v1/health": {"get": _health()},
    }


def _allocate() -> Json:
    body = {"content": {"application/json": {"schema": _ref("PoolRequest")}}, "required": True}
    summary = "Allocate an address for a VM; the same VM gets the same one."
    schema, problems = _ref("PoolGiven"), ("400", "409", "413")
    return _operation("allocate", summary, "201", schema, problems, requestBody=body)


def _allocations() -> Json:
    rows = {"type": "array", "items": _ref("PoolHeld")}
    return _operation("allocations", "All VMs and their addresses.", "200", rows)


def _release() -> Json:
    vm, schema = _in_path("vm_id"), _ref("PoolReleased")
    return _operation(
        "release", "Free a VM's address.", "200", schema, ("400", "404"), parameters=vm
    )


def _release_by_ip() -> Json:
    ip, schema = _in_path("ip"), _ref("PoolReleasedIP")
    return _operation(
        "release_by_ip", "Free this address.", "200", schema, ("400", "404"), parameters=ip
    )


def _show() -> Json:
    vm, schema = _in_path("vm_id"), _ref("PoolHeld")
    return _operation("show", "A VM's address.", "200", schema, ("400", "404"), parameters=vm)


def _health() -> Json:
    operation = _operation("health", "Whether the service answers.", "200", _ref("PoolHealth"))
    return {**operation, "security": [{}]}


def describe(result: Json, generator: Any, **kwargs: Any) -> Json:
    """Hook of drf-spectacular: add the pool's routes."""
    result["paths"] |= paths()
    result["components"]["schemas"] |= SCHEMAS
    return result
