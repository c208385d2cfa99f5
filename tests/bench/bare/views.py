"""One statement and one answer each."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable

from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

CLAIM = """
UPDATE bench_free SET status = 'allocated', vm_id = %s, updated_at = CURRENT_TIMESTAMP WHERE id = (
    SELECT id FROM bench_free WHERE status = 'available' ORDER BY id LIMIT 1 {lock})
RETURNING ip_address
"""


def hello(environ: dict, start_response: Callable) -> Iterable[bytes]:
    """A bare WSGI application."""
    body = b'{"hello": "world"}'
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def nothing(request: HttpRequest) -> JsonResponse:
    return sized({"hello": "world"})


def insert(request: HttpRequest) -> JsonResponse:
    """One durable INSERT."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_inserts (name) VALUES (%s) RETURNING id", [secrets.token_hex(8)]
        )
        return sized({"id": cursor.fetchone()[0]})


def claim(request: HttpRequest) -> JsonResponse:
    """One durable claim of a free row, which others pass over while it is locked."""
    vm_id = json.loads(request.body)["vm_id"]
    lock = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM.format(lock=lock), [vm_id])
        return sized({"ip": cursor.fetchall()[0][0], "vm_id": vm_id})


def select(request: HttpRequest, vm_id: str) -> JsonResponse:
    """One row by a unique key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ip_address, hostname FROM bench_rows WHERE vm_id = %s", [vm_id])
        ip, hostname = cursor.fetchone()
        return sized({"ip": ip, "vm_id": vm_id, "hostname": hostname})


def values(request: HttpRequest) -> JsonResponse:
    """50 rows as they are, from a place that is found by its key."""
    from tests.bench.bare.models import Row

    start = int(request.GET.get("from", 0))
    return sized(
        {"results": list(Row._default_manager.filter(pk__gt=start).order_by("pk").values()[:50])}
    )


def sized(body: dict) -> JsonResponse:
    """With its length, so that the connection is kept; CommonMiddleware does this elsewhere."""
    response = JsonResponse(body)
    response["Content-Length"] = str(len(response.content))
    return response


urlpatterns = [
    path("nothing", nothing),
    path("insert", insert),
    path("claim", claim),
    path("select/<str:vm_id>", select),
    path("values", values),
]
django = get_wsgi_application()
