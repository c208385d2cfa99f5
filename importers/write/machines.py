"""Servers and their interfaces, many at a time.

A server is known by its name. Where the ledger refuses its MAC address or its address, it is kept
without, and the reason is told. What is left of a refused server are its addresses, as allocations
that DHCP serves by their MAC addresses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.errors import Invalid
from importers.outcome import Verdict
from importers.readers.machines import addresses_of
from importers.records import Card, Held, Machine
from importers.write import addresses
from importers.write.job import (
    Job,
    Reasons,
    compared,
    differences,
    fitted,
    not_kept,
    refused,
    said,
)
from importers.write.machine_names import fitting
from ipam import rules
from ipam.models import Interface, IPAddress, Server
from ipam.placement.index import PlacementIndex
from ipam.transfer.servers import Plan, make_good_servers

_TEXTS = (
    "device_type",
    "manufacturer",
    "description",
    "location",
    "lan_port",
    "enabled",
    "when_disabled",
)
_OPTIONAL = frozenset({"mac_address", "ip_address"})
_CARDS_AT_ONCE = 500
_COMPARED = {True: "differs", False: "same"}


@dataclass
class _Row:
    """A machine on its way: what its server shall say, and what becomes of it."""

    machine: Machine
    values: dict[str, Any]
    reasons: Reasons = field(default_factory=list)
    server_id: int | None = None
    verdict: Verdict | None = None

    @property
    def name(self) -> str:
        return self.values["hostname"]

    def compare(self, server: Server) -> None:
        """Say whether the server says the same."""
        self.server_id = server.pk
        wanted = dict(self.values)
        wanted.pop("hostname")
        self.reasons = differences(server, wanted)
        self.decide(_COMPARED[bool(self.reasons)])

    def decide(self, state: Any) -> None:
        self.verdict = Verdict(self.machine.at, "server", self.name, state, tuple(self.reasons))


def write(job: Job, records: Sequence[Machine]) -> Iterator[Verdict]:
    """Judge the machines of each VRF together, and write the new ones."""
    by_vrf: dict[str, list[Machine]] = defaultdict(list)
    for record in records:
        by_vrf[record.vrf].append(record)
    for vrf, machines in by_vrf.items():
        try:
            vrf_id = job.vrf_id(vrf)
        except Invalid as error:
            yield from (refused(one, "server", one.hostname, error) for one in machines)
        else:
            yield from _write_in(job, vrf_id, machines)


def _write_in(job: Job, vrf_id: int | None, machines: Sequence[Machine]) -> Iterator[Verdict]:
    rows = list(map(_row, machines))
    job.progress("servers", 0, len(rows))
    _compare(rows, vrf_id)
    _make([row for row in rows if row.verdict is None], vrf_id)
    left: list[Held] = []
    for row in rows:
        assert row.verdict is not None
        yield row.verdict
        if row.server_id is None:
            left += addresses_of(row.machine)
    yield from _Cards(job, vrf_id, rows).write()
    if left:
        yield from addresses.write(job, left)


def _row(machine: Machine) -> _Row:
    values = said(machine, *_TEXTS)
    values |= {"ip_address": machine.ip, "mac_address": machine.mac}
    values = {name: value for name, value in values.items() if value is not None}
    fit, reasons = fitted(Server, values)
    name = fitting(machine.hostname)
    if name != machine.hostname:
        facts = {"given": machine.hostname, "kept": name}
        reasons.append(_("“%(given)s” is called %(kept)s here.") % facts)
    return _Row(machine, {"hostname": name, **fit}, reasons)


def _compare(rows: Sequence[_Row], vrf_id: int | None) -> None:
    """Find the servers that are there already, by their names: one query."""
    known = {server.hostname.lower(): server for server in Server.objects.filter(vrf=vrf_id)}
    for row in rows:
        server = known.get(row.name.lower())
        if server is not None:
            row.compare(server)


def _make(rows: Sequence[_Row], vrf_id: int | None) -> None:
    """Make the servers; those that the ledger refuses once more, without what it refuses."""
    waiting = list(rows)
    while waiting:
        made, bad = make_good_servers([row.values for row in waiting], vrf_id)
        for number, server in made.items():
            waiting[number].server_id = server.pk
            waiting[number].decide("new")
        again = filter(partial(_is_worth_another_try, waiting), bad)
        waiting = [waiting[plan.line] for plan in again]


def _is_worth_another_try(rows: Sequence[_Row], plan: Plan) -> bool:
    """Take from the row what the ledger refuses; if it cannot do without, the row is refused."""
    row = rows[plan.line]
    reasons = {fault.field: str(fault.reason) for fault in plan.faults}
    if not reasons.keys() <= _OPTIONAL:
        row.reasons += reasons.values()
        row.decide("refused")
        return False
    for name, reason in reasons.items():
        value = row.values.pop(name)
        row.reasons.append(not_kept(name, value, reason))
    return True


@dataclass(frozen=True)
class _Pair:
    """A card, and the machine that has it."""

    row: _Row
    card: Card

    @property
    def key(self) -> str:
        return f"{self.row.name} {self.card.name}"


class _Cards:
    """The interfaces of machines, judged against what was read once for all of them."""

    def __init__(self, job: Job, vrf_id: int | None, rows: Sequence[_Row]) -> None:
        self.job = job
        self.vrf_id = vrf_id
        self.pairs = [
            _Pair(row, card) for row in rows if row.server_id for card in row.machine.cards
        ]
        if not self.pairs:
            return
        self.known = self._known()
        self.holders = self._holders()
        keys = [(vrf_id, pair.card.ip) for pair in self.pairs if pair.card.ip]
        self.index = PlacementIndex.of(keys)
        held = IPAddress.objects.filter(vrf=vrf_id, server=None).exclude(status="available")
        self.held = {
            row.ip_address: row
            for row in held.only(
                "ip_address",
                "status",
                "vm_id",
                "mac_address",
                "hostname",
                "server_id",
                "description",
            )
        }

    def _known(self) -> dict[tuple[int, str], Interface]:
        cards = Interface.objects.filter(server__vrf=self.vrf_id)
        return {(card.server_id, card.name): card for card in cards}

    def _holders(self) -> dict[object, tuple[int, str]]:
        """Which server has each address and each MAC address."""
        found: dict[object, tuple[int, str]] = {}
        servers = Server.objects.filter(vrf=self.vrf_id)
        cards = Interface.objects.filter(server__vrf=self.vrf_id)
        rows = [
            *servers.values_list("pk", "hostname", "ip_address", "mac_address"),
            *cards.values_list("server_id", "server__hostname", "ip_address", "mac_address"),
        ]
        for pk, hostname, ip, mac in rows:
            found.setdefault(ip, (pk, hostname))
            found.setdefault(mac, (pk, hostname))
        return found

    def write(self) -> Iterator[Verdict]:
        new: list[Interface] = []
        for pair in self.pairs:
            verdict, card = self._judged(pair)
            if card:
                new.append(card)
                self.known[card.server_id, card.name] = card
            yield verdict
        for start in range(0, len(new), _CARDS_AT_ONCE):
            self.job.progress("interfaces", start, len(new))
            Interface.objects.bulk_create(new[start : start + _CARDS_AT_ONCE], cleaned=True)

    def _judged(self, pair: _Pair) -> tuple[Verdict, Interface | None]:
        server_id = pair.row.server_id
        assert server_id is not None
        values = {"mac_address": pair.card.mac, "ip_address": pair.card.ip, "duid": pair.card.duid}
        values = {name: value for name, value in values.items() if value}
        if present := self.known.get((server_id, pair.card.name)):
            return compared(pair.card, "interface", pair.key, present, values), None
        nic = Interface(server_id=server_id, name=pair.card.name[:64], **values)
        try:
            nic.clean_fields(exclude={"server"})
        except ValidationError as error:
            return refused(pair.card, "interface", pair.key, error), None
        reasons = [*self._refused_mac(nic), *self._refused_address(nic, pair.row)]
        verdict = Verdict(pair.card.at, "interface", pair.key, "new", tuple(reasons))
        return verdict, nic

    def _refused_mac(self, nic: Interface) -> Reasons:
        """Take a MAC address from the card that another machine has, and say so."""
        owner = self._owner(nic.mac_address, nic)
        if not owner:
            return []
        reason = not_kept("mac_address", nic.mac_address, _("%s has it.") % owner)
        nic.mac_address = None
        return [reason]

    def _refused_address(self, nic: Interface, row: _Row) -> Reasons:
        """Take an address from the card that it may not have, and say so."""
        if not nic.ip_address:
            return []
        reason = self._complaint(nic, row.name)
        if not reason:
            return []
        text = not_kept("ip_address", nic.ip_address, reason)
        nic.ip_address = None
        return [text]

    def _owner(self, value: object, nic: Interface) -> str:
        """Another server that has the address or the MAC address; else it is this one's now."""
        if value is None:
            return ""
        pk, hostname = self.holders.setdefault(value, (nic.server_id, ""))
        return hostname if pk != nic.server_id else ""

    def _complaint(self, nic: Interface, hostname: str) -> str:
        ip = nic.ip_address
        assert ip is not None
        if owner := self._owner(ip, nic):
            return _("%s has it.") % owner
        held = self.held.get(ip)
        if held and not rules.claimable_by(held, nic.server_id, nic.mac_address, hostname):
            return rules.taken(held)
        key = (self.vrf_id, ip)
        errors: rules.Errors = defaultdict(list)
        pool = None if nic.mac_address else self.index.pool(key)
        rules.check_location(ip, self.index.subnet(key), pool, errors)
        return " ".join(errors["ip_address"])
