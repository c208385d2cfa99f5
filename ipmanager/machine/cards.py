"""What is known of a machine beside its row: its addresses, names, leases, boot, services and
sightings. Each is one or two queries, whatever the machine has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from dhcp.admin.leases import KIND_COLOURS
from dhcp.edits.written import read_file
from dhcp.files.targets import Target
from dhcp.models import DhcpTransaction
from dhcp.state.machines import MachineState
from discovery.conflicts.models import Conflict
from ipam.addresses import Address
from ipam.admin import marks
from ipam.models import Sighting, Subnet
from ipmanager.machine.access import Sees
from ipmanager.machine.subject import Subject
from ipmanager.networks.links import address_url, page
from names.models import Record
from pxe.events import boot_state
from pxe.events.timeline import Diagnosis
from pxe.models import BootAssignment, BootEvent
from registry.models import Service

SHOWN = 20  # lines of each card
CONSIDERED = 200  # of dnsmasq's log


@dataclass(frozen=True, slots=True)
class AddressLine:
    """A network card, or a further address, with what DHCP says of it."""

    name: str
    ip: Address | None
    url: str
    mac: str | None
    subnet: Subnet | None
    subnet_url: str
    state: MachineState | None = None
    badge: Any = ""
    duid: str = ""


def addresses(subject: Subject, sees: Sees) -> list[AddressLine]:
    """Its cards, its own first, and the addresses that it holds beside them."""
    lines = [
        _line(subject, sees, card.name, card.ip, card.mac, state, card.duid)
        for card, state in subject.cards
    ]
    told = {line.ip for line in lines}
    for ip, row in subject.rows.items():
        if ip not in told:
            lines.append(_line(subject, sees, row.hostname, ip, row.mac_address))
    return lines


def _line(
    subject: Subject,
    sees: Sees,
    name: str,
    ip: Address | None,
    mac: str | None,
    state: MachineState | None = None,
    duid: str = "",
) -> AddressLine:
    row = subject.rows.get(ip) if ip else None
    subnet = row.subnet if row and sees.subnets else None
    return AddressLine(
        name,
        ip,
        address_url(ip, subject.row.vrf_id) if ip else "",
        mac,
        subnet,
        page("network", subnet.pk) if subnet else "",
        state,
        marks.badge(KIND_COLOURS[state.kind], state.label) if state else "",
        duid,
    )


def sightings(subject: Subject, sees: Sees) -> list[Sighting]:
    """Who has seen its addresses: one row for each source, the newest first."""
    if not (sees.sightings and subject.ips):
        return []
    rows = Sighting.objects.filter(vrf=subject.vrf, ip_address__in=subject.ips)
    return list(rows.order_by("-seen_at")[:SHOWN])


def leases(found: list[Sighting]) -> list[Sighting]:
    """Those of its addresses that last."""
    now = timezone.now()
    return [one for one in found if one.leased_until and one.leased_until > now]


def log(subject: Subject, sees: Sees) -> list[DhcpTransaction]:
    """What dnsmasq has logged of it, the newest first."""
    if not sees.transactions:
        return []
    about = DhcpTransaction.objects.about(subject.macs, subject.ips)
    return list(about.select_related("server").newest_first()[:CONSIDERED])


def conflicts(subject: Subject, sees: Sees) -> list[Conflict]:
    if not (sees.conflicts and subject.ips):
        return []
    rows = Conflict.objects.open().filter(vrf=subject.vrf, ip_address__in=subject.ips)
    return list(rows[:SHOWN])


def services(subject: Subject, sees: Sees) -> list[Service]:
    """Those at one of its addresses."""
    if not (sees.services and subject.ips) or subject.vrf:
        return []
    rows = Service.objects.filter(ip_address__in=subject.ips).order_by("port", "pk")
    return list(rows.select_related("environment")[:SHOWN])


# --- names ----------------------------------------------------------------------------------------


def names(subject: Subject, sees: Sees) -> list[tuple[str, str]]:
    """The names that dnsmasq was told of its addresses, with these; and records that lead to
    them."""
    if subject.vrf:
        return []
    served = list(_served(subject))
    found = list(served)
    wanted = {name for _ip, name in served}
    if wanted and sees.records:
        rows = Record.objects.filter(value__in=wanted).select_related("zone")[:SHOWN]
        found += [(record.type, record.fqdn) for record in rows]
    return found


def _served(subject: Subject) -> Iterator[tuple[str, str]]:
    """What stands in the default server's file of names."""
    starts = tuple(f"{ip} " for ip in subject.ips)
    text = read_file(Target.from_settings().names).decode("ascii", "replace")
    for line in text.splitlines():
        if line.startswith(starts):
            ip, _space, all_names = line.partition(" ")
            yield from ((ip, name) for name in all_names.split())


# --- boot -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Boot:
    """What it boots next, and how it went last time."""

    assignments: list[BootAssignment]
    events: list[BootEvent]
    diagnosis: Diagnosis | None


def boot(subject: Subject, sees: Sees) -> Boot:
    assignments: list[BootAssignment] = []
    events: list[BootEvent] = []
    if subject.server and sees.boots:
        rows = BootAssignment.objects.open().filter(server=subject.server)
        assignments = list(rows.select_related("image").order_by("-mode"))
    if subject.server and sees.boot_events:
        events = boot_state.events_of(subject.server)
    diagnosis = boot_state.diagnosis(events, timezone.now()) if events else None
    return Boot(assignments, events, diagnosis)
