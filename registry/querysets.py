"""The questions that the porter asks of his book, and every line of SQL."""

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
    from registry.models import (  # noqa: F401  (in the base classes' parameters)
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
    """The database's clock: the only one that heartbeats and their end are measured by."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp()" if connection.vendor == "postgresql" else _SQLITE_NOW
        )
        (value,) = cursor.fetchone()
    return datetime.fromisoformat(value) if isinstance(value, str) else value


_SQLITE_NOW = "SELECT strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"


def wait_for_turn(environment: str, service_id: str) -> None:
    """Until the transaction ends, nobody else registers this service. Without it whoever always
    comes second may do so for ever, while the service comes and goes elsewhere. SQLite has one
    writer at a time anyway."""
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

    def named(self, config: RegistryConfig, service_id: str) -> Service | None:
        if "\0" in service_id:
            return None  # no text in PostgreSQL holds one, and asking is an error
        return self.filter(environment=config.environment, service_id=service_id).first()

    def whole(self) -> ServiceQuerySet:
        """With all that is told of them."""
        return self.select_related("environment").prefetch_related("dependency_rows")

    def matching(self, *, service_type: str = "", status: str = "") -> ServiceQuerySet:
        """Whole rows of this type and status; empty means any."""
        wanted = {"type": service_type, "status": status}
        return (
            self.filter(**{name: value for name, value in wanted.items() if value})
            .whole()
            .order_by("service_id")
        )

    def placed(self) -> ServiceQuerySet:
        """Those that have a port: not the ones that were silent for so long that they lost it."""
        return self.filter(port__isnull=False)

    def records(self, environment: str) -> list[ServiceRecord]:
        """Everything that has a port there, ordered by service id; two queries, however many they
        are."""
        rows = self.of(environment).placed().whole().order_by("service_id")
        return [row.record() for row in rows]

    def in_the_way(self, protocol: Any, ip: Address, port: Any) -> ServiceQuerySet:
        """Whoever has this port at this address, or at all addresses; for a wildcard, whoever has
        it anywhere."""
        rows = self.filter(protocol=protocol, port=port)
        return rows if ip in WILDCARDS else rows.filter(ip_address__in=(ip, *WILDCARDS))

    def beat(self, environment: str, service_ids: Collection[str], caller: Address | None) -> int:
        """Note a sign of life, by the database's clock, of those that have a port and called from
        where they should.

        One statement; how many rows it met.
        """
        rows = self.of(environment).placed().filter(service_id__in=service_ids)
        if caller is not None:
            rows = rows.filter(
                Q(registered_from=caller) | Q(ip_address=caller) | Q(registered_from=None)
            )
        return rows.update(last_heartbeat=Now(), status="active", inactive_since=None)

    def restartable(self, ids: Collection[int]) -> ServiceQuerySet:
        """Those of these that an agent may start again unasked."""
        rows = self.filter(pk__in=list(ids)[:_AT_ONCE], restart_script__enabled=True)
        return rows.filter(environment__mode="development").select_related(
            "restart_script", "environment"
        )

    def living(self) -> ServiceQuerySet:
        return self.exclude(status="inactive").placed()

    def by_environment(self) -> Counter[str]:
        """How many there are in each."""
        counts = self.order_by().values_list("environment").annotate(number=models.Count("pk"))
        return Counter(dict(counts))

    def unplace(self, ids: Collection[int]) -> None:
        """Take their ports and addresses."""
        for some in batched(ids):
            self.filter(pk__in=some).update(ip_address=None, port=None)

    def discard(self, ids: Collection[int]) -> None:
        """Delete these."""
        for some in batched(ids):
            self.filter(pk__in=some).delete()

    def forget(self, before: datetime) -> None:
        """Delete those that have been without a port and silent since then."""
        self.filter(port=None, pinned=False, inactive_since__lt=before).delete()

    def silent(self, cutoffs: Cutoffs) -> ServiceQuerySet:
        """Those that were last heard of before their environment's moment, and are not inactive
        yet."""
        return self.living().filter(_before("last_heartbeat", cutoffs))

    def lapsed(self, cutoffs: Cutoffs) -> ServiceQuerySet:
        """Those that are inactive since before their environment's moment; a pinned one keeps its
        port for ever."""
        return (
            self.filter(status="inactive", pinned=False)
            .placed()
            .filter(_before("inactive_since", cutoffs))
        )

    def expire(self, ids: Collection[int], cutoffs: Cutoffs, now: datetime) -> set[int]:
        """Those of these that are silent still are inactive from now on. Who is being heard at this
        moment is not."""
        gone: set[int] = set()
        with transaction.atomic():
            for some in batched(ids):
                rows = self.model.objects.silent(cutoffs).filter(pk__in=some)
                rows = rows.select_for_update(of=("self",), skip_locked=True)
                still = {row.pk for row in rows}
                self.model.objects.filter(pk__in=still).update(
                    status="inactive", inactive_since=now
                )
                gone |= still
        return gone


def _before(column: str, cutoffs: Cutoffs) -> Q:
    """Environments with the same moment share a condition: few moments, however many
    environments."""
    names: dict[datetime, list[str]] = defaultdict(list)
    for name, moment in cutoffs.items():
        names[moment].append(name)
    found = Q(pk__in=[])
    for moment, those in names.items():
        found |= Q(**{"environment__in": those, f"{column}__lt": moment})
    return found


def batched(ids: Collection[int], size: int = _AT_ONCE) -> Iterator[list[int]]:
    """In parts that fit into one statement."""
    listed = list(ids)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


class RestartRequestQuerySet(models.QuerySet["RestartRequest"]):
    """Who wants what restarted."""

    def open(self) -> RestartRequestQuerySet:
        """Those of which nothing has come yet."""
        return self.filter(status__in=self.model.OPEN)

    def of_services(self, environment: str, service_ids: Collection[str]) -> RestartRequestQuerySet:
        rows = self.filter(service__environment=environment)
        return rows.filter(service__service_id__in=service_ids) if service_ids else rows

    def counted(self, service: Service, since: datetime) -> int:
        """How many restarts of it were asked for since then and not held back."""
        return (
            self.filter(service=service, requested_at__gte=since)
            .exclude(status__in=["refused", "expired"])
            .count()
        )

    def take(self, agent: str) -> list[RestartRequest]:
        """The wanted ones of these, each for one agent only."""
        with transaction.atomic():
            wanted = self.filter(status="wanted", expires_at__gt=Now()).order_by("pk")
            rows: list[RestartRequest] = list(
                wanted.select_for_update(of=("self",), skip_locked=True).select_related(
                    "service", "action"
                )
            )
            self.model.objects.filter(pk__in=[row.pk for row in rows]).update(
                status="taken", agent=agent, taken_at=Now()
            )
        return rows

    def end(self, now: datetime) -> None:
        """Those whose time is over have expired, and nobody has to wait for them any more."""
        self.open().filter(expires_at__lt=now).update(status="expired", finished_at=now)


class CallQuerySet(models.QuerySet["Call"]):
    """What was said in test environments."""

    def trim(self, keep: int) -> None:
        _trim(self, keep)


class UnusualQuerySet(models.QuerySet["Unusual"]):
    """What should be looked at."""

    def note(
        self, kind: str, subject: str, *, environment: str = "", caller: str = "", detail: str = ""
    ) -> bool:
        """Remember it, or that it happened again; whether it is new. One that repeats fast is
        written once in ten seconds."""
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
    """Where tokens have been used."""

    def note(self, token_id: object, network: str, most: int) -> bool:
        """Remember it; whether the token has been used elsewhere and never here."""
        known = set(self.filter(token=token_id).values_list("network", flat=True))
        if network in known:
            return False
        if len(known) < most:
            self.bulk_create(
                [self.model(token_id=token_id, network=network)], ignore_conflicts=True
            )
        return bool(known)


def _trim(rows: models.QuerySet[Any], keep: int) -> None:
    """Leave the newest ones."""
    oldest_kept = rows.order_by("-pk").values_list("pk", flat=True)[keep - 1 : keep].first()
    if oldest_kept is not None:
        rows.filter(pk__lt=oldest_kept).delete()


class PortLockQuerySet(models.QuerySet["PortLock"]):
    """One row for a port and protocol: who holds its lock decides alone who has the port, on
    whatever address."""

    def hold(self, protocol: str, port: int) -> None:
        """Lock it until the transaction ends."""
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
        barred: Collection[int],
        *,
        shuffled: bool,
        wait: bool,
    ) -> int | None:
        """Lock and tell a port of the span that nobody has at this address. Without `wait`, ports
        that somebody else holds right now count as taken."""
        from registry.models import Service

        taken = Service.objects.in_the_way(OuterRef("protocol"), ip, OuterRef("port"))
        rows = self.filter(~Exists(taken), protocol=protocol, port__range=span).exclude(
            port__in=barred
        )
        rows = rows.order_by("?" if shuffled else "port").select_for_update(skip_locked=not wait)
        return rows.values_list("port", flat=True).first()

    def are_complete(self, protocol: str, span: tuple[int, int]) -> bool:
        """Whether every port of the span has its row."""
        return self.filter(protocol=protocol, port__range=span).count() == span[1] - span[0] + 1

    def complete(self, protocol: str, span: tuple[int, int]) -> None:
        """See that every port of the span has its row."""
        self.add(protocol, range(span[0], span[1] + 1))
