"""What is known of a machine beside its row: its addresses, names, leases, boot, services and
sightings, as far as the reader may see it. Each is one query or two, whatever the machine has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from operator import itemgetter, methodcaller
from typing import Any

from django.utils.safestring import SafeString

from changes.log.rights import Reader
from dhcp.admin.leases import KIND_COLOURS
from dhcp.edits.written import read_file
from dhcp.files.targets import Target
from dhcp.models import DhcpTransaction
from dhcp.state.machines import MachineState
from dhcp.state.network_cards import NetworkCard
from discovery.conflicts.models import Conflict
from ipam.addresses import Address
from ipam.admin import marks
from ipam.models import IPAddress, Sighting
from ipmanager.machine.subject import Subject
from ipmanager.networks.links import address_url
from names.models import Record
from pxe.events.boot_state import CONSIDERED
from pxe.models import BootAssignment, BootEvent
from registry.models import Service

SHOWN = 20  # lines of each card
LOGGED = 200  # of dnsmasq's log


@dataclass(frozen=True, slots=True)
class AddressLine:
    """A network card, or a further address (without a state), with the row of the address."""

    name: str
    ip: Address | None
    mac: str | None
    row: IPAddress | None
    state: MachineState | None = None
    duid: str = ""

    @property
    def url(self) -> str:
        """The page of the address, if it has one."""
        return address_url(self.ip, getattr(self.row, "vrf_id", None))

    @property
    def badge(self) -> SafeString:
        """The state of a card."""
        return badge(self.state)


def badge(state: Any) -> SafeString:
    return marks.badge(KIND_COLOURS[state.kind], state.label)


def addresses(subject: Subject) -> list[AddressLine]:
    """Its cards, its own first, and the addresses that it holds beside them."""
    rows: dict[Any, IPAddress] = subject.rows
    lines = [_of_card(card, state, rows) for card, state in subject.cards]
    others = rows.keys() - {line.ip for line in lines}
    return lines + list(map(_of_row, map(rows.__getitem__, sorted(others, key=int))))


def _of_card(card: NetworkCard, state: MachineState, rows: dict[Any, IPAddress]) -> AddressLine:
    return AddressLine(card.name, card.ip, card.mac, rows.get(card.ip), state, card.duid)


def _of_row(row: IPAddress) -> AddressLine:
    return AddressLine(row.hostname, row.ip_address, row.mac_address, row)


def _rows(reader: Reader, model: Any) -> Any:
    """The rows of a model that the reader may see."""
    return reader.rows(model)


def sightings(subject: Subject, reader: Reader) -> list[Sighting]:
    """Who has seen its addresses: one row for each source, the newest first."""
    rows = _rows(reader, Sighting).filter(vrf=subject.vrf, ip_address__in=subject.ips)
    return list(rows.order_by("-seen_at")[:SHOWN])


def log(subject: Subject, reader: Reader) -> list[DhcpTransaction]:
    """What dnsmasq has logged of it, the newest first."""
    about = _rows(reader, DhcpTransaction).about(subject.macs, subject.ips)
    return list(about.select_related("server").newest_first()[:LOGGED])


def conflicts(subject: Subject, reader: Reader) -> list[Conflict]:
    rows = _rows(reader, Conflict).open()
    return list(rows.filter(vrf=subject.vrf, ip_address__in=subject.ips)[:SHOWN])


def services(subject: Subject, reader: Reader) -> list[Service]:
    """Those at one of its addresses."""
    rows = _rows(reader, Service).filter(ip_address__in=subject.global_ips)
    return list(rows.select_related("environment").order_by("port", "pk")[:SHOWN])


def assignments(subject: Subject, reader: Reader) -> list[BootAssignment]:
    """What it boots next, boot-once first."""
    rows = _rows(reader, BootAssignment).open().filter(server_id=subject.server_id)
    return list(rows.select_related("image").order_by("-mode"))


def boot_events(subject: Subject, reader: Reader) -> list[BootEvent]:
    """The newest steps of its network boot, newest first."""
    rows = _rows(reader, BootEvent).filter(server_id=subject.server_id)
    related = rows.select_related("image__kernel", "image__answers")
    return list(related.order_by("-at", "-pk")[:CONSIDERED])


def names(subject: Subject, reader: Reader) -> list[tuple[str, str]]:
    """The names that dnsmasq was told of its addresses, with these; and the records that lead to
    them, with their types."""
    if not reader.may_view(Record):  # the file holds names of records, too
        return []
    served = list(_served(subject.global_ips))
    wanted = set(map(itemgetter(1), served))
    rows = _rows(reader, Record).filter(value__in=wanted).select_related("zone")
    return served + [(record.type, record.fqdn) for record in rows[:SHOWN]]


def _served(ips: Sequence[Address]) -> Iterator[tuple[str, str]]:
    """What stands in the default server's file of names."""
    starts = tuple(map("{} ".format, ips))
    lines = read_file(Target.from_settings().names).decode("ascii", "replace").splitlines()
    words = map(str.split, filter(methodcaller("startswith", starts), lines))
    return chain.from_iterable(map(_pairs, words))


def _pairs(words: list[str]) -> Iterator[Any]:
    """The address at the start of a line with each of its names."""
    return product(words[:1], words[1:])
