"""The names of registered services: `billing.production.corp.example` for the service `billing` of
the environment `production` at an address whose subnet has the domain `corp.example`. A service id
with a dot stands as it is."""

from __future__ import annotations

from collections.abc import Iterator

from names.further import Claim
from registry.models import Service
from registry.querysets import WILDCARDS


def claims() -> Iterator[Claim]:
    """All services that have an address of their own. One query."""
    rows = Service.objects.filter(ip_address__isnull=False).exclude(ip_address__in=WILDCARDS)
    columns = ("pk", "service_id", "ip_address", "created_at", "environment", "protocol", "port")
    for pk, name, ip, since, environment, protocol, port in rows.order_by().values_list(*columns):
        label = f"service {environment}/{name}"
        yield Claim(
            "service",
            pk,
            name,
            ip,
            since,
            label,
            within=environment,
            port=f"{protocol} {port}",
        )
