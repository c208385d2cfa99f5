"""What people decide about addresses, as it was: reservations, quarantine, allocations.

Rows that a server holds are left to placing; only the note of a reservation that the server took,
and the VM of an allocation, are set back here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from changes.undo.items import Item
from changes.undo.kinds import Identity, Kind, among, differing, kinds, set_on
from core.errors import Conflict, Reason
from ipam.models import IPAddress
from ipam.placement import address_rows, place
from ipam.querysets import keys_of
from ipam.signals import changed

_IDENTITY = attrgetter("identity")
_HELD = ["reservation", "description", "vm_id"]


def is_taken(item: Item) -> bool:
    """Whether the address gets a holder."""
    return item.wanted.get("status") != "available"


def is_in_the_way(item: Item) -> bool:
    """Whether it is taken away from somebody else than a server before anything else is done: it
    is nobody's afterwards, or a server's that could not take it as it is."""
    present = item.present
    if present["server_id"] or present["status"] == "available":
        return False
    if item.wanted.get("server_id"):
        return present["status"] != "reserved"
    return not is_taken(item)


def free(items: Sequence[Item]) -> None:
    """Free them as `release` does, and let them be free since when they were."""
    wanted = dict(zip(map(_IDENTITY, items), items, strict=True))
    rows = _locked(wanted)
    served = list(filter(attrgetter("is_dhcp_allocation"), rows))
    if served:
        changed.send(IPAddress, instances=served)
    place.free(rows)
    left = list(among(IPAddress.objects.all(), "pk", keys_of(rows)))  # others are deleted
    for row in left:
        row.freed_at = getattr(wanted[row.vrf_id, row.ip_address].former, "freed_at", None)
    address_rows.update(left, ["freed_at"])


def free_behind(items: Iterable[Item]) -> None:
    """Free what servers have left as reserved, although it was free before they took it: a change
    that has moved a server with the reservation that it had taken."""
    left = {}
    for item in items:
        if not is_taken(item) and item.present["reservation"] is not None:
            left[item.identity] = item
    rows = _kind().among(IPAddress.objects.select_for_update(of=("self",)), left)
    place.free([row for row in rows if row.status == "reserved"])


def _locked(wanted: dict[Identity, Item]) -> list[IPAddress]:
    """The rows as they are now, locked. Raises Conflict if somebody was quicker."""
    locked = IPAddress.objects.select_for_update(of=("self",)).order_by("ip_address")
    rows = list(_kind().among(locked, wanted))
    for row in rows:
        item = wanted[row.vrf_id, row.ip_address]
        if item.kind.state(row) != item.present:
            raise Conflict(Reason(_("%s has changed this moment.") % item.name, row))
    return rows


def _kind() -> Kind:
    return kinds()["ipam.ipaddress"]


def with_keys(items: Iterable[Item]) -> list[Item]:
    """The addresses that servers get back and whose rows are gone: they get their keys again."""
    return [item for item in items if item.wanted.get("server_id") and item.pk]


def restore_keys(items: Sequence[Item]) -> None:
    """Create free rows with the keys of before, which placing takes; where no other row has the
    key or the address."""
    taken = _kind().rows(map(_IDENTITY, items))
    every = IPAddress.objects.values_list("pk", flat=True)
    keys = set(among(every, "pk", map(attrgetter("pk"), items)))
    rows = []
    for item in items:
        if item.pk not in keys and item.identity not in taken:
            rows.append(_free_row(item))
    IPAddress.objects.bulk_create(rows)


def _free_row(item: Item) -> IPAddress:
    vrf, address = item.identity
    return IPAddress(pk=item.pk, vrf_id=vrf, ip_address=address)


def put_back(items: Sequence[Item]) -> None:
    """Set what was decided, after everything else has been brought back."""
    rows = _kind().rows(map(_IDENTITY, items))
    held: list[IPAddress] = []
    for item in items:
        row = rows.get(item.identity) or _free_row(item)
        if row.server_id:
            if _says_more(item, row):
                held.append(row)
        elif not item.wanted.get("server_id"):
            _decide(item, row)
    if held:
        address_rows.update(held, _HELD)


def _says_more(item: Item, row: IPAddress) -> bool:
    """Set what the placing of its server could not know; whether there was anything."""
    if row.server_id != item.wanted.get("server_id", row.server_id):
        return False
    placed = row.reservation, row.vm_id
    row.reservation = item.wanted.get("reservation", row.reservation)
    row.vm_id = item.wanted.get("vm_id", row.vm_id)
    if row.reservation != placed[0]:  # a reservation gives its note to the row of its holder
        row.description = getattr(item.former, "description", row.description)
    return placed != (row.reservation, row.vm_id)


def _decide(item: Item, row: IPAddress) -> None:
    """Reserve, quarantine or allocate it as it was."""
    if differing(item.wanted, item.kind.state(row)):
        _save(row, item.wanted)


def _save(row: IPAddress, wanted: dict[str, Any]) -> None:
    """An allocation gets its description at last: it may be edited only while reserved."""
    is_new = row._state.adding
    set_on(row, wanted)
    row.freed_at = None
    note = row.description
    if row.status == "allocated":
        row.description = ""
    with transaction.atomic():
        row.save(force_insert=is_new)
        if note != row.description:
            row.description = note
            address_rows.update([row], ["description"])
