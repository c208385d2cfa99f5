"""The questions that the ledger answers, its locks, and its bulk writes."""

from __future__ import annotations

import functools
import operator
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db import IntegrityError, connection, connections, models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.expressions import OrderBy, RawSQL
from django.db.models.functions import Now
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.translation import gettext as _

from core.database import sql
from core.database.triggers import SAY_SITE
from core.errors import Unavailable
from core.history import origin
from ipam import addresses, search
from ipam.addresses import Address, Network
from ipam.fields import pack

if TYPE_CHECKING:
    from ipam.models import VRF, Interface, IPAddress, Pool, Stamp, Subnet  # noqa: F401

_SQL = Path(__file__).parent / "sql" / "postgresql"
_SQLITE = Path(__file__).parent / "sql" / "sqlite"
LIVE = ("allocated", "reserved", "quarantine")
_TABLE_OID = "'ledger_stamp'::regclass::oid::bigint"
_TIMELINE = "ledger_timeline()"
# Each commit waits until a standby has it.
_SYNCHRONOUS = (
    "current_setting('synchronous_standby_names') <> '' "
    "AND current_setting('synchronous_commit') NOT IN ('off', 'local')"
)
_MOST_KEYS = 900  # of one statement: SQLite takes no more than 999 values
_MANY = 8  # above this many addresses, reading all subnets beats probing for their supernets,
_SUBNETS_EACH = 20  # unless there are more than this many subnets for each of them


PATIENCE = 20  # seconds that a transaction waits for a lock
BUDGET = 15  # seconds that a request may hold the ledger's lock: less than others wait for it
_BE_PATIENT = (
    f"SELECT set_config('lock_timeout', '{PATIENCE}s', true) "
    "WHERE current_setting('lock_timeout') = '0'; "
    f"SET LOCAL idle_in_transaction_session_timeout = '{2 * BUDGET}s'"
)


_LOCK_MODES = {True: "ROW EXCLUSIVE", False: "SHARE ROW EXCLUSIVE"}
_is_tried: ContextVar[bool] = ContextVar("is_tried", default=False)


@contextmanager
def without_lock() -> Iterator[None]:
    """What is written within is taken back, and nobody waits for it."""
    token = _is_tried.set(True)
    try:
        yield
    finally:
        _is_tried.reset(token)


def lock_ledger(*, shared: bool = False) -> None:
    """Let one transaction at a time change subnets, pools and the rows in them, until it commits.

    `shared` waits for those transactions, but not for other shared ones. The claim of a free
    address needs neither: it locks its row. This is always the first lock of a transaction. SQLite
    needs none: its transactions begin IMMEDIATE. The same round trip tells the triggers for raw SQL
    that the site writes. A transaction that waits longer than PATIENCE for any lock, such as a row
    that an open psql has changed, fails, as on SQLite.

    Raises Unavailable when the request has held the lock for longer than BUDGET. PostgreSQL ends a
    transaction that does nothing for twice as long, as of a process that was stopped."""
    _check_budget()
    if _is_tried.get():
        say_site()
    elif connection.vendor == "postgresql":
        mode = _LOCK_MODES[shared]
        with connection.cursor() as cursor:
            cursor.execute(f"{_BE_PATIENT}; LOCK TABLE subnets IN {mode} MODE; {SAY_SITE}")


def _check_budget() -> None:
    """Raise Unavailable when the present request began to write too long ago."""
    request = origin.current_request()
    if request is None:
        return  # a command may take as long as it needs
    started = request.__dict__.setdefault("_writes_since", time.monotonic())
    if time.monotonic() > started + BUDGET:
        raise Unavailable(
            _("The request took more than %d s, and others wait for it. Nothing was changed.")
            % BUDGET,
            _("Send fewer rows in one request."),
        )


def hurry() -> None:
    """Let this transaction fail soon when somebody else holds a lock that it needs: for work that
    is tried again."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")


def say_site() -> None:
    """Tell the triggers for raw SQL that the site writes, until the transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(SAY_SITE)


