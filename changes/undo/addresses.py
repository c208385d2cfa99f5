"""What people decide about addresses, as it was: reservations, quarantine, allocations.

Rows that a server holds are left to placing; only the note of a reservation that the server took,
and the VM of an allocation, are set back here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from changes.undo.items import Item
from changes.undo.kinds import AddressKind, among
from core.errors import Conflict, Reason
from ipam.models import IPAddress
from ipam.placement import address_rows, place
from ipam.querysets import keys_of
from ipam.signals import changed

_HELD = ["reservation", "vm_id"]


def sorted_out(items: Iterable[Item]) -> tuple[list[Item], list[Item]]:
    """The addresses that are taken away from somebody else than a server before anything else is
    done, and those that get a holder."""
    freed: list[Item] = []
    taken: list[Item] = []
    for item in items:
        if isinstance(item.kind, AddressKind):
            if _is_in_the_way(item):
                freed.append(item)
            if item.wanted.get("status") != "available":
                taken.append(item)
    return freed, taken


def _is_in_the_way(item: Item) -> bool:
    """Whether it is nobody's afterwards, or a server's that could not take it as it is."""
    present = item.present
    if present["server_id"] or present["status"] == "available":
        return False
    if item.wanted.get("server_id"):
        return present["status"] != "reserved"
    return item.wanted.get("status") == "available"


def free(items: Sequence[Item]) -> None:
    """Free them as `release` does, and let them be free since when they were."""
    former = {item.identity: item.former for item in items}
    rows = _locked(items)
    served = [row for row in rows if row.is_dhcp_allocation]
    if served:
        changed.send(IPAddress, instances=served)
    place.free(rows)
    left = list(among(IPAddress.objects.all(), "pk", keys_of(rows)))  # others are deleted
    for row in left:
        row.freed_at = getattr(former[row.vrf_id, row.ip_address], "freed_at", None)
    address_rows.update(left, ["freed_at"])


def _locked(items: Sequence[Item]) -> list[IPAddress]:
    """The rows as they are now, locked. Raises Conflict if somebody was quicker."""
    wanted = {item.identity: item for item in items}
    locked = IPAddress.objects.select_for_update(of=("self",)).order_by("ip_address")
    found = among(locked, "ip_address", (item.identity[1] for item in items))
    rows = [row for row in found if (row.vrf_id, row.ip_address) in wanted]
    for row in rows:
        item = wanted[row.vrf_id, row.ip_address]
        if item.kind.state(row) != item.present:
            raise Conflict(Reason(_("%s has changed this moment.") % item.name, row))
    return rows


def with_keys(items: Iterable[Item]) -> list[Item]:
    """The addresses that servers get back and whose rows are gone: they get their keys again."""
    return [item for item in items if item.wanted.get("server_id") and item.pk]


def restore_keys(items: Sequence[Item]) -> None:
    """Create free rows with the keys of before, which placing takes; where no other row has the
    key or the address."""
    rows_of_all = IPAddress.objects.values_list("vrf", "ip_address")
    taken = set(among(rows_of_all, "ip_address", (item.identity[1] for item in items)))
    keys_of_all = IPAddress.objects.values_list("pk", flat=True)
    keys = set(among(keys_of_all, "pk", (item.pk for item in items)))
    rows = [
        IPAddress(pk=item.pk, vrf_id=item.identity[0], ip_address=item.identity[1])
        for item in items
        if item.pk not in keys and item.identity not in taken
    ]
    IPAddress.objects.bulk_create(rows)


def put_back(items: Sequence[Item]) -> None:
    """Set what was decided, after everything else has been brought back."""
    rows = _present(items)
    held: list[IPAddress] = []
    for item in items:
        row = rows.get(item.identity)
        if row is not None and row.server_id:
            held += _held_by_server(item, row)
        elif item.is_decided or not item.wanted.get("server_id"):
            _decide(item, row)
    if held:
        address_rows.update(held, _HELD)


def _present(items: Sequence[Item]) -> dict[Any, Any]:
    if not items:
        return {}
    return items[0].kind.rows([item.identity for item in items])


def _held_by_server(item: Item, row: IPAddress) -> list[IPAddress]:
    """The row, if the server's placing could not know what it says."""
    wanted = {name: item.wanted[name] for name in _HELD if name in item.wanted}
    if row.server_id != item.wanted.get("server_id", row.server_id):
        return []
    differs = [name for name, value in wanted.items() if getattr(row, name) != value]
    for name in differs:
        setattr(row, name, wanted[name])
    return [row] if differs else []


def _decide(item: Item, row: IPAddress | None) -> None:
    """Reserve, quarantine or allocate it as it was."""
    if row is None:
        row = IPAddress(pk=item.pk, vrf_id=item.identity[0], ip_address=item.identity[1])
    state = item.kind.state(row)
    if any(state[name] != value for name, value in item.wanted.items()):
        _save(row, item.wanted)


def _save(row: IPAddress, wanted: dict[str, Any]) -> None:
    """An allocation gets its description at last: it may be edited only while reserved."""
    is_new = row._state.adding
    for name, value in wanted.items():
        setattr(row, name, value)
    row.freed_at = None
    note = row.description
    if row.status == "allocated":
        row.description = ""
    with transaction.atomic():
        row.save(force_insert=is_new)
        if note != row.description:
            row.description = note
            address_rows.update([row], ["description"])
