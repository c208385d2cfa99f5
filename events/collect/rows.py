"""Events of rows that are added to a table and are no line of history: a device that was seen
first, a service, the end of a boot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
        Source(Service, _services),
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
