"""Move machines into another subnet: records of DNS that hold their addresses move with them, and
what else mentions an address is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from dhcp.models import DhcpOption, DhcpScope
from ipam.addresses import Address, parse_address
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
    """Which former addresses are told as a router or a server of names or time, and to whom."""
    told: dict[Any, dict[str, None]] = defaultdict(dict)
    for subnet, addresses in _told(source):
        for address in addresses:
            told[address][str(subnet.network)] = None
    for address in filter(new.__contains__, told):
        text = _("%(former)s becomes %(new)s, but the clients of %(subnets)s are told the former.")
        names = ", ".join(told[address])
        yield text % {"former": address, "new": new[address], "subnets": names}


def _told(source: Subnet) -> Iterator[tuple[Subnet, Iterable[Any]]]:
    """What subnets, their scopes and their options say."""
    for subnet in Subnet.objects.filter(vrf=source.vrf_id).order_by("network"):
        yield subnet, subnet.dns_servers
    scopes = DhcpScope.objects.filter(subnet__vrf=source.vrf_id).select_related("subnet")
    for scope in scopes.order_by("subnet__network"):
        yield scope.subnet, [scope.router, *scope.dns_servers, *scope.ntp_servers]
    options = DhcpOption.objects.filter(scope__subnet__vrf=source.vrf_id)
    for option in options.select_related("scope__subnet").order_by("pk"):
        yield option.scope.subnet, _addresses(option.value)


def _addresses(text: str) -> Iterator[Address]:
    for word in text.replace(",", " ").split():
        with suppress(ValueError):
            yield parse_address(word)
