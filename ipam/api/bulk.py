"""Servers and addresses of one request, checked together and written together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from api.bulk import RowData, RowRefusal, RowsRefused
from api.problems import WHOLE
from core.errors import Clash
from ipam import rules
from ipam.models import VRF, IPAddress
from ipam.placement import address_rows
from ipam.placement.index import PlacementIndex
from ipam.querysets import keys_of
from ipam.transfer import servers

AT_ONCE = 500  # addresses of one query
AddressKey = tuple[int | None, Any]  # VRF id and address


# --- servers --------------------------------------------------------------------------------------


def make_servers(rows: Sequence[RowData]) -> list[int]:
    """Make servers and return their keys in the rows' order. Call it under the ledger's lock.
    Raises RowsRefused."""
    ids: dict[int, int] = {}
    refusals: dict[int, RowRefusal] = {}
    for vrf_id, numbers in _numbers_by_vrf(rows).items():
        fields = [_without_vrf(rows[number]) for number in numbers]
        made, bad = servers.make_servers(fields, vrf_id)
        ids.update(zip(numbers, keys_of(made), strict=False))  # none is made if one is bad
        for plan in bad:
            refusals[numbers[plan.line]] = _refusal(plan)
    if refusals:
        raise RowsRefused(refusals, len(rows))
    return [pk for _number, pk in sorted(ids.items())]


def _numbers_by_vrf(rows: Sequence[RowData]) -> dict[int | None, list[int]]:
    found: dict[int | None, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        found[_vrf_id(row)].append(number)
    return found


def _vrf_id(row: RowData) -> int | None:
    vrf: VRF | None = row.get("vrf")
    return vrf.pk if vrf else None


def _without_vrf(row: RowData) -> RowData:
    fields = dict(row)
    fields.pop("vrf", None)
    return fields


def _refusal(plan: servers.Plan) -> RowRefusal:
    """409 when only something that exists already is in the way."""
    errors: dict[str, list[str]] = defaultdict(list)
    status = 409
    for fault in plan.faults:
        errors[fault.field or WHOLE].append(fault.reason)
        if not isinstance(fault.reason, Clash):
            status = 400
    return RowRefusal(status, dict(errors))


# --- addresses ------------------------------------------------------------------------------------


def make_addresses(rows: Sequence[RowData]) -> list[int] | None:
    """Make address rows, or take the free ones, and return their keys in the order of the request.
    None when one of them is wrong: checked one by one, each names its errors. Call it under the
    ledger's lock."""
    keys = list(map(_key, rows))
    if len(set(keys)) < len(keys) or not _are_new_vms(rows):
        return None
    existing = _existing(keys)
    index = PlacementIndex.of(keys)
    made: list[IPAddress] = []
    for key, row in zip(keys, rows, strict=True):
        address = _checked(existing.get(key), row, index)
        if address is None:
            return None
        made.append(address)
    address_rows.create([address for address in made if not address.pk])
    address_rows.update(list(existing.values()), [*address_rows.WRITTEN, "active"])
    return [address.pk for address in made]


def _are_new_vms(rows: Sequence[RowData]) -> bool:
    """Whether no VM is named twice or has an address already."""
    vms = list(filter(None, (row.get("vm_id") for row in rows)))
    if len(set(vms)) < len(vms):
        return False
    return not IPAddress.objects.filter(vm_id__in=vms).exists()


def _existing(keys: Iterable[AddressKey]) -> dict[AddressKey, IPAddress]:
    """The rows that the addresses have already, locked: a claim does not take the ledger's lock."""
    wanted = set(keys)
    ips = [ip for _vrf, ip in wanted]
    locked = IPAddress.objects.select_for_update(of=("self",)).select_related("vrf")
    found: dict[AddressKey, IPAddress] = {}
    for start in range(0, len(ips), AT_ONCE):
        for address in locked.filter(ip_address__in=ips[start : start + AT_ONCE]):
            key = (address.vrf_id, address.ip_address)
            if key in wanted:
                found[key] = address
    return found


def _key(row: RowData) -> AddressKey:
    return _vrf_id(row), row["ip_address"]


def _checked(address: IPAddress | None, row: RowData, index: PlacementIndex) -> IPAddress | None:
    """The address with the row's values, or None when a rule forbids them or has to be asked."""
    before = rules.NEW
    if address is None:
        address = IPAddress()
    elif address.status != "available" or row.get("status", "available") == "available":
        return None
    else:
        before = (address.description, address.status)
    for name, value in row.items():
        setattr(address, name, value)
    address.freed_at, address.vm_id = None, address.vm_id or None
    try:
        address.clean_fields(exclude={"vrf", "subnet", "server"})
    except ValidationError:
        return None
    if address.is_dhcp_allocation:
        return None  # its own rules compare it with all machines
    key = (address.vrf_id, address.ip_address)
    address.subnet = index.subnet(key)
    errors: rules.Errors = defaultdict(list)
    rules.check_placed_address(address, before, index.pool(key), errors)
    if errors:
        return None
    return address
