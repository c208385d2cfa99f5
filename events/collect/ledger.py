"""Events of lines of the log: of addresses, servers, interfaces, subnets, pools, and of the rows of
all other tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from typing import Any

from django.db import models

from changes.lines import OWNER_COLUMNS, Line, tracked_models, with_before
from events.collect import places
from events.collect.follow import Source
from events.kinds import KINDS
from events.models import Event
from ipam.models import Server

VERBS = {"+": "created", "~": "changed", "-": "deleted"}
STATUSES = {
    "available": "released",
    "allocated": "allocated",
    "reserved": "reserved",
    "quarantine": "quarantined",
}
FREE = "available"
# New rows of these have an event of their own kind.
TOLD_OTHERWISE = {"discovery.unknowndevice", "discovery.conflict", "registry.service"}


def sources() -> list[Source]:
    """The history tables of all models: a subnet is told before what is in it."""
    models = {model._meta.label_lower: model for model in tracked_models()}
    names = dict.fromkeys([*_DESCRIBED, *models])
    return [_source(models[name]) for name in names]


def _source(model: Any) -> Source:
    return Source.of_history(model, _describer(model))


def _describer(model: type[models.Model]) -> Callable[[list[Any]], list[Event]]:
    describe = _DESCRIBED.get(model._meta.label_lower, _records)

    def events_of(rows: list[Any]) -> list[Event]:
        lines = with_before(Line(model, row) for row in rows)
        found = describe(lines)
        places.place_in_subnets(found)
        return found

    return events_of


def _event(line: Line, kind: str, subject: str, **facts: Any) -> Event:
    table = line.record._meta.db_table
    # The key of a token is a digest of its secret.
    key = getattr(line.record, "token_key", None) or line.object_id
    return Event(
        at=line.at,
        kind=kind,
        subject_model=line.table,
        subject_id=str(key)[:120],
        subject=subject[:255],
        change=line.change,
        actor=line.who,
        origin=f"{table}:{line.record.history_id}",
        **facts,
    )


def _data(line: Line, kind: str) -> dict[str, Any]:
    """The documented columns of the row, and what has changed."""
    fields = KINDS[kind].fields
    columns = filter(partial(hasattr, line.record), fields)
    data = {name: _plain(getattr(line.record, name)) for name in columns}
    if "changed" in fields:
        data["changed"] = dict(_changes(line))
    return data


def _changes(line: Line) -> Iterable[tuple[str, list[Any]]]:
    """The columns that differ; none where the line before is not known."""
    if line.before:
        for name, pair in line.difference().items():
            yield name, list(map(_plain, pair))


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return list(map(str, value))
    return str(value)


# --- addresses ------------------------------------------------------------------------------------


def _addresses(lines: list[Line]) -> list[Event]:
    told = list(filter(_address_kind, lines))
    holders = places.servers(map(attrgetter("record.server_id"), told))
    found = []
    for line in told:
        row, kind = line.record, _address_kind(line)
        data = _data(line, kind) | {"was": _former_status(line)}
        event = _event(line, kind, subject=str(row.ip_address), data=data)
        event.vrf_id, event.subnet_id, event.ip_address = row.vrf_id, row.subnet_id, row.ip_address
        places.name_holder(event, holders.get(row.server_id), row.server_id is not None)
        found.append(event)
    return found


def _address_kind(line: Line) -> str:
    """Empty: free rows that come, go or move with their pool are no event."""
    status, was = line.record.status, _former_status(line)
    if status == FREE and (was == FREE or line.kind == "-"):
        return ""
    if line.kind == "-":
        return "address.released"
    if status != was:
        return f"address.{STATUSES[status]}"
    return "address.changed" * _differs(line)


def _former_status(line: Line) -> str:
    """Rows that are made free have no line."""
    return line.before.status if line.before else FREE


# --- servers and interfaces -----------------------------------------------------------------------


def _servers(lines: list[Line]) -> list[Event]:
    return list(map(_server, filter(_differs, lines)))


def _server(line: Line) -> Event:
    row, kind = line.record, f"server.{VERBS[line.kind]}"
    event = _event(line, kind, subject=row.hostname, data=_data(line, kind))
    event.vrf_id, event.ip_address = row.vrf_id, row.ip_address
    _hide_move(event, line)
    return event


def _hide_move(event: Event, line: Line) -> None:
    """A change names the address before it, too."""
    if line.before is None or line.before.ip_address == event.ip_address:
        return
    event.other_address = line.before.ip_address
    if line.before.vrf_id is not None:
        event.vrf_id = line.before.vrf_id


def _interfaces(lines: list[Line]) -> list[Event]:
    told = list(filter(_differs, lines))
    holders = places.servers(map(attrgetter("record.server_id"), told))
    return [_interface(line, holders.get(line.record.server_id)) for line in told]


def _interface(line: Line, server: Server | None) -> Event:
    row, kind = line.record, f"interface.{VERBS[line.kind]}"
    event = _event(line, kind, subject=row.name, data=_data(line, kind))
    event.ip_address = row.ip_address
    if server is not None:
        event.subject = f"{server.hostname} {row.name}"[:255]
        event.vrf_id, event.ip_address = server.vrf_id, row.ip_address or server.ip_address
    places.name_holder(event, server, True)
    if line.before is not None and line.before.ip_address not in (None, row.ip_address):
        event.ip_address = None  # it names a third address
    return event


def _differs(line: Line) -> bool:
    """Whether a line changes more than the clocks of its row."""
    return line.kind != "~" or line.before is None or bool(line.difference())


# --- subnets and pools ----------------------------------------------------------------------------


def _subnets(lines: list[Line]) -> list[Event]:
    found = []
    for line in filter(_differs, lines):
        row, kind = line.record, f"subnet.{VERBS[line.kind]}"
        name = f"{row.network} {row.name}".strip()
        event = _event(line, kind, subject=name, data=_data(line, kind), site=row.site)
        event.vrf_id, event.subnet_id, event.network = row.vrf_id, row.id, row.network
        if line.before is not None:
            event.network = places.around(row.network, line.before.network)
            event.vrf_id = row.vrf_id or line.before.vrf_id
        found.append(event)
    return found


def _pools(lines: list[Line]) -> list[Event]:
    told = list(filter(_differs, lines))
    holders = places.subnets(map(attrgetter("record.subnet_id"), told))
    found = []
    for line in told:
        row, kind = line.record, f"pool.{VERBS[line.kind]}"
        event = _event(line, kind, subject=f"{row.first}-{row.last}", data=_data(line, kind))
        event.subnet_id = row.subnet_id
        if subnet := holders.get(row.subnet_id):
            event.vrf_id, event.network = subnet.vrf_id, subnet.network
        found.append(event)
    return found


# --- everything else ------------------------------------------------------------------------------


def _records(lines: list[Line]) -> list[Event]:
    """The values are left to the log: some columns are secret."""
    found = []
    for line in filter(_differs, lines):
        if line.kind == "+" and line.table in TOLD_OTHERWISE:
            continue
        data: dict[str, Any] = {"table": line.model._meta.db_table}
        if line.before is not None and line.kind == "~":
            data["changed"] = sorted(line.difference())
        kind = f"record.{VERBS[line.kind]}"
        owner = getattr(line.record, OWNER_COLUMNS.get(line.table, ""), None)
        found.append(_event(line, kind, subject=_name(line), data=data, owner_id=owner))
    return found


def _name(line: Line) -> str:
    """A row in words, without a query: its own name, or its table and key."""
    for column in ("name", "hostname", "title", "environment", "key", "subject", "mac_address"):
        if value := getattr(line.record, column, None):
            return str(value)[:255]
    return f"{line.model._meta.verbose_name} {line.object_id}"


_Describe = Callable[[list[Line]], list[Event]]
_DESCRIBED: dict[str, _Describe] = {
    "ipam.subnet": _subnets,
    "ipam.pool": _pools,
    "ipam.server": _servers,
    "ipam.interface": _interfaces,
    "ipam.ipaddress": _addresses,
}


def touched_subnets(events: Iterable[Event]) -> set[int]:
    """The subnets whose usage these events may have changed."""
    about = {"ipam.ipaddress", "ipam.subnet", "ipam.pool"}
    found = {event.subnet_id for event in events if event.subject_model in about}
    return set(filter(None, found))