class NotifyingQuerySet(models.QuerySet[Any]):
    """Bulk writes that keep the ledger in step, as single saves do, and leave history."""

    def bulk_create(
        self, objs: Iterable[Any], *args: Any, cleaned: bool = False, **kwargs: Any
    ) -> list[Any]:
        """`cleaned`: each has been through clean_fields already."""
        objs = list(objs)
        relations = {field.name for field in self.model._meta.fields if field.is_relation}
        if not cleaned:
            for obj in objs:  # what is not an address or a MAC address must not reach SQL
                obj.clean_fields(exclude=relations)
        with transaction.atomic():
            lock_ledger()
            with _name_the_holder(objs):
                made = super().bulk_create(objs, *args, **kwargs)
            note_history(made, "+")
            self._notify(made)
        return made

    def update(self, **kwargs: Any) -> int:
        with transaction.atomic():
            lock_ledger()
            ids = list(self.values_list("pk", flat=True))
            rows = self.model._base_manager.filter(pk__in=ids)
            count = rows.update(**kwargs)
            written = list(rows.all())
            note_history(written, "~")
            self._notify(written)
        return count

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        objs = list(objs)
        with transaction.atomic():
            lock_ledger()
            with _name_the_holder(objs):
                write(objs, fields)
            written = list(self.model._base_manager.filter(pk__in=keys_of(objs)))
            note_history(written, "~")
            self._notify(written)
        return len(written)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def _notify(self, written: Sequence[Any]) -> None:
        from ipam.signals import changed

        changed.send(self.model, instances=written)


@contextmanager
def _name_the_holder(objs: Iterable[Any]) -> Iterator[None]:
    """Let the rows' own validation name the holder when a unique key refuses a bulk write."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        for obj in objs:
            obj.full_clean()
        raise


class SubnetQuerySet(NotifyingQuerySet):
    """Subnets of every VRF, until `in_vrf` narrows them."""

    def confined(self, networks: Iterable[Network]) -> SubnetQuerySet:
        """Those of the global address space inside one of the networks."""
        return self.filter(either(map(network_inside, networks)), vrf=None)

    def in_vrf(self, vrf: VRF | int | None) -> SubnetQuerySet:
        return self.filter(vrf=vrf)

    def supernets_of(self, network: Network) -> SubnetQuerySet:
        """Those that contain the network, itself included, widest first: one equality probe for
        each length."""
        return self.filter(network__in=list(addresses.supernets(network))).order_by("network")

    def containing(self, address: Address, vrf: VRF | int | None = None) -> Subnet | None:
        """The most specific subnet of the address in one VRF."""
        return self.in_vrf(vrf).supernets_of(addresses.host_network(address)).last()

    def parent_of(self, network: Network, vrf: VRF | int | None = None) -> Subnet | None:
        """The most specific subnet that truly contains the network."""
        return self.in_vrf(vrf).supernets_of(network).exclude(network=network).last()

    def within(self, network: Network) -> SubnetQuerySet:
        """Those inside the network, itself included, in the order of the CIDR tree."""
        return self.filter(network_inside(network)).order_by("network")

    def matching(self, text: str) -> SubnetQuerySet:
        """A search box's text: an address finds the subnets around it, a network those inside it;
        else the start of a network, a VLAN, or a part of a name, site or description."""
        return self.filter(search.subnets(text))

    def children_of(self, subnet: Subnet) -> list[Subnet]:
        """Those directly below the subnet."""
        return addresses.outermost(
            self.in_vrf(subnet.vrf_id).within(subnet.network).exclude(network=subnet.network),
            key=lambda s: s.network,
        )

    def delete(self) -> tuple[int, dict[str, int]]:
        """All or none: Conflict while addresses are in use in one of them, and the transaction
        around stays whole."""
        with transaction.atomic():
            lock_ledger()
            return super().delete()


class SubnetIndex:
    """Where addresses belong, for many of them at once: one query, then arithmetic."""

    def __init__(self, subnets: Iterable[Subnet]) -> None:
        self._found: dict[tuple[int | None, int, int, int], Subnet] = {}
        lengths: dict[tuple[int | None, int], set[int]] = defaultdict(set)
        for subnet in subnets:
            network = subnet.network
            self._found[
                subnet.vrf_id, network.version, network.prefixlen, int(network.network_address)
            ] = subnet
            lengths[subnet.vrf_id, network.version].add(network.prefixlen)
        self._lengths = {key: sorted(found, reverse=True) for key, found in lengths.items()}

    @classmethod
    def of(cls, wanted: Sequence[Address], subnets: SubnetQuerySet) -> SubnetIndex:
        """The index that suffices for the wanted addresses; what it costs grows with them, not with
        the ledger."""
        if len(wanted) > _MANY:
            most = _SUBNETS_EACH * len(wanted)
            some = list(subnets[: most + 1])
            if len(some) <= most:
                return cls(some)
        around = list(addresses.supernets_of(wanted))
        found: list[Subnet] = []
        for start in range(0, len(around), _MOST_KEYS):
            found += subnets.filter(network__in=around[start : start + _MOST_KEYS])
        return cls(found)

    def exactly(self, vrf_id: int | None, network: Network) -> Subnet | None:
        """The subnet of just this network, or None."""
        return self._found.get(
            (vrf_id, network.version, network.prefixlen, int(network.network_address))
        )

    def containing(self, vrf_id: int | None, address: Address) -> Subnet | None:
        """The most specific subnet of the address, or None."""
        value = int(address)
        for length in self._lengths.get((vrf_id, address.version), ()):
            shift = address.max_prefixlen - length
            if found := self._found.get((vrf_id, address.version, length, value >> shift << shift)):
                return found
        return None


class PoolQuerySet(NotifyingQuerySet):
    """Pools; a range of addresses belongs to the subnet that the pool names."""

    def confined(self, networks: Iterable[Network]) -> PoolQuerySet:
        """Those of subnets of the global address space inside one of the networks."""
        here = (network_inside(network, "subnet__") for network in networks)
        return self.filter(either(here), subnet__vrf=None)

    def overlapping(self, first: Address, last: Address, vrf_id: int | None) -> PoolQuerySet:
        return self.filter(subnet__vrf_id=vrf_id, first__lte=last, last__gte=first)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Bring the address rows of each subnet in step once, not for each pool."""
        from ipam.placement.pool_rows import pools_changed

        with transaction.atomic():
            lock_ledger()
            subnets = {pool.subnet for pool in self.select_related("subnet")}
            deleted = super().delete()
            for subnet in sorted(subnets, key=lambda subnet: subnet.pk):
                pools_changed(subnet)
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def covering(self, address: Address, subnet: Subnet | None) -> Pool | None:
        """The pool of the subnet that holds the address."""
        if subnet is None:
            return None
        return self.filter(subnet=subnet, first__lte=address, last__gte=address).first()


