"""The questions that the porter asks of his book, and every line of SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Now

from ipam.addresses import Address, parse_address
from registry.records import ServiceRecord

if TYPE_CHECKING:
    from registry.models import PortLock, RegistryConfig, Service  # noqa: F401  (in the base classes' parameters)

# A socket on one of these has its port on every address of the machine; "::" takes IPv4 too (ipv6(7), IPV6_V6ONLY).
WILDCARDS = (parse_address("0.0.0.0"), parse_address("::"))


def database_now() -> datetime:
    """The database's clock: the only one that heartbeats and their end are measured by."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()" if connection.vendor == "postgresql" else _SQLITE_NOW)
        (value,) = cursor.fetchone()
    return datetime.fromisoformat(value) if isinstance(value, str) else value


_SQLITE_NOW = "SELECT strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"


class RegistryConfigQuerySet(models.QuerySet["RegistryConfig"]):
    """Environments."""

    def with_ranges(self) -> RegistryConfigQuerySet:
        return self.prefetch_related("ranges")


class ServiceQuerySet(models.QuerySet["Service"]):
    """Services, with a port or without."""

    def of(self, environment: str) -> ServiceQuerySet:
        return self.filter(environment=environment)

    def whole(self) -> ServiceQuerySet:
        """With all that is told of them."""
        return self.select_related("environment").prefetch_related("dependency_rows")

    def matching(self, *, service_type: str = "", status: str = "") -> ServiceQuerySet:
        """Whole rows of this type and status; empty means any."""
        wanted = {"type": service_type, "status": status}
        return self.filter(**{name: value for name, value in wanted.items() if value}).whole().order_by("service_id")

    def placed(self) -> ServiceQuerySet:
        """Those that have a port: not the ones that were silent for so long that they lost it."""
        return self.filter(port__isnull=False)

    def records(self, environment: str) -> list[ServiceRecord]:
        """Everything that has a port there, ordered by service id; two queries, however many they are."""
        rows = self.of(environment).placed().whole().order_by("service_id")
        return [row.record() for row in rows]

    def in_the_way(self, protocol: Any, ip: Address, port: Any) -> ServiceQuerySet:
        """Whoever has this port at this address, or at all addresses; for a wildcard, whoever has it anywhere."""
        rows = self.filter(protocol=protocol, port=port)
        return rows if ip in WILDCARDS else rows.filter(ip_address__in=(ip, *WILDCARDS))

    def beat(self, environment: str, service_ids: Collection[str], caller: Address | None) -> int:
        """Note a sign of life, by the database's clock, of those that have a port and called from where they should.

        One statement; how many rows it met.
        """
        rows = self.of(environment).placed().filter(service_id__in=service_ids)
        if caller is not None:
            rows = rows.filter(Q(registered_from=caller) | Q(ip_address=caller) | Q(registered_from=None))
        return rows.update(last_heartbeat=Now(), status="active", inactive_since=None)

    def silent(self, now: datetime) -> ServiceQuerySet:
        """Active ones whose time-out is over."""
        timeout = _seconds("environment__heartbeat_timeout")
        return self.exclude(status="inactive").placed().filter(last_heartbeat__lt=Value(now) - timeout)

    def lapsed(self, now: datetime) -> ServiceQuerySet:
        """Inactive ones whose grace is over; a pinned one keeps its port for ever."""
        grace = _seconds("environment__grace_period")
        return self.filter(status="inactive", pinned=False).placed().filter(inactive_since__lt=Value(now) - grace)


def _seconds(column: str) -> ExpressionWrapper:
    return ExpressionWrapper(F(column) * Value(timedelta(seconds=1), DurationField()), DurationField())


class PortLockQuerySet(models.QuerySet["PortLock"]):
    """One row for a port and protocol: who holds its lock decides alone who has the port, on whatever address."""

    def hold(self, protocol: str, port: int) -> None:
        """Lock it until the transaction ends."""
        row = self.select_for_update().filter(protocol=protocol, port=port)
        if not row:
            self.add(protocol, [port])
            list(row.all())

    def add(self, protocol: str, ports: Iterable[int]) -> None:
        self.bulk_create(
            (self.model(protocol=protocol, port=port) for port in ports), ignore_conflicts=True, batch_size=1000
        )

    def hold_free(
        self, protocol: str, ip: Address, span: tuple[int, int], barred: Collection[int], *, shuffled: bool, wait: bool
    ) -> int | None:
        """Lock and tell a port of the span that nobody has at this address. Without `wait`, ports that somebody
        else holds right now count as taken."""
        from registry.models import Service

        taken = Service.objects.in_the_way(OuterRef("protocol"), ip, OuterRef("port"))
        rows = self.filter(~Exists(taken), protocol=protocol, port__range=span).exclude(port__in=barred)
        rows = rows.order_by("?" if shuffled else "port").select_for_update(skip_locked=not wait)
        return rows.values_list("port", flat=True).first()

    def are_complete(self, protocol: str, span: tuple[int, int]) -> bool:
        """Whether every port of the span has its row."""
        return self.filter(protocol=protocol, port__range=span).count() == span[1] - span[0] + 1

    def complete(self, protocol: str, span: tuple[int, int]) -> None:
        """See that every port of the span has its row."""
        self.add(protocol, range(span[0], span[1] + 1))
