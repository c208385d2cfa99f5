"""What an administrator does by hand: a service is written down, moved, or struck out; the ledger
follows."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from ipam.querysets import lock_ledger
from registry.models import Service
from registry.services import service_addresses


def keep(service: Service) -> None:
    """Save it, taking its address from the ledger and giving back the one that it had. Raises
    Conflict."""
    with transaction.atomic():
        lock_ledger()
        was = Service.objects.filter(pk=service.pk).values_list("ip_address", flat=True).first()
        if service.ip_address is not None and service.ip_address != was:
            service_addresses.move_in(service.environment, service.ip_address)
        service.save()
        if was != service.ip_address:
            service_addresses.leave(was)


def strike_out(services: Iterable[Service]) -> int:
    """Forget these services and give back the addresses where nobody lives any more; how many."""
    with transaction.atomic():
        lock_ledger()
        rows = list(
            Service.objects.select_for_update().filter(pk__in=[service.pk for service in services])
        )
        Service.objects.discard([row.pk for row in rows])
        for ip in {row.ip_address for row in rows}:
            service_addresses.leave(ip)
    return len(rows)