class IPAddressQuerySet(models.QuerySet["IPAddress"]):
    """Address rows of every VRF."""

    def confined(self, networks: Iterable[Network]) -> IPAddressQuerySet:
        """Those of the global address space inside one of the networks, without those that a server
        with its own address elsewhere holds."""
        here = list(networks)
        holder = Q(server=None) | Q(inside("server__ip_address", here), server__vrf=None)
        return self.filter(holder, inside("ip_address", here), vrf=None)

    def between(self, first: Address, last: Address) -> IPAddressQuerySet:
        return self.filter(ip_address__range=(first, last))

    def within(self, network: Network) -> IPAddressQuerySet:
        return self.between(network.network_address, network.broadcast_address)

    def live(self) -> IPAddressQuerySet:
        """Rows that somebody counts on: allocated, reserved or in quarantine."""
        return self.filter(status__in=LIVE)

    def allocations(self) -> IPAddressQuerySet:
        """Allocations with a MAC address that no server holds: DHCP serves them as they stand."""
        return self.filter(status="allocated", server=None, mac_address__isnull=False)

    def unplaced(self) -> IPAddressQuerySet:
        """Rows whose address lies in no subnet."""
        return self.filter(subnet=None)

    def matching(self, text: str, networks: Sequence[Network] = ()) -> IPAddressQuerySet:
        """A search box's text: an address, a network, the start of an address, a MAC or part of
        one, or a part of a host name, a description, or of what its server's row says. Addresses
        become ranges, so that an index answers. Of servers, only those inside the networks, if
        there are any."""
        from ipam.models import Server

        found = search.condition(text)
        term = search.meaning(text.strip())
        if term and term.name:
            # `gt` names the rows of the index, which leaves out those without a description.
            found |= Q(description__gt="", description__icontains=term.name)
            servers = Server.objects.filter(search.by_part(term.name, search.SERVER_TEXTS))
            if networks:
                servers = servers.confined(networks)
            keys = list(servers.values_list("pk", flat=True)[: _MOST_KEYS + 1])
            # PostgreSQL uses an index for keys that it knows, and for a subquery reads every row.
            found |= Q(server__in=keys if len(keys) <= _MOST_KEYS else servers.values("pk"))
        return self.filter(found)

    def took_reservations(self, server_ids: Iterable[int]) -> IPAddressQuerySet:
        """The rows that these servers have taken from reservations."""
        held = self.filter(server__in=list(server_ids)).exclude(reservation=None)
        return held.order_by("ip_address")

    def probed(self) -> IPAddressQuerySet:
        """With `probed`: whether it has ever answered, so that `active` says more than its
        default."""
        return self.annotate(probed=was_answered())

    def with_last_answer(self) -> IPAddressQuerySet:
        """`probed`, and when it has answered last (`answered_at`), by which source."""
        latest = _answers().order_by("-seen_at")
        return self.probed().annotate(
            answered_at=Subquery(latest.values("seen_at")[:1]),
            answered_by=Subquery(latest.values("source")[:1]),
        )

    def tally(self) -> dict[str, int]:
        """How many rows there are of each status, in one query."""
        return dict(self.order_by().values_list("status").annotate(number=Count("*")))

    def page(
        self, order: Sequence[OrderBy | str], first: int, size: int, total: int
    ) -> IPAddressQuerySet:
        """Some of `total` rows, with everything that a list shows of them. Only their keys are
        fetched in order, so that the rows before them cost no join; those behind the middle are
        fetched from the end."""
        rows, last = self.order_by(*order), min(first + size, total)
        keys = rows[first:last]
        if first > total - last:
            keys = rows.reverse()[total - last : total - first]
        whole = self.model._default_manager.filter(pk__in=keys.values("pk"))
        return whole.with_last_answer().select_related("vrf", "subnet", "server").order_by(*order)

    def insert_free(self, subnet: Subnet, free: Sequence[Address]) -> None:
        """Insert free rows for these addresses; those that have a row are passed over."""
        values = {"vrf": subnet.vrf_id, "subnet": subnet.pk, "count": len(free)}
        folder, addresses = _SQLITE, cast(Any, b"".join(map(pack, free)))
        if connection.vendor == "postgresql":
            folder, addresses = _SQL, list(map(str, free))
        with connection.cursor() as cursor:
            statement = sql.statement(folder / "insert_free.sql")
            cursor.execute(statement, values | {"addresses": addresses})

    def claimable(
        self,
        subnet: Subnet,
        first: Address | None = None,
        last: Address | None = None,
        mac: str | None = None,
    ) -> IPAddressQuerySet:
        """Free rows of the subnet's static pools in the order of their use: those that were never
        used, then those that have been free for longest. An address that another machine uses is
        not free."""
        free: IPAddressQuerySet = self.filter(allocatable(subnet.vrf_id, mac), subnet=subnet)
        if first is not None and last is not None:
            free = free.between(first, last)
        return free.order_by(F("freed_at").asc(nulls_first=True), "ip_address")

    def claim(
        self,
        subnet: Subnet,
        holder: dict[str, Any],
        first: Address | None,
        last: Address | None,
        *,
        wait: bool,
    ) -> IPAddress | None:
        """PostgreSQL, in one statement: the row that the VM has already (its `known` is true), or
        the first claimable row, given to the holder, with its line of history."""
        given = {
            **holder,
            "subnet": subnet.pk,
            "first": first and str(first),
            "last": last and str(last),
            "answered": settings.SKIP_ANSWERED,
            "user": origin.user_id(),
            **origin_values(),
        }
        claim = sql.statement(_SQL / "claim.sql")
        if wait:
            claim = claim.replace(" SKIP LOCKED", "")
        return next(iter(self.raw(claim, given)), None)


