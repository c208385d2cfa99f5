"""Two questions of a load balancer: does the process live, can it work?"""

import functools

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.errors import Unavailable
from core.findings import ERROR
from ops import health_checks, worker_heartbeat


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; asks nobody else, so a dead database restarts no web
    node."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and has our tables and the disk has room, else 503 with the
    reason.

    A worker that is missed is told, not refused for: without it pages and API still work, and would
    stop everywhere."""
    try:
        ask_database()
        require_migrations()
        require_room()
        warnings = (
            []
            if worker_heartbeat.is_felt()
            else ["no worker has given a sign of life for a minute"]
        )
    except Unavailable as error:
        problem = {
            "title": "Not ready",
            "status": error.status,
            "code": error.code,
            "detail": str(error),
        }
        return JsonResponse(problem, status=error.status, content_type="application/problem+json")
    return JsonResponse({"status": "ok", "version": settings.VERSION, "warnings": warnings})


def ask_database() -> None:
    """Raise Unavailable unless the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        # The driver's text names hosts and users: for the log, not for an anonymous caller.
        raise Unavailable(
            "the database does not answer", hint="see the log; check DATABASE_URL"
        ) from error


def require_room() -> None:
    """Raise Unavailable when a disk that we write to is full."""
    if any(finding.level == ERROR for finding in health_checks.disks()):
        raise Unavailable("a disk is full", hint="run: python manage.py doctor")


@functools.cache  # keeps a good answer only: an exception is asked again, and applied migrations stay applied
def require_migrations() -> None:
    """Raise Unavailable while the database lacks a migration of this version."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Unavailable(
            f"{len(missing)} migrations are not applied", hint="run: python manage.py migrate"
        )
