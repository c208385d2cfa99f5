"""Import servers: judge every row against the ledger as it will be, then write all of them in one
transaction.

A row speaks of the server that has its MAC address; without one, of the server with its host name.
Rows are read once and kept small. Everything that is asked of the database is asked for a chunk of
rows at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat, Lower
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import Conflict
from ipam import rules
from ipam.addresses import Address
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.querysets import SubnetIndex
from ipam.transfer.sheet import Sheet
from ipam.transfer.singly import Progress
from ipam.transfer.verdicts import (
    Entry,
    Mode,
    Outcome,
    Remark,
    State,
    bad_entries,
    blame_twins,
    changed_values,
    read,
)

CHUNK = 500
T = TypeVar("T")

_KEYS = ("hostname", "ip_address", "mac_address")
# Faults of the row as a whole, and of what the ledger is asked by.
_UNREADABLE = ("", "ip_address", "mac_address")
_FIELDS = {field.name for field in Server._meta.fields}
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_TWINS = {
    "mac_address": gettext_lazy("%(value)s stands in line %(line)d already."),
    "ip_address": gettext_lazy("%(value)s stands in line %(line)d already."),
    "hostname": gettext_lazy("“%(value)s” stands in line %(line)d already."),
}
_TWIN_ROWS = dict.fromkeys(_TWINS, gettext_lazy("%(value)s stands in row %(line)d already."))


@dataclass(slots=True)
class Plan(Entry):
    """A row and the server that it speaks of."""

    server_id: int | None = None  # None: a new one
    # Its present name, address and MAC.
    before: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    changes: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    rivals: Sequence[int] = ()  # servers that have one of its values now

    @property
    def good(self) -> bool:
        return not self.faults

    @property
    def readable(self) -> bool:
        """Whether it can be held against the ledger: a row that is bad by itself is told all that
        is wrong with it."""
        return not self.blames(*_UNREADABLE)

    @property
    def state(self) -> State:
        if self.server_id is None:
            return "new"
        if self.changes:
            return "changed"
        return "unchanged"

    def after(self, name: str) -> Any:
        """A key value after the import."""
        if name in self.changes:
            return self.changes[name]
        return self.before.get(name)


def import_servers(
    sheet: Sheet,
    mode: Mode,
    vrf_id: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Outcome:
    """Judge every row, and write the good ones if the mode allows it.

    Raises Conflict when somebody else changed the ledger between the two; nothing is written then.
    """
    entries = read(sheet.rows, sheet.columns, key=("hostname", "mac_address"))
    plans = [Plan(entry.line, entry.key, entry.values, entry.faults) for entry in entries]
    blame_twins(plans, _TWINS)
    job = _Job(plans, vrf_id, progress)
    if mode == "dry-run":
        job.judge()
        return job.outcome(written=False)
    try:
        # One transaction around both: on SQLite no other writer can come between.
        with transaction.atomic():
            job.judge()
            write = mode == "skip-bad" or not bad_entries(plans)
            if write:
                job.write()
            outcome = job.outcome(written=write)
            job.forget()
    except (IntegrityError, ValidationError) as error:
        raise _changed_meanwhile(error) from error
    return outcome


def _changed_meanwhile(error: IntegrityError | ValidationError) -> Conflict:
    reason = str(error)
    if isinstance(error, ValidationError):
        reason = " ".join(error.messages)
    return Conflict(
        _("The ledger changed during the import; nothing was written: %s") % reason,
        _("Import it again."),
    )


def make_servers(
    rows: Sequence[dict[str, Any]], vrf_id: int | None = None
) -> tuple[list[Server], list[Plan]]:
    """New servers of one address space from their fields: all of them, or none and the rows with
    their faults.

    Rows are called by `line`, counted from 0. Call it in a transaction that holds the ledger's
    lock."""
    job = _all_new_job(rows, vrf_id)
    made: list[Server] = []
    bad = bad_entries(job.plans)
    if not bad:
        job.write(made.extend)
    return made, bad


def make_good_servers(
    rows: Sequence[dict[str, Any]], vrf_id: int | None = None
) -> tuple[dict[int, Server], list[Plan]]:
    """New servers of one address space from the good rows, by the numbers of these; and the bad
    rows with their faults. Call it like `make_servers`."""
    job = _all_new_job(rows, vrf_id)
    good = [plan.line for plan in job.plans if plan.good]
    made: list[Server] = []
    job.write(made.extend)
    return dict(zip(good, made, strict=True)), bad_entries(job.plans)


def _all_new_job(rows: Sequence[dict[str, Any]], vrf_id: int | None) -> _Job:
    """The rows as new servers, judged."""
    plans = [Plan(number, str(row.get("hostname", "")), row) for number, row in enumerate(rows)]
    blame_twins(plans, _TWIN_ROWS)
    job = _Job(plans, vrf_id, lambda what, done, total: None)
    job.judge(match=_all_new)
    return job


class _Job:
    """One import on its way."""

    def __init__(self, plans: list[Plan], vrf_id: int | None, progress: Progress) -> None:
        self.plans = plans
        self.vrf_id = vrf_id
        self.progress = progress
        self.contested: list[Plan] = []
        self.rivals: dict[int, Server] = {}
        self.movers: dict[int, Plan] = {}

    def outcome(self, *, written: bool) -> Outcome:
        return Outcome.of(self.plans, written=written)

    def forget(self) -> None:
        """Keep no row: what follows the commit, as telling dnsmasq, needs memory of its own."""
        for kept in (self.plans, self.contested, self.rivals, self.movers):
            kept.clear()

    # --- judging ---

    def judge(self, match: Callable[[Sequence[Plan], int | None], None] | None = None) -> None:
        self._match_servers(match or _match)
        self._refuse_second_rows()
        for plan in self.plans:
            if plan.server_id and plan.changes and plan.good:
                self.movers[plan.server_id] = plan
        self._check_readable()
        self._resolve_contests()

    def _match_servers(self, match: Callable[[Sequence[Plan], int | None], None]) -> None:
        """Find the server of every row that can be matched; of the others, judge the fields."""
        matchable = []
        for plan in self.plans:
            if plan.blames("", "mac_address"):
                _blame_fields(plan, Server(hostname="any"), plan.values)
            else:
                matchable.append(plan)
        for chunk in self._chunks("matched", matchable):
            match(chunk, self.vrf_id)

    def _check_readable(self) -> None:
        readable = list(filter(attrgetter("readable"), self.plans))
        ground = _Ground(self.vrf_id, _after(readable, "ip_address"))
        changed = list(filter(attrgetter("changes"), readable))
        for chunk in self._chunks("checked", changed):
            self._check(chunk, _Surroundings(chunk, self.vrf_id), ground)

    def _refuse_second_rows(self) -> None:
        """A server may be named by its MAC in one row and by its host name in another."""
        first: dict[int, int] = {}
        for plan in self.plans:
            if plan.server_id and first.setdefault(plan.server_id, plan.line) != plan.line:
                plan.blame("", _("Line %d speaks of this server already.") % first[plan.server_id])

    def _check(self, chunk: Sequence[Plan], around: _Surroundings, ground: _Ground) -> None:
        servers = [_server(plan, self.vrf_id) for plan in chunk]
        wanted = [(server.hostname, server.ip_address) for server in servers]
        held = rules.name_holders(self.vrf_id, wanted)
        for plan, server, holder in zip(chunk, servers, held, strict=True):
            errors: rules.Errors = defaultdict(list)
            if holder:
                errors["hostname"].append(rules.name_taken(holder))
            rules.check_rivals(server, (), around.interfaces(server), errors)
            row = around.rows.get(server.ip_address)
            moved = "ip_address" in plan.changes
            plan.warnings = tuple(ground.check(server, row, errors, moved=moved))
            plan.blame_all(errors)
            rivals = _by(around.servers(server), attrgetter("pk"))
            self.rivals.update(rivals)
            plan.rivals = list(rivals)
            if rivals:
                self.contested.append(plan)

    def _resolve_contests(self) -> None:
        """The holder of a value that a row wants may be leaving it in this very file, unless its
        own row is bad: a row that turns bad makes the rows that wait for its server judged again.
        """
        waiting: dict[int | None, list[Plan]] = defaultdict(list)
        for plan in self.contested:
            for pk in plan.rivals:
                waiting[pk].append(plan)
        again = list(self.contested)
        while again:
            plan = again.pop()
            was_good = plan.good
            if self._is_refused(plan) and was_good and plan.server_id:
                again += waiting[plan.server_id]

    def _is_refused(self, plan: Plan) -> bool:
        errors: rules.Errors = defaultdict(list)
        rules.check_rivals(
            _server(plan, self.vrf_id), map(self._as_it_will_be, plan.rivals), (), errors
        )
        plan.blame_all(errors)
        return bool(errors)

    def _as_it_will_be(self, server_id: int) -> Server:
        mover = self.movers.get(server_id)
        if mover and mover.good:
            return _server(mover, self.vrf_id)
        return self.rivals[server_id]

    # --- writing ---

    def write(self, tell: Callable[[list[Server]], None] = lambda made: None) -> None:
        """Write the good rows, and pass on the new servers in the rows' order. None of them is
        kept: they would take more memory than all the rest."""
        self._park()
        known: list[Plan] = []
        new: list[Plan] = []
        for plan in self.plans:
            if plan.good and plan.changes:
                (known if plan.server_id else new).append(plan)
        for chunk in self._chunks("changed", known):
            _update(chunk)
        for chunk in self._chunks("created", new):
            made = (Server(vrf_id=self.vrf_id, **plan.changes) for plan in chunk)
            tell(Server.objects.bulk_create(made, cleaned=True))

    def _park(self) -> None:
        """Take away first what servers leave to others: no unique key may be broken in between, not
        even in a swap."""
        for chunk in _chunks(self._leaving("ip_address")):
            Server.objects.filter(pk__in=chunk).update(ip_address=None)
        # No notice and no history: these names never leave this transaction.
        passing = Concat(Value(f"moving-{get_random_string(8)}-"), Cast("pk", CharField()))
        for chunk in _chunks(self._leaving("hostname")):
            Server._base_manager.filter(pk__in=chunk).update(hostname=passing)

    def _leaving(self, name: str) -> list[int]:
        """The servers that leave a value of this column to another row."""
        leaving: dict[int, None] = {}
        for plan in filter(attrgetter("good"), self.contested):
            for pk in plan.rivals:
                mover = self.movers.get(pk)
                if mover and name in mover.changes:
                    leaving[pk] = None
        return list(leaving)

    def _chunks(self, what: str, items: Sequence[T]) -> Iterator[Sequence[T]]:
        for number, chunk in enumerate(_chunks(items)):
            self.progress(what, number * CHUNK, len(items))
            yield chunk


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def _match(chunk: Sequence[Plan], vrf_id: int | None) -> None:
    """Find the servers that the rows speak of, and what the rows would change about them."""
    servers = Server.objects.filter(vrf=vrf_id)
    with_macs = servers.filter(mac_address__in=_values(chunk, "mac_address"))
    by_mac = _by(with_macs, attrgetter("mac_address"))
    unknown = [plan for plan in chunk if plan.values.get("mac_address") not in by_mac]
    by_name = _by(_named(servers, _values(unknown, "hostname")), attrgetter("lower"))
    for plan in chunk:
        mac = plan.values.get("mac_address")
        server = by_mac.get(mac) or by_name.get(plan.values.get("hostname", "").lower())
        if server and mac and server.mac_address not in (mac, None):
            server = None  # the name's holder is another machine; the check says so
        _compare(plan, server)


def _all_new(chunk: Sequence[Plan], vrf_id: int | None) -> None:
    for plan in chunk:
        _compare(plan, None)


def _compare(plan: Plan, server: Server | None) -> None:
    """Note what changes, and whether the fields are right by themselves."""
    if server:
        plan.server_id = server.pk
        plan.before = {name: getattr(server, name) for name in _KEYS}
        plan.changes = changed_values(server, plan.values)
    else:
        plan.changes = plan.values
        if "hostname" not in plan.values and not plan.blames("hostname"):
            plan.blame("hostname", _("A new server needs a host name."))
    if plan.changes:
        _blame_fields(plan, server or Server(hostname="any"), plan.changes)


def _blame_fields(plan: Plan, planned: Server, facts: Mapping[str, Any]) -> None:
    """Note what is wrong with the fields by themselves."""
    for name, value in facts.items():
        setattr(planned, name, value)
    try:
        planned.clean_fields(exclude=_FIELDS - facts.keys())
    except ValidationError as error:
        plan.blame_all(error.message_dict)


def _server(plan: Plan, vrf_id: int | None) -> Server:
    """The server as the row would have it, as far as others are concerned."""
    hostname, ip_address, mac_address = map(plan.after, _KEYS)
    return Server(
        pk=plan.server_id,
        vrf_id=vrf_id,
        hostname=hostname or "",
        ip_address=ip_address,
        mac_address=mac_address,
    )


def _update(chunk: Sequence[Plan]) -> None:
    found = Server.objects.in_bulk(list(map(attrgetter("server_id"), chunk)))
    now = timezone.now()
    for plan in chunk:
        server = found[plan.server_id]
        server.updated_at = now
        for name, value in plan.changes.items():
            setattr(server, name, value)
    fields: set[str] = set()
    for plan in chunk:
        fields.update(plan.changes)
    Server.objects.bulk_update(found.values(), [*sorted(fields), "updated_at"])


class _Surroundings:
    """Who else has the names, addresses and MACs of some rows, and what the ledger says about the
    addresses."""

    def __init__(self, chunk: Sequence[Plan], vrf_id: int | None) -> None:
        ips, macs = _after(chunk, "ip_address"), _after(chunk, "mac_address")
        servers = Server.objects.filter(vrf=vrf_id).only(
            "hostname", "ip_address", "mac_address", "vrf"
        )
        self._servers = _lists(
            _each_once(
                servers.filter(ip_address__in=ips),
                servers.filter(mac_address__in=macs),
                _named(servers, _after(chunk, "hostname")),
            ),
            lambda server: (server.ip_address, server.mac_address, server.hostname.lower()),
        )
        nics = Interface.objects.filter(server__vrf=vrf_id).select_related("server")
        self._interfaces = _lists(
            _each_once(nics.filter(ip_address__in=ips), nics.filter(mac_address__in=macs)),
            lambda nic: (nic.ip_address, nic.mac_address),
        )
        # Rows that servers hold are left out: their servers and interfaces are asked above.
        rows = IPAddress.objects.filter(vrf=vrf_id, ip_address__in=ips, server=None)
        self.rows = _by(rows, attrgetter("ip_address"))

    def servers(self, server: Server) -> list[Server]:
        """Other servers with its address, MAC or name."""
        wanted = (server.ip_address, server.mac_address, server.hostname.lower())
        found = _sharing(self._servers, wanted)
        return [other for other in found if other.pk != server.pk]

    def interfaces(self, server: Server) -> list[Interface]:
        """Other servers' interfaces with its address or MAC."""
        found = _sharing(self._interfaces, (server.ip_address, server.mac_address))
        return [nic for nic in found if nic.server_id != server.pk]


