"""Note what dnsmasq has to hear of, in the same transaction; after the commit, tell it once.

A change row is written or rolled back with the change itself, so nothing is forgotten by a crash
and nothing is told that never happened."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import models, transaction
from simple_history.models import HistoricalRecords

from dhcp.files import sync
from dhcp.models import DhcpChange, DhcpOption, DhcpScope, DhcpServer
from ipam.models import Interface, Pool, Server, Subnet

# A bulk write of more rows is noted as one change of the ledger.
ONE_BY_ONE = 100

# What of a row can change a line for dnsmasq. Saving anything else notes nothing.
RELEVANT: dict[type[models.Model], tuple[str, ...]] = {
    Server: ("vrf_id", "hostname", "ip_address", "mac_address", "enabled"),
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
    ),
    DhcpOption: ("scope_id", "number", "type", "value"),
    DhcpServer: ("name", "site", "enabled", "run_by", "reload", "dns"),
}
Facts = dict[str, Any]
_BEFORE = "_dhcp_before"
_here = threading.local()


def remember(instance: models.Model) -> None:
    """Before a save: keep what the database says now."""
    model = type(instance)
    rows = model._base_manager.filter(pk=instance.pk) if instance.pk else model._base_manager.none()
    instance.__dict__[_BEFORE] = rows.values(*RELEVANT[model]).first()


def note_saved(instance: models.Model) -> None:
    """After a save: note it if a relevant column is another one now."""
    before: Facts | None = instance.__dict__.pop(_BEFORE, None)
    after = {name: getattr(instance, name) for name in RELEVANT[type(instance)]}
    if before is None:
        note(instance, DhcpChange.Action.ADD)
    elif before != after:
        note(instance, DhcpChange.Action.CHANGE, _difference(before, after), before)


def note(
    instance: models.Model, action: str, detail: str = "", before: Facts | None = None
) -> None:
    """Write the change row. Reads nothing but the instance: in a delete, its relations may be
    gone."""
    if not _is_static_pool(instance, before):
        _write([_change(instance, action, detail)])


def note_many(model: type[models.Model], instances: Sequence[models.Model] | None) -> None:
    """Note a bulk write, whose former values nobody knows; None means anything may have changed."""
    if instances is not None and len(instances) <= ONE_BY_ONE:
        _write([_change(instance, DhcpChange.Action.CHANGE, "") for instance in instances])
    else:
        number = "all" if instances is None else str(len(instances))
        label = f"{number} {model._meta.verbose_name_plural}"
        _write([DhcpChange(kind=DhcpChange.Kind.LEDGER, label=label, who=_who())])


def _change(instance: models.Model, action: str, detail: str) -> DhcpChange:
    return DhcpChange(
        kind=str(instance._meta.model_name),
        object_id=instance.pk,
        label=_label(instance)[:255],
        action=action,
        detail=detail[:500],
        who=_who(),
    )


def _is_static_pool(instance: models.Model, before: Facts | None) -> bool:
    """Those are handed out by us, and were before; dnsmasq never hears of them."""
    return isinstance(instance, Pool) and Pool.Kind.DHCP not in (
        instance.kind,
        (before or {}).get("kind"),
    )


def _write(changes: Sequence[DhcpChange]) -> None:
    if changes:
        DhcpChange.objects.bulk_create(changes)
        _tell_after_commit()


def _tell_after_commit() -> None:
    """Register every time, work once.

    A plain "already registered" flag would stay set when the transaction rolls back, and the next
    good commit would tell nobody; a set that stays dirty only costs a needless look."""
    _dirty().add(True)
    # robust: the row is committed, so whatever happens now must not become the caller's error.
    transaction.on_commit(_flush, robust=True)


def _flush() -> None:
    if not _dirty():
        return
    _dirty().clear()
    if settings.DHCP_SYNC == "inline":
        sync.inline()


def _dirty() -> set[bool]:
    if not hasattr(_here, "dirty"):
        _here.dirty = set()
    return _here.dirty


def _label(instance: models.Model) -> str:
    """A name without a query: the related server of an interface may be gone or not loaded."""
    if isinstance(instance, Server):
        return instance.hostname
    if isinstance(instance, Interface):
        server = instance._state.fields_cache.get("server")
        return f"{server.hostname if server else f'server {instance.server_id}'} {instance.name}"
    if isinstance(instance, DhcpScope):
        return str(instance._state.fields_cache.get("subnet") or f"subnet {instance.subnet_id}")
    return str(instance)


def _difference(before: Facts, after: Facts) -> str:
    """`ip_address: 10.0.0.1 -> 10.0.0.2, enabled: True -> False`."""
    differing = (name for name in before if before[name] != after[name])
    return ", ".join(
        f"{name}: {_shown(before[name])} -> {_shown(after[name])}" for name in differing
    )


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _who() -> str:
    """Who is asking, as the history middleware knows it."""
    user = getattr(getattr(HistoricalRecords.context, "request", None), "user", None)
    return user.get_username()[:150] if user is not None and user.is_authenticated else ""
