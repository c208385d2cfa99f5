"""What a reader may see of a machine: by the permissions of the models, as everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from changes.log.rights import Reader
from dhcp.models import DhcpTransaction
from discovery.conflicts.models import Conflict
from ipam.models import VRF, Sighting, Subnet
from names.models import Record
from pxe.models import BootAssignment, BootEvent
from registry.models import Service


@dataclass(frozen=True)
class Sees:
    """What this reader may see beside the machine itself."""

    subnets: bool
    vrfs: bool
    sightings: bool
    transactions: bool
    boots: bool
    boot_events: bool
    services: bool
    records: bool
    conflicts: bool

    @classmethod
    def of(cls, request: HttpRequest) -> Sees:
        models = (
            *(Subnet, VRF, Sighting, DhcpTransaction, BootAssignment),
            *(BootEvent, Service, Record, Conflict),
        )
        return cls(*map(Reader.of(request).may_view, models))
