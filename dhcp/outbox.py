"""Record each change that concerns dnsmasq in the same transaction; after the commit, sync once.

A change row is written or rolled back with the change itself, so a crash loses none, and none
states what never happened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.db import models, transaction

from core.history import origin
from dhcp.files import sync
from dhcp.models import DhcpChange, DhcpOption, DhcpScope, DhcpServer
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from names.models import NamesOff, Record, Zone

# A bulk write of more rows is recorded as one change of the ledger.
ONE_BY_ONE = 100

# The columns that can change a line for dnsmasq. Saving anything else records nothing.
RELEVANT: dict[type[models.Model], tuple[str, ...]] = {
    Server: ("vrf_id", "hostname", "ip_address", "mac_address", "enabled", "when_disabled"),
    Interface: ("server_id", "name", "mac_address", "duid", "ip_address"),
    Subnet: ("vrf_id", "network", "gateway", "dns_servers", "domain", "site"),
    Pool: ("subnet_id", "first", "last", "kind"),
    DhcpScope: (
        "subnet_id",
        "server_id",
        "enabled",
        "lease_time",
        "known_only",
        "router",
        "dns_servers",
        "ntp_servers",
        "domain",
        "boot_server",
        "boot_file",
        "advertises",
        "by_end",
        "wire_id",
        "wire_address",
        "interface",
    ),
    DhcpOption: ("scope_id", "number", "type", "value"),
    DhcpServer: ("name", "site", "enabled", "run_by", "reload", "dns"),
    Zone: (
        "name",
        "enabled",
        "ttl",
        "primary_server",
        "contact",
        "refresh",
        "retry",
        "expire",
        "negative_ttl",
    ),
    Record: ("zone_id", "name", "type", "value", "ttl"),
    NamesOff: ("subnet_id",),
}
# Of an allocation that no server holds. Its raw SQL has triggers of its own (allocations.sql).
RELEVANT_OF_ADDRESSES = (
    "vrf_id",
    "ip_address",
    "status",
    "server_id",
    "hostname",
    "mac_address",
)
_COLUMNS: dict[type[models.Model], tuple[str, ...]] = {**RELEVANT, IPAddress: RELEVANT_OF_ADDRESSES}
Facts = dict[str, Any]
LEDGER, NAMES = "ledger", "names"  # what a commit has touched
_BEFORE = "_dhcp_before"
_thread = threading.local()


def remember_values(instance: models.Model) -> None:
    """Before a save: remember what the database says now."""
    model = type(instance)
    before = None
    if instance.pk:
        before = model._base_manager.filter(pk=instance.pk).values(*_COLUMNS[model]).first()
    instance.__dict__[_BEFORE] = before


def record_save(instance: models.Model) -> None:
    """After a save: record a change if a relevant column is another one now."""
    before: Facts | None = instance.__dict__.pop(_BEFORE, None)
    after = {name: getattr(instance, name) for name in _COLUMNS[type(instance)]}
    if before is None:
        record_change(instance, DhcpChange.Action.ADD)
    elif before != after:
        record_change(instance, DhcpChange.Action.CHANGE, _difference(before, after), before)


def record_allocation(row: IPAddress) -> None:
    """After an address row was saved: record a change if DHCP serves it, or did."""
    former = IPAddress(**(row.__dict__.get(_BEFORE) or {}))
    if former.is_dhcp_allocation or row.is_dhcp_allocation:
        record_save(row)
    elif former.hostname or row.hostname:
        record_name()


def record_name() -> None:
    """A name may have changed; a trigger has written the change row, if a zone is ours."""
    _sync_after_commit(NAMES)


def record_deletion(instance: models.Model) -> None:
    """After a deletion: record it, and why, if it was planned."""
    reason = getattr(instance, "retired", "")
    action = DhcpChange.Action.RETIRE if reason else DhcpChange.Action.DELETE
    record_change(instance, action, reason)


def record_change(
    instance: models.Model, action: str, detail: str = "", before: Facts | None = None
) -> None:
    """Write the change row. Reads nothing but the instance: in a delete, its relations may be
    gone."""
    if not _is_static_pool(instance, before):
        _write([_change(instance, action, detail)])


def record_bulk(model: type[models.Model], instances: Sequence[models.Model] | None) -> None:
    """Record a bulk write, whose former values nobody knows; None means that anything may have
    changed."""
    if instances is None:
        _write([_ledger_change(model, "all")])
    elif len(instances) > ONE_BY_ONE:
        _write([_ledger_change(model, str(len(instances)))])
    else:
        _write([_change(instance, DhcpChange.Action.CHANGE, "") for instance in instances])


def record_pools(new: Sequence[Pool], gone: Sequence[Pool]) -> None:
    """Record the DHCP pools that a subnet has got and lost."""
    changes = [
        _change(pool, action, "")
        for action, pools in ((DhcpChange.Action.DELETE, gone), (DhcpChange.Action.ADD, new))
        for pool in pools
        if pool.kind == Pool.Kind.DHCP
    ]
    if len(changes) > ONE_BY_ONE:
        changes = [_ledger_change(Pool, str(len(changes)))]
    _write(changes)


def _ledger_change(model: type[models.Model], number: str) -> DhcpChange:
    label = f"{number} {model._meta.verbose_name_plural}"
    return DhcpChange(kind=DhcpChange.Kind.LEDGER, label=label, who=origin.name())


def _change(instance: models.Model, action: str, detail: str) -> DhcpChange:
    return DhcpChange(
        kind=str(instance._meta.model_name),
        object_id=instance.pk,
        label=_label(instance)[:255],
        action=action,
        detail=detail[:500],
        who=origin.name(),
    )


def _is_static_pool(instance: models.Model, before: Facts | None) -> bool:
    """dnsmasq does not serve those: their addresses are allocated by the ledger, and were before
    the save, too."""
    if not isinstance(instance, Pool):
        return False
    kinds = {instance.kind, before["kind"] if before else instance.kind}
    return Pool.Kind.DHCP not in kinds


def _write(changes: Sequence[DhcpChange]) -> None:
    if changes:
        DhcpChange.objects.bulk_create(changes)
        _sync_after_commit()


def _sync_after_commit(what: str = LEDGER) -> None:
    """Register every time, work once.

    A plain "already registered" flag would stay set when the transaction rolls back, and the next
    good commit would sync nothing; a set that stays dirty only costs a needless comparison."""
    _dirty().add(what)
    # robust: the row is committed, so whatever happens now must not become the caller's error.
    transaction.on_commit(_flush, robust=True)


def _flush() -> None:
    what = frozenset(_dirty())
    _dirty().clear()
    if what and settings.DHCP_SYNC == "inline" and _is_worth_it(what):
        sync.inline()


def _is_worth_it(what: frozenset[str]) -> bool:
    """Names of addresses that DHCP does not serve concern dnsmasq only in a zone."""
    return LEDGER in what or Zone.objects.filter(enabled=True).exists()


def _dirty() -> set[str]:
    return _thread.__dict__.setdefault("dirty", set())


def _label(instance: models.Model) -> str:
    """A name without a query: the related server of an interface may be gone or not loaded."""
    return _LABELS.get(type(instance), str)(instance)


def _label_of_address(row: IPAddress) -> str:
    return f"{row} {row.hostname}".strip()


def _label_of_interface(interface: Interface) -> str:
    server = interface._state.fields_cache.get("server")
    hostname = server.hostname if server else f"server {interface.server_id}"
    return f"{hostname} {interface.name}"


def _label_of_scope(scope: DhcpScope | NamesOff) -> str:
    return str(scope._state.fields_cache.get("subnet") or f"subnet {scope.subnet_id}")


_LABELS: dict[type[models.Model], Callable[[Any], str]] = {
    Server: attrgetter("hostname"),
    IPAddress: _label_of_address,
    Interface: _label_of_interface,
    DhcpScope: _label_of_scope,
    NamesOff: _label_of_scope,
    Record: lambda row: f"{row.name} {row.type} {row.value}",
}


def _difference(before: Facts, after: Facts) -> str:
    """`ip_address: 10.0.0.1 -> 10.0.0.2, enabled: True -> False`."""
    parts = []
    for name, value in before.items():
        if value != after[name]:
            parts.append(f"{name}: {_text(value)} -> {_text(after[name])}")
    return ", ".join(parts)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
