"""Events of rows that are added to a table: a device that was seen first, a lease, a service, the
end of a boot, a line about who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.security.models import SecurityEvent
from dhcp.leases.intervals.models import LeaseInterval
from discovery.models import UnknownDevice
from events.collect import places
from events.collect.follow import Source
from events.models import Event
from pxe.models import BootAssignment, BootEvent
from registry.models import Service

_State = BootAssignment.State
_ENDS = {
    _State.DONE: "boot.finished",
    _State.GIVEN_UP: "boot.stuck",
    _State.TIMED_OUT: "boot.stuck",
}


def sources() -> list[Source]:
    return [
        Source(UnknownDevice, _devices),
        Source(LeaseInterval, _leases),
        Source(Service, _services),
        Source(SecurityEvent, _security),
        Source(BootEvent, _boots, ("assignment__image", "server")),
    ]


def _devices(rows: list[UnknownDevice]) -> list[Event]:
    found = [
        Event(
            at=row.first_seen,
            kind="device.unknown",
            subject_model="discovery.unknowndevice",
            subject_id=str(row.pk),
            subject=row.mac_address,
            vrf_id=row.vrf_id,
            ip_address=row.ip_address,
            data={
                "mac_address": row.mac_address,
                "ip_address": _text(row.ip_address),
                "hostname": row.hostname,
                "source": row.source,
            },
            origin=f"unknown_devices:{row.pk}",
        )
        for row in rows
    ]
    places.place_in_subnets(found)
    return found


def _leases(rows: list[LeaseInterval]) -> list[Event]:
    found = [lease_event(row, "lease.started", f"lease_intervals:{row.pk}") for row in rows]
    places.place_in_subnets(found)
    return found


def lease_event(row: LeaseInterval, kind: str, origin: str) -> Event:
    data = {
        "ip_address": str(row.ip_address),
        "mac_address": row.mac_address,
        "duid": row.client_id,
        "hostname": row.hostname,
        "server": row.origin,
        "until": row.leased_until.isoformat(),
    }
    return Event(
        at=row.started_at,
        kind=kind,
        subject_model="dhcp.leaseinterval",
        subject_id=str(row.pk),
        subject=f"{row.ip_address} {row.machine}"[:255],
        vrf_id=row.vrf_id,
        ip_address=row.ip_address,
        data=data,
        origin=origin,
    )


def _security(rows: list[SecurityEvent]) -> list[Event]:
    return [
        Event(
            at=row.at,
            kind="security.noted",
            subject_model="ipmanager.securityevent",
            subject_id=str(row.pk),
            subject=str(row)[:255],
            change=row.change,
            actor=row.actor,
            data={"kind": row.kind, "name": row.subject, "source": row.source, "host": row.address},
            origin=f"security_events:{row.pk}",
        )
        for row in rows
    ]


def _services(rows: list[Service]) -> list[Event]:
    found = [
        Event(
            at=row.created_at,
            kind="service.registered",
            subject_model="registry.service",
            subject_id=str(row.pk),
            subject=service_name(row),
            ip_address=row.ip_address,
            data=service_data(row),
            origin=f"services:{row.pk}",
        )
        for row in rows
    ]
    places.place_in_subnets(found)
    return found


def service_name(row: Service) -> str:
    return f"{row.environment_id}/{row.service_id}"[:255]


def service_data(row: Service) -> dict[str, Any]:
    return {
        "environment": row.environment_id,
        "service_id": row.service_id,
        "name": row.name,
        "ip_address": _text(row.ip_address),
        "port": row.port,
        "protocol": row.protocol,
    }


def _boots(rows: list[BootEvent]) -> list[Event]:
    found = list(_ended(rows))
    places.place_in_subnets(found)
    return found


def _ended(rows: list[BootEvent]) -> Iterator[Event]:
    for row in rows:
        assignment, server = row.assignment, row.server
        if row.kind != BootEvent.Kind.ENDED or assignment is None or server is None:
            continue
        if kind := _ENDS.get(_State(assignment.state)):
            data = {
                "server_id": server.pk,
                "hostname": server.hostname,
                "image": str(assignment.image or ""),
                "reason": row.detail,
            }
            yield Event(
                at=row.at,
                kind=kind,
                subject_model="pxe.bootassignment",
                subject_id=str(assignment.pk),
                subject=server.hostname,
                vrf_id=server.vrf_id,
                ip_address=server.ip_address,
                data=data,
                origin=f"boot_events:{row.pk}",
            )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
