"""Which rights an import needs: those to add, and to see, the kinds of rows that its source has."""

from __future__ import annotations

from collections.abc import Callable
from itertools import filterfalse

from importers.records import (
    Held,
    Lease,
    Machine,
    Name,
    Net,
    Option,
    Range,
    Record,
    Records,
    Scope,
    Vrf,
    ZoneName,
)

_NEEDED: dict[type[Record], tuple[str, ...]] = {
    Vrf: ("ipam.add_vrf",),
    Net: ("ipam.add_subnet",),
    Range: ("ipam.add_pool",),
    Scope: ("dhcp.add_dhcpscope",),
    Option: ("dhcp.add_dhcpoption",),
    Held: ("ipam.add_ipaddress",),
    Machine: ("ipam.add_server", "ipam.add_interface", "ipam.add_ipaddress"),
    ZoneName: ("names.add_zone",),
    Name: ("names.add_record",),
    Lease: ("ipam.add_sighting",),
}
ENTRY = "ipam.add_subnet"  # without it, nobody imports anything


def missing(records: Records, may: Callable[[str], bool]) -> list[str]:
    """The rights that an importer lacks. A verdict says what the ledger says otherwise."""
    wanted: dict[str, None] = {}
    for kind in records.by_kind:
        for right in _NEEDED.get(kind, ()):
            wanted |= {right: None, right.replace(".add_", ".view_"): None}
    return list(filterfalse(may, wanted))