def was_answered() -> Exists:
    """Whether the address has ever answered, in its own VRF."""
    return Exists(_answers())


def _answers() -> models.QuerySet[Any]:
    """The answers at the address of the outer row, in its own VRF."""
    from ipam.models import Sighting

    # NULL equals nothing in SQL.
    here = Q(vrf=OuterRef("vrf")) | Q(IsNull(OuterRef("vrf"), True), vrf=None)
    answers = Sighting.objects.filter(here, source__in=Sighting.ANSWERS)
    return answers.filter(ip_address=OuterRef("ip_address"))


@functools.cache
def claim_for_caller(answer: str, subnet: str = "%(subnet)s") -> str:
    """The claim for a route of the fast path, which says whose `subnet` it is (a key, or an
    expression in parentheses) and what to `answer` (a SELECT from caller and claimed)."""
    statement, _, _last_select = sql.statement(_SQL / "claim_for_caller.sql").rpartition("SELECT ")
    return statement.replace("%(subnet)s", subnet) + answer


@functools.cache
def claim_on_sqlite(answer: str, subnet: str = "%(subnet)s") -> tuple[str, ...]:
    """The same for SQLite, which takes several statements in one transaction: choose a row, take
    it, write its history, and the `answer`, a SELECT with the parameter `chosen`."""
    choose = sql.statement(_SQLITE / "choose_free.sql").replace("%(subnet)s", subnet)
    writes = (sql.statement(_SQLITE / name) for name in ("take.sql", "take_history.sql"))
    return (choose, *writes, answer)