class _Ground:
    """The subnets and DHCP pools around the rows' addresses, read once."""

    def __init__(self, vrf_id: int | None, ips: Sequence[Address]) -> None:
        self._vrf_id = vrf_id
        self._index = SubnetIndex.of(ips, Subnet.objects.in_vrf(vrf_id))
        self._pools: dict[int, list[Pool]] = defaultdict(list)
        if ips:
            ordered = sorted(ips, key=lambda ip: (ip.version, int(ip)))
            low, high = ordered[0], ordered[-1]
            for pool in Pool.objects.overlapping(low, high, vrf_id).filter(kind="dhcp"):
                self._pools[pool.subnet_id].append(pool)

    def check(
        self, server: Server, row: IPAddress | None, errors: rules.Errors, *, moved: bool
    ) -> list[Remark]:
        """Whether the server may have its address; warnings about one that is new to it."""
        address = server.ip_address
        if not address:
            return []
        if row and not rules.claimable_by(row, server.pk, server.mac_address, server.hostname):
            errors["ip_address"].append(rules.taken(row))
        subnet = self._index.containing(self._vrf_id, address)
        pool = None
        if subnet and not server.mac_address:
            pool = self._dhcp_pool(subnet, address)
        rules.check_location(address, subnet, pool, errors)
        if not moved or errors:
            return []
        return list(_warnings(server, row, subnet))

    def _dhcp_pool(self, subnet: Subnet, address: Address) -> Pool | None:
        for pool in self._pools[subnet.pk]:
            if pool.first <= address <= pool.last:
                return pool
        return None


