"""Which rights an import needs: those to add the kinds of rows that its source has."""

from __future__ import annotations

from collections.abc import Callable

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
    """The rights that an importer lacks. Whoever may add rows also learns which are there."""
    wanted: dict[str, None] = {}
    for kind in records.by_kind:
        wanted.update(dict.fromkeys(_NEEDED.get(kind, ())))
    return [right for right in wanted if not may(right)]