def origin_values() -> dict[str, str]:
    """The origin of a change as parameters of a statement that writes history itself."""
    now = origin.current()
    return {"source": now.source, "actor": now.actor, "change": now.change}


def keys_of(rows: Iterable[models.Model]) -> list[int]:
    """The primary keys of the rows."""
    return [row.pk for row in rows]


_HISTORY = (
    "history_date, history_type, history_change_reason, history_user_id, "
    "history_source, history_actor, history_change"
)


def note_history(rows: Sequence[Any], kind: str) -> None:
    """A line of history for each of the rows, copied from what the database says of them now."""
    if not rows:
        return
    model, quote = type(rows[0]), connection.ops.quote_name
    kept = ", ".join(quote(field.column) for field in model.history.model.tracked_fields)
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _MOST_KEYS):
            keys = keys_of(rows[start : start + _MOST_KEYS])
            cursor.execute(
                f"INSERT INTO {quote(model.history.model._meta.db_table)} "
                f"({kept}, {_HISTORY}) "
                f"SELECT {kept}, %s, %s, %s, %s, %s, %s, %s FROM {quote(model._meta.db_table)} "
                f"WHERE id IN ({', '.join(['%s'] * len(keys))}) ORDER BY id",
                [now, kind, origin.reason(), origin.user_id(), *origin_values().values(), *keys],
            )


def allocatable(vrf_id: int | None, mac: str | None = None) -> Q:
    """Rows that may be allocated: free, in a static pool, and no other machine uses the address.
    There are none while the ledger is frozen."""
    from ipam.models import Sighting, Stamp

    in_use = Sighting.objects.filter(used_by_others(mac), vrf=vrf_id)
    here = in_use.filter(ip_address=OuterRef("ip_address"))
    return Q(~Exists(here), ~Exists(Stamp.objects.frozen()), status="available", ip_type="static")


def used_by_others(mac: str | None = None) -> Q:
    """Sightings of an address that another machine than the one with this MAC address uses now: it
    has leased it, or has answered within the last IPMANAGER_SKIP_ANSWERED seconds. An answer
    without a MAC address may be anybody's."""
    from ipam.models import Sighting

    since = Now() - timedelta(seconds=settings.SKIP_ANSWERED)
    used = Q(source=Sighting.Source.LEASE, leased_until__gt=Now())
    if settings.SKIP_ANSWERED:
        used |= Q(source__in=Sighting.ANSWERS, seen_at__gt=since)
    if mac:
        used &= ~Q(mac_address=mac)
    return used


def write(rows: Sequence[models.Model], names: Iterable[str]) -> None:
    """Write these fields of many rows, each by its key: one statement, run again and again.

    The CASE WHEN that Django's bulk_update builds takes twenty times as long, on both databases.
    Rows are locked in the order of their keys: two that write the same rows wait, and end.
    """
    if not rows:
        return
    meta, quote = rows[0]._meta, connection.ops.quote_name
    fields: list[Any] = list(map(meta.get_field, names))
    columns = ", ".join(f"{quote(field.column or '')} = %s" for field in fields)
    update = f"UPDATE {quote(meta.db_table)} SET {columns} WHERE id = %s"
    with connection.cursor() as cursor:
        in_order = sorted(rows, key=operator.attrgetter("pk"))
        cursor.executemany(update, [[*_values(row, fields), row.pk] for row in in_order])


def _values(row: models.Model, fields: Sequence[models.Field]) -> Iterator[Any]:
    return (field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields)


