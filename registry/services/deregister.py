"""Deregister services: delete the row, free the port, release the address with its last service."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from registry.environments import lookup
from registry.models import Service
from registry.querysets import database_now
from registry.services import service_addresses
from registry.services.manual_edits import delete_services


def deregister(service_id: str, environment: str = "") -> bool:
    """Delete the service; False when it is not registered."""
    config = lookup.environment(environment)
    with transaction.atomic():
        rows = Service.objects.of(config.environment).filter(service_id=service_id)
        known = rows.first()
        if known is None:
            return False
        service_addresses.lock_for_release(known.ip_address)
        locked = rows.select_for_update(of=("self",)).first()
        if locked is None:
            return False
        locked.delete()
        service_addresses.release_address(locked.ip_address)
    return True


def clean_up(environment: str, minutes: int) -> int:
    """Delete the services that have been inactive and silent for so many minutes, except pinned
    ones; returns their number."""
    before = database_now() - timedelta(minutes=minutes)
    silent = Service.objects.of(environment).filter(
        status="inactive", pinned=False, last_heartbeat__lte=before
    )
    return delete_services(silent)
