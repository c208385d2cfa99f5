"""Queries of the registry, and all of its SQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from ipam.addresses import Address, parse_address
from registry.records import ServiceRecord

if TYPE_CHECKING:
    from registry.models import (  # noqa: F401  (the type parameters of the base classes)
        Call,
        Origin,
        PortLock,
        RegistryConfig,
        RestartRequest,
        Service,
        Unusual,
    )

_AT_ONCE = 500  # parameters in one statement
Cutoffs = Mapping[str, datetime]  # an environment's name -> a moment

# A socket on one of these has its port on every address of the machine; "::" takes IPv4 too
# (ipv6(7), IPV6_V6ONLY).
WILDCARDS = (parse_address("0.0.0.0"), parse_address("::"))


def database_now() -> datetime:
    """The database's clock: heartbeats and timeouts are measured by no other."""
    with connection.cursor() as cursor:
        cursor.execute(_NOW[connection.vendor])
        (value,) = cursor.fetchone()
    if isinstance(value, str):  # SQLite has no type for it
        return datetime.fromisoformat(value)
    return value


_NOW = {
    "postgresql": "SELECT clock_timestamp()",
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')",
}


def wait_for_turn(environment: str, service_id: str) -> None:
    """Serialise registrations of this service until the transaction ends.

    Without the lock one process may lose every race for ever while another registers and
    deregisters the service. SQLite has one writer at a time anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            name = f"registry {environment} {service_id}"
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


class RegistryConfigQuerySet(models.QuerySet["RegistryConfig"]):
    """Environments."""

    def with_ranges(self) -> RegistryConfigQuerySet:
        return self.prefetch_related("ranges")


class ServiceQuerySet(models.QuerySet["Service"]):
    """Services, with a port or without."""

    def of(self, environment: str) -> ServiceQuerySet:
        return self.filter(environment=environment)

    def with_id(self, config: RegistryConfig, service_id: str) -> Service | None:
        """The service of this id in the environment."""
        if "\0" in service_id:
            return None  # PostgreSQL stores no NUL character and refuses to look for one
        return self.filter(environment=config.environment, service_id=service_id).first()

    def with_related(self) -> ServiceQuerySet:
        """Load environment and dependencies with each service."""
        return self.select_related("environment").prefetch_related("dependency_rows")

    def matching(self, *, service_type: str = "", status: str = "") -> ServiceQuerySet:
        """Services of this type and status, with related rows; empty means any."""
        rows = self.with_related().order_by("service_id")
        if service_type:
            rows = rows.filter(type=service_type)
        if status:
            rows = rows.filter(status=status)
        return rows

    def placed(self) -> ServiceQuerySet:
        """Services that have a port: those that were silent for too long have lost it."""
        return self.filter(port__isnull=False)

    def records(self, environment: str) -> list[ServiceRecord]:
        """The services of an environment that have a port, ordered by service id. Two queries."""
        rows = self.of(environment).placed().with_related().order_by("service_id")
        return [row.record() for row in rows]

    def conflicting(self, protocol: Any, ip: Address, port: Any) -> ServiceQuerySet:
        """Services with this port at this address or at a wildcard address. A wildcard conflicts
        with the port at any address."""
        rows = self.filter(protocol=protocol, port=port)
        if ip in WILDCARDS:
            return rows
        return rows.filter(ip_address__in=(ip, *WILDCARDS))

    def beat(self, environment: str, service_ids: Collection[str], caller: Address | None) -> int:
        """Log a heartbeat, by the database's clock, for services that have a port.

        With `caller`, only for those that may call from this address. One statement while all are
        active, which writes no line of the log; returns the number of rows."""
        rows = self.of(environment).placed().filter(service_id__in=service_ids)
        if caller is not None:
            rows = rows.filter(
                Q(registered_from=caller) | Q(ip_address=caller) | Q(registered_from=None)
            )
        active = rows.filter(status="active", inactive_since=None)
        if active.update(last_heartbeat=Now()) == len(service_ids):
            return len(service_ids)
        return rows.update(last_heartbeat=Now(), status="active", inactive_since=None)

    def restartable(self, ids: Collection[int]) -> ServiceQuerySet:
        """The ones that an agent may restart without a request."""
        rows = self.filter(pk__in=list(ids)[:_AT_ONCE], restart_script__enabled=True)
        return rows.filter(environment__mode="development").select_related(
            "restart_script", "environment"
        )

    def living(self) -> ServiceQuerySet:
        """Services that have a port and are not inactive."""
        return self.exclude(status="inactive").placed()

    def by_environment(self) -> Counter[str]:
        """The number of services in each environment."""
        counts = self.order_by().values_list("environment").annotate(number=models.Count("pk"))
        return Counter(dict(counts))

    def unplace(self, rows: Iterable[Service]) -> None:
        """Clear their ports and addresses."""
        for some in _batches_of_ids(rows):
            self.filter(pk__in=some).update(ip_address=None, port=None)

    def discard(self, rows: Iterable[Service]) -> None:
        """Delete them in batches."""
        for some in _batches_of_ids(rows):
            self.filter(pk__in=some).delete()

    def forget(self, before: datetime) -> None:
        """Delete services without a port that have been inactive since before this moment."""
        self.filter(port=None, pinned=False, inactive_since__lt=before).delete()

    def silent(self, cutoffs: Cutoffs) -> ServiceQuerySet:
        """Services whose last heartbeat is older than their environment's moment, and that are not
        inactive yet."""
        return self.living().filter(_before("last_heartbeat", cutoffs))

    def lapsed(self, cutoffs: Cutoffs) -> ServiceQuerySet:
        """Services that have been inactive since before their environment's moment. A pinned
        service keeps its port for ever."""
        rows = self.filter(status="inactive", pinned=False).placed()
        return rows.filter(_before("inactive_since", cutoffs))

    def expire(self, rows: Iterable[Service], cutoffs: Cutoffs, now: datetime) -> set[int]:
        """Set the ones inactive that are still silent; returns their ids.

        A row that a heartbeat has locked at this moment is skipped."""
        gone: set[int] = set()
        with transaction.atomic():
            for some in _batches_of_ids(rows):
                silent = self.model.objects.silent(cutoffs).filter(pk__in=some)
                silent = silent.select_for_update(of=("self",), skip_locked=True)
                still = {row.pk for row in silent}  # whole rows: values_list() drops of=("self",)
                self.model.objects.filter(pk__in=still).update(
                    status="inactive", inactive_since=now
                )
                gone |= still
        return gone


def _before(column: str, cutoffs: Cutoffs) -> Q:
    """The column is older than the moment of the row's environment.

    Environments with the same moment share one condition, so the query stays short."""
    names: dict[datetime, list[str]] = defaultdict(list)
    for name, moment in cutoffs.items():
        names[moment].append(name)
    found = Q(pk__in=[])
    for moment, those in names.items():
        found |= Q(**{"environment__in": those, f"{column}__lt": moment})
    return found


def _batches_of_ids(rows: Iterable[Service]) -> Iterator[list[int]]:
    """The ids of these rows, in lists that fit into one statement."""
    ids = [row.pk for row in rows]
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


class RestartRequestQuerySet(models.QuerySet["RestartRequest"]):
    """Restart requests."""

    def open(self) -> RestartRequestQuerySet:
        """Requests without a result."""
        return self.filter(status__in=self.model.OPEN)

    def of_services(self, environment: str, service_ids: Collection[str]) -> RestartRequestQuerySet:
        """The requests for these services; without ids, all of the environment."""
        rows = self.filter(service__environment=environment)
        if service_ids:
            rows = rows.filter(service__service_id__in=service_ids)
        return rows

    def counted(self, service: Service, since: datetime) -> int:
        """The number of restarts of the service since then, without refused and expired ones."""
        rows = self.filter(service=service, requested_at__gte=since)
        return rows.exclude(status__in=["refused", "expired"]).count()

    def take(self, agent: str) -> list[RestartRequest]:
        """Give the wanted requests to this agent. Each request goes to one agent only."""
        wanted = self.filter(status="wanted", expires_at__gt=Now()).order_by("pk")
        with transaction.atomic():
            locked = wanted.select_for_update(of=("self",), skip_locked=True)
            rows: list[RestartRequest] = list(locked.select_related("service", "action"))
            taken = self.model.objects.filter(pk__in=[row.pk for row in rows])
            taken.update(status="taken", agent=agent, taken_at=Now())
        return rows

    def end(self, now: datetime) -> None:
        """Set requests expired whose time is over."""
        self.open().filter(expires_at__lt=now).update(status="expired", finished_at=now)


class CallQuerySet(models.QuerySet["Call"]):
    """Logged calls in test environments."""

    def trim(self, keep: int) -> None:
        _trim(self, keep)


class UnusualQuerySet(models.QuerySet["Unusual"]):
    """Unusual activity."""

    def log(
        self, kind: str, subject: str, *, environment: str = "", caller: str = "", detail: str = ""
    ) -> bool:
        """Log a cause, or count that it has happened again; whether it is new.

        A cause that repeats fast is written once in ten seconds."""
        cause = {
            "kind": kind,
            "environment": environment,
            "subject": subject[:255],
            "caller": caller,
        }
        known = self.filter(**cause)
        if not known.exists():
            self.bulk_create([self.model(**cause, detail=detail[:500])], ignore_conflicts=True)
            return True
        now = database_now()
        known.filter(last_seen__lt=now - timedelta(seconds=10)).update(
            times=models.F("times") + 1, last_seen=now, detail=detail[:500]
        )
        return False

    def trim(self, keep: int) -> None:
        _trim(self, keep)


class OriginQuerySet(models.QuerySet["Origin"]):
    """The networks that tokens have been used from."""

    def log(self, token_id: object, network: str, most: int) -> bool:
        """Log a network of a token; whether it is new and not the token's first one."""
        known = set(self.filter(token=token_id).values_list("network", flat=True))
        if network in known:
            return False
        if len(known) < most:
            self.bulk_create(
                [self.model(token_id=token_id, network=network)], ignore_conflicts=True
            )
        return bool(known)