class ServerQuerySet(NotifyingQuerySet):
    """Servers of every VRF."""

    def confined(self, networks: Iterable[Network]) -> ServerQuerySet:
        """Those of the global address space whose own address is inside one of the networks."""
        return self.filter(inside("ip_address", networks), vrf=None)

    def with_keys(self, *keys: int) -> ServerQuerySet:
        """The servers with these keys that still exist."""
        return self.filter(pk__in=keys)

    def with_interfaces(self, interfaces: Iterable[Interface]) -> ServerQuerySet:
        """The servers of these interfaces."""
        return self.filter(pk__in={interface.server_id for interface in interfaces})

    def matching(self, text: str, networks: Sequence[Network] = ()) -> ServerQuerySet:
        """A search box's text: an address, a network, a MAC, or a part of a text column. The
        interfaces' addresses and MACs find their server, too; of interfaces, only those inside the
        networks, if there are any."""
        from ipam.models import Interface

        if not text.strip():
            return self
        interfaces = Interface.objects.filter(search.condition(text, names=()))
        if networks:
            interfaces = interfaces.confined(networks)
        own = search.condition(text, names=search.SERVER_TEXTS)
        return self.filter(own | Q(pk__in=interfaces.values("server")))

    def holding(self) -> ServerQuerySet:
        """Those that have an address row; a server that is being deleted has given its rows back
        already."""
        from ipam.models import IPAddress

        return self.filter(Exists(IPAddress.objects.filter(server=OuterRef("pk"))))


class InterfaceQuerySet(NotifyingQuerySet):
    """Interfaces of every server."""

    def confined(self, networks: Sequence[Network]) -> InterfaceQuerySet:
        """Those of servers inside one of the networks, which have no address elsewhere."""
        here = Q(ip_address=None) | inside("ip_address", networks)
        return self.filter(here, inside("server__ip_address", networks), server__vrf=None)


class StampQuerySet(models.QuerySet["Stamp"]):
    """The ledger's one stamp."""

    def frozen(self) -> StampQuerySet:
        """It, if the ledger is frozen; or has just come out of a dump, or is on another timeline,
        and nobody has judged that yet."""
        if not self._is_postgresql:
            return self.filter(frozen_at__isnull=False)
        moved = Q(home__isnull=False) & ~Q(home=RawSQL(_TABLE_OID, []))
        failed_over = Q(timeline__isnull=False) & ~Q(timeline=RawSQL(_TIMELINE, []))
        return self.filter(Q(frozen_at__isnull=False) | moved | failed_over)

    def with_server(self) -> StampQuerySet:
        """Annotate what the database server says: the `table` of the stamp, its `server_timeline`,
        whether it `is_synchronous`, and `now`. NULL on SQLite."""
        sources = {"table": "NULL", "server_timeline": "NULL", "is_synchronous": "NULL"}
        if self._is_postgresql:
            sources = {
                "table": _TABLE_OID,
                "server_timeline": _TIMELINE,
                "is_synchronous": _SYNCHRONOUS,
            }
        return self.annotate(
            now=Now(), **{name: RawSQL(source, []) for name, source in sources.items()}
        )

    @property
    def _is_postgresql(self) -> bool:
        return connections[self.db].vendor == "postgresql"

    def install(self) -> None:
        """Make it where it is missing."""
        if not self.exists():
            self.bulk_create([self.model(ledger=uuid.uuid4().hex)], ignore_conflicts=True)
            self.write_home()

    def write_home(self, **changes: Any) -> None:
        """Store that the stamp belongs to this table and to this timeline, and other changes."""
        changes["home"] = changes["timeline"] = None
        if self._is_postgresql:
            changes["home"] = RawSQL(_TABLE_OID, [])
            changes["timeline"] = RawSQL(_TIMELINE, [])
        self.update(**changes)


def inside(field: str, networks: Iterable[Network]) -> Q:
    """Rows whose address lies in one of the networks, of which there must be one."""
    return either(Q(**{f"{field}__range": (net[0], net[-1])}) for net in networks)


def network_inside(network: Network, path: str = "") -> Q:
    """Subnets inside the network, itself included; `path` leads to the subnet."""
    last = addresses.last_inside(network)
    return Q(**{f"{path}network__gte": network, f"{path}network__lte": last})


def either(conditions: Iterable[Q]) -> Q:
    """Rows that meet one of the conditions, of which there must be one."""
    return functools.reduce(operator.or_, conditions)