def _warnings(server: Server, row: IPAddress | None, subnet: Subnet | None) -> Iterator[Remark]:
    if not subnet:
        unplaced = _("%s lies in no subnet; it stays unplaced until a subnet for it appears.")
        yield Remark("ip_address", unplaced % server.ip_address)
    if row and row.status == "reserved":
        taken = _("%(address)s was taken by %(holder)s; the server takes it over.")
        yield Remark("ip_address", taken % {"address": row.ip_address, "holder": row.holder})


def _named(servers: Any, names: Iterable[str]) -> Any:
    """The servers with these names, case-insensitive."""
    lowered = list(map(str.lower, names))
    return servers.annotate(lower=Lower("hostname")).filter(lower__in=lowered)


def _values(plans: Iterable[Plan], name: str) -> list[Any]:
    """What the rows say of this column."""
    return list(filter(None, (plan.values.get(name) for plan in plans)))


def _after(plans: Iterable[Plan], name: str) -> list[Any]:
    """What this column holds after the import."""
    return list(filter(None, (plan.after(name) for plan in plans)))


def _each_once(*querysets: Iterable[T]) -> Iterable[T]:
    """The rows of several queries, without those that come again."""
    return _by(chain(*querysets), attrgetter("pk")).values()


def _by(items: Iterable[T], key: Callable[[T], Any]) -> dict[Any, T]:
    return {key(item): item for item in items}


def _lists(items: Iterable[T], keys: Callable[[T], tuple[Any, ...]]) -> dict[Any, list[T]]:
    """The items by each of their keys that is set."""
    found: dict[Any, list[T]] = defaultdict(list)
    for item in items:
        for position, key in enumerate(keys(item)):
            if key:
                found[position, key].append(item)
    return found


def _sharing(found: dict[Any, list[T]], wanted: tuple[Any, ...]) -> list[T]:
    """The items that share one of the wanted keys, each once."""
    hits: dict[T, None] = {}
    for place in enumerate(wanted):
        hits.update(dict.fromkeys(found.get(place, ())))
    return list(hits)