def _trim(rows: models.QuerySet[Any], keep: int) -> None:
    """Delete all but the newest rows."""
    oldest_kept = rows.order_by("-pk").values_list("pk", flat=True)[keep - 1 : keep].first()
    if oldest_kept is not None:
        rows.filter(pk__lt=oldest_kept).delete()


class PortLockQuerySet(models.QuerySet["PortLock"]):
    """One row for each port and protocol: the holder of its lock alone decides which service gets
    the port, at any address."""

    def hold(self, protocol: str, port: int) -> None:
        """Lock the port until the transaction ends."""
        row = self.select_for_update().filter(protocol=protocol, port=port)
        if not row:
            self.add(protocol, [port])
            list(row.all())

    def add(self, protocol: str, ports: Iterable[int]) -> None:
        self.bulk_create(
            (self.model(protocol=protocol, port=port) for port in ports),
            ignore_conflicts=True,
            batch_size=1000,
        )

    def hold_free(
        self,
        protocol: str,
        ip: Address,
        span: tuple[int, int],
        excluded: Collection[int],
        *,
        shuffled: bool,
        wait: bool,
    ) -> int | None:
        """Lock and return a port of the span that is free at this address.

        Without `wait`, ports that another transaction has locked count as taken."""
        from registry.models import Service

        order = "?" if shuffled else "port"
        taken = Service.objects.conflicting(OuterRef("protocol"), ip, OuterRef("port"))
        rows = self.filter(~Exists(taken), protocol=protocol, port__range=span)
        rows = rows.exclude(port__in=excluded).order_by(order)
        rows = rows.select_for_update(skip_locked=not wait)
        return rows.values_list("port", flat=True).first()

    def are_complete(self, protocol: str, span: tuple[int, int]) -> bool:
        """Whether every port of the span has its row."""
        return self.filter(protocol=protocol, port__range=span).count() == span[1] - span[0] + 1

    def complete(self, protocol: str, span: tuple[int, int]) -> None:
        """Create the missing rows of the span."""
        self.add(protocol, range(span[0], span[1] + 1))
