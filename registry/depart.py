"""A service goes: its row, its port, and its address when it was the last one there."""

from __future__ import annotations

from django.db import transaction

from registry import environments, homes
from registry.models import Service


def deregister(service_id: str, environment: str = "") -> bool:
    """Forget the service; whether it was known."""
    config = environments.named(environment)
    with transaction.atomic():
        rows = Service.objects.of(config.environment).filter(service_id=service_id)
        known = rows.first()
        if known is None:
            return False
        homes.lock_home(known.ip_address)
        locked = rows.select_for_update().first()
        if locked is None:
            return False
        locked.delete()
        homes.leave(locked.ip_address)
    return True
