"""A service goes: its row, its port, and its address when it was the last one there."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from registry import environments
from registry.models import Service
from registry.querysets import database_now
from registry.services import service_addresses
from registry.services.manual_edits import strike_out


def deregister(service_id: str, environment: str = "") -> bool:
    """Forget the service; whether it was known."""
    config = environments.named(environment)
    with transaction.atomic():
        rows = Service.objects.of(config.environment).filter(service_id=service_id)
        known = rows.first()
        if known is None:
            return False
        service_addresses.lock_home(known.ip_address)
        locked = rows.select_for_update().first()
        if locked is None:
            return False
        locked.delete()
        service_addresses.leave(locked.ip_address)
    return True


def clean_up(environment: str, minutes: int) -> int:
    """Forget the services that have been inactive and silent for so long; how many. Pinned ones
    stay."""
    before = database_now() - timedelta(minutes=minutes)
    silent = Service.objects.of(environment).filter(
        status="inactive", pinned=False, last_heartbeat__lte=before
    )
    return strike_out(silent)
