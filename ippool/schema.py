"""How `/api/v1/ip/…` and `/api/v1/health` are described: plain views that the generator does not
see."""

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


def _answer(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation(
    name: str, summary: str, status: str, schema: Json, *wrong: str, **more: Any
) -> Json:
    """An operation that answers so, or with PoolError where something is wrong."""
    told = {
        code: _answer(WRONG[code], _ref("PoolError"))
        for code in (*wrong, "401", "403", "405", "429", "503")
    }
    return {
        "operationId": f"ip_{name}",
        "summary": summary,
        "tags": [TAG],
        "security": _security(),
        **more,
        "responses": {status: _answer("Done.", schema), **told},
    }


WRONG = {
    "400": "The request is wrong.",
    "401": "A token is missing, or is not good.",
    "403": "The token may not do this.",
    "404": "Nobody holds this, or the address is none of the pool.",
    "405": "The route knows no such method.",
    "409": "Something that exists is in the way.",
    "413": "The body is too large.",
    "429": "Too many requests; Retry-After says when to come back.",
    "503": "The pool is exhausted, or the database does not answer.",
}


def _security() -> list[Json]:
    return [{}] if settings.POOL_API == "open" else [{"token": []}]


def _in_path(name: str) -> list[Json]:
    return [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string", "minLength": 1}}
    ]


def paths() -> Json:
    """Every route of the pool."""
    body = {"content": {"application/json": {"schema": _ref("PoolRequest")}}, "required": True}
    vm, ip = _in_path("vm_id"), _in_path("ip")
    found = {
        "ip/allocate": {
            "post": _operation(
                "allocate",
                "Give a VM an address; the same VM gets the same one.",
                "201",
                _ref("PoolGiven"),
                "400",
                "409",
                "413",
                requestBody=body,
            )
        },
        "ip/allocations": {
            "get": _operation(
                "allocations",
                "Who has which address.",
                "200",
                {"type": "array", "items": _ref("PoolHeld")},
            )
        },
        "ip/stats": {"get": _operation("stats", "How full the pool is.", "200", _ref("PoolStats"))},
        "ip/release/{vm_id}": {
            "delete": _operation(
                "release",
                "Free a VM's address.",
                "200",
                _ref("PoolReleased"),
                "400",
                "404",
                parameters=vm,
            )
        },
        "ip/release-by-ip/{ip}": {
            "delete": _operation(
                "release_by_ip",
                "Free this address.",
                "200",
                _ref("PoolReleasedIP"),
                "400",
                "404",
                parameters=ip,
            )
        },
        "ip/{vm_id}": {
            "get": _operation(
                "show", "A VM's address.", "200", _ref("PoolHeld"), "400", "404", parameters=vm
            )
        },
        "health": {
            "get": _operation("health", "Does it live?", "200", _ref("PoolHealth"))
            | {"security": [{}]}
        },
    }
    return {f"/api/v1/{path}": operations for path, operations in found.items()}


def describe(result: Json, generator: Any, **kwargs: Any) -> Json:
    """Hook of drf-spectacular: the pool's routes beside the others."""
    result["paths"] |= paths()
    result["components"]["schemas"] |= SCHEMAS
    return result
