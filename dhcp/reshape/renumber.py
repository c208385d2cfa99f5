"""Move machines into another subnet: records of DNS that hold their addresses move with them, and
what else mentions an address is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from dhcp.models import DhcpOption, DhcpScope
from ipam.addresses import Address
from ipam.models import Subnet
from ipam.querysets import lock_ledger
from ipam.reshape import renumber as ledger
from ipam.reshape.renumber import Choices, Move
from names.models import Record


@dataclass(frozen=True)
class Renumbered:
    """What moved and what stays, the records that follow, and what still says a former address."""

    moves: list[Move]
    records: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def renumber(source: Subnet, target: Subnet, choices: Choices) -> Renumbered:
    """`ipam.reshape.renumber`, with the records. Raises what that raises."""
    with transaction.atomic():
        lock_ledger()
        source.refresh_from_db()  # as they are under the lock
        target.refresh_from_db()
        moves = ledger.renumber(source, target, choices)
        new = {move.row.ip_address: move.new for move in moves if move.new is not None}
        records = list(_move_records(source, new))
        return Renumbered(moves, records, list(_warnings(source, new)))


def _move_records(source: Subnet, new: Mapping[Address, Address]) -> Iterator[str]:
    """Zones are of the global address space."""
    if source.vrf_id is not None:
        return
    texts = {str(former): str(address) for former, address in new.items()}
    records = Record.objects.filter(type__in=["A", "AAAA"]).select_related("zone")
    for record in records.order_by("pk"):
        if record.value in texts:
            record.value = texts[record.value]
            record.save()
            yield str(record)


def _warnings(source: Subnet, new: Mapping[Address, Any]) -> Iterator[str]:
    """Who is told a former address as a router or a server of names or time."""
    for subnet in Subnet.objects.filter(vrf=source.vrf_id).order_by("network"):
        yield from _told(subnet, subnet.dns_servers, new)
    scopes = DhcpScope.objects.filter(subnet__vrf=source.vrf_id).select_related("subnet")
    for scope in scopes.order_by("subnet__network"):
        said = [scope.router, *scope.dns_servers, *scope.ntp_servers]
        yield from _told(scope.subnet, said, new)
    for option in DhcpOption.objects.select_related("scope__subnet").order_by("pk"):
        values = set(option.value.replace(",", " ").split())
        said = [address for address in new if str(address) in values]
        yield from _told(option.scope.subnet, said, new)


def _told(subnet: Subnet, addresses: Iterable[Any], new: Mapping[Address, Any]) -> Iterator[str]:
    for address in addresses:
        if address in new:
            text = _("The clients of %(subnet)s are told %(former)s, which becomes %(new)s.")
            yield text % {"subnet": subnet, "former": address, "new": new[address]}
