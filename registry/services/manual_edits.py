"""Manual edits by an administrator: save or delete services, and keep the ledger in step."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from ipam.querysets import lock_ledger
from registry.models import Service
from registry.services import service_addresses


def save_service(service: Service) -> None:
    """Save the service, claim its new address in the ledger and release the former one.

    Raises Conflict."""
    with transaction.atomic():
        lock_ledger()
        former = Service.objects.filter(pk=service.pk).values_list("ip_address", flat=True).first()
        if former == service.ip_address:
            service.save()
            return
        if service.ip_address is not None:
            service_addresses.claim_address(service.environment, service.ip_address)
        service.save()
        service_addresses.release_address(former)


def delete_services(services: Iterable[Service]) -> int:
    """Delete the services and release addresses without a service; returns their number."""
    ids = [service.pk for service in services]
    with transaction.atomic():
        lock_ledger()
        rows = list(Service.objects.select_for_update(of=("self",)).filter(pk__in=ids))
        Service.objects.discard(rows)
        service_addresses.release_addresses(rows)
    return len(rows)
