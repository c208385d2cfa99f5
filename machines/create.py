"""Make a machine: server, address, interfaces, boot assignment and service ports in one
transaction, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from core.errors import Conflict, IPManagerError, Reason
from ipam import freeze, rules
from ipam.addresses import Address
from ipam.allocate import hold_next
from ipam.models import Interface, IPAddress, Pool, Server, Subnet
from ipam.querysets import lock_ledger
from machines.models import Machine, MachineService
from pxe.models import BootAssignment, BootImage
from registry.environments import lookup
from registry.models import RegistryConfig, Service
from registry.querysets import wait_for_turn
from registry.services.callers import ADMINISTRATOR, Caller
from registry.services.register import register
from registry.services.registration import Registration


@dataclass(frozen=True)
class Card:
    """A further interface; `subnet`: it gets the next free address there."""

    name: str
    mac_address: str | None = None
    duid: str = ""
    ip_address: Address | None = None
    subnet: Subnet | None = None


@dataclass(frozen=True)
class Port:
    """A service of the machine. Without a `port` it gets a free one of the environment's range."""

    name: str
    environment: str = ""
    type: str | None = None
    protocol: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class Specification:
    """What the machine is to be. `facts` are further columns of the server.

    The address is the wanted one, with `else_next` another one if somebody holds it; without a
    wanted one it is the next free one of the pool or subnet."""

    hostname: str
    mac_address: str | None = None
    subnet: Subnet | None = None
    pool: Pool | None = None
    wanted: Address | None = None
    else_next: bool = False
    interfaces: Sequence[Card] = ()
    image: BootImage | None = None
    boot: str = BootAssignment.Mode.ONCE
    services: Sequence[Port] = ()
    expires_at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def vrf_id(self) -> int | None:
        return getattr(self.subnet, "vrf_id", None)

    @property
    def ends(self) -> tuple[Address, Address]:
        """The ends of the pool, or those of the subnet if no pool is named."""
        assert self.subnet
        if self.pool:
            return self.pool.first, self.pool.last
        return self.subnet.network[0], self.subnet.network[-1]

    def may_have(self, address: Address) -> bool:
        """Whether the address is in the subnet, and in the pool if one is named."""
        first, last = self.ends
        return address.version == first.version and int(first) <= int(address) <= int(last)

    def service_id(self, port: Port) -> str:
        """The id of a service in the registry."""
        return f"{self.hostname}-{port.name}"


@dataclass(frozen=True)
class Made:
    """The machine; `again` when it was there already, made by the same specification."""

    machine: Machine
    again: bool = False


def make(wanted: Specification, caller: Caller = ADMINISTRATOR) -> Made:
    """Make the machine, or return the one that the same call has made before.

    Raises ValidationError, Conflict (both name the holder), Exhausted, Frozen."""
    freeze.refuse()
    spec = _with_subnet(wanted)
    with transaction.atomic():
        _wait_for_turns(spec)
        lock_ledger()
        if machine := _made_before(spec):
            return Made(_renewed(machine, spec.expires_at), again=True)
        return Made(_make(spec, caller))


def renew(machine: Machine, expires_at: datetime | None) -> Machine:
    """Store another end of its time to live; None: it stays until it is deleted."""
    machine.expires_at = expires_at
    machine.save()
    return machine


def _renewed(machine: Machine, expires_at: datetime | None) -> Machine:
    if expires_at is None:
        return machine
    return renew(machine, expires_at)


def _with_subnet(wanted: Specification) -> Specification:
    """The specification with its subnet, which has the pool and the wanted address. Raises
    ValidationError."""
    pool, address = wanted.pool, wanted.wanted
    subnet = wanted.subnet or _subnet_around(pool, address)
    if pool and pool.subnet_id != subnet.pk:
        text = _("%(pool)s is not a pool of %(subnet)s.") % {"pool": pool, "subnet": subnet}
        raise ValidationError({"pool": Reason(text, pool, subnet)})
    spec = replace(wanted, subnet=subnet)
    if address and not spec.may_have(address):
        text = _("%(address)s is not in %(network)s.")
        values = {"address": address, "network": pool or subnet.network}
        raise ValidationError({"ip_address": Reason(text % values, subnet)})
    return spec


def _subnet_around(pool: Pool | None, address: Address | None) -> Subnet:
    """The subnet that the pool or the wanted address is in. Raises ValidationError."""
    if pool:
        return pool.subnet
    if not address:
        text = _("Specify a subnet, a pool or an address.")
        raise ValidationError({"subnet": Reason(text)})
    subnet = Subnet.objects.containing(address)
    if subnet is None:
        text = _("%s lies in no subnet.") % address
        raise ValidationError({"ip_address": Reason(text)})
    return subnet


def _wait_for_turns(spec: Specification) -> None:
    """A registration locks its turn before the ledger; in this order there is no deadlock."""
    for port in sorted(spec.services, key=spec.service_id):
        environment = lookup.name_or_default(port.environment)
        wait_for_turn(environment, spec.service_id(port))


# --- the same call once more ----------------------------------------------------------------------


def _made_before(spec: Specification) -> Machine | None:
    """The machine that has everything that is asked for; None if there is none, or another one."""
    named = Machine.objects.filter(server__hostname__iexact=spec.hostname, server__vrf=spec.vrf_id)
    facts = {f"server__{name}": value for name, value in spec.facts.items()}
    machine = (
        named.filter(server__mac_address=spec.mac_address, **facts).select_related("server").first()
    )
    if machine and _has_address(machine.server, spec) and _has_parts(machine, spec):
        return machine
    return None


def _has_address(server: Server, spec: Specification) -> bool:
    if server.ip_address is None:
        return False
    if spec.wanted and not spec.else_next:
        return server.ip_address == spec.wanted
    return spec.may_have(server.ip_address)


def _has_parts(machine: Machine, spec: Specification) -> bool:
    cards = set(machine.server.interfaces.values_list("name", "mac_address"))
    names = set(machine.service_rows.values_list("name", flat=True))
    booted = BootAssignment.objects.filter(server=machine.server, image=spec.image, mode=spec.boot)
    if spec.image and not booted.exists():
        return False
    if not cards.issuperset(map(attrgetter("name", "mac_address"), spec.interfaces)):
        return False
    return names.issuperset(map(attrgetter("name"), spec.services))


# --- a new machine --------------------------------------------------------------------------------


def _make(spec: Specification, caller: Caller) -> Machine:
    server = Server(
        vrf_id=spec.vrf_id,
        hostname=spec.hostname,
        mac_address=spec.mac_address,
        ip_address=_choose_address(spec),
        **spec.facts,
    )
    server.save()
    machine = Machine(server=server, expires_at=spec.expires_at)
    machine.save()
    for number, card in enumerate(spec.interfaces):
        with _refused_as(f"interfaces.{number}"):
            _add_interface(server, card)
    if spec.image:
        with _refused_as("image"):
            BootAssignment(server=server, image=spec.image, mode=spec.boot).save()
    for number, port in enumerate(spec.services):
        with _refused_as(f"services.{number}"):
            _add_service(machine, spec, port, caller)
    return machine


@contextmanager
def _refused_as(path: str) -> Iterator[None]:
    """Name the part of the request that was refused, as in `interfaces.0.mac_address`."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError(_under(path, error)) from error
    except IPManagerError as error:
        error.errors = {path: [error.message]}
        raise


def _under(path: str, error: ValidationError) -> dict[str, Any]:
    found = {}
    for name, errors in error.update_error_dict({}).items():
        found[f"{path}.{name}".removesuffix(f".{NON_FIELD_ERRORS}")] = errors
    return found


def _choose_address(spec: Specification) -> Address:
    """The wanted address; the one that was allocated for this MAC address; else the next one."""
    assert spec.subnet
    if spec.wanted and not (spec.else_next and _is_held(spec, spec.wanted)):
        return spec.wanted
    if own := _own_allocation(spec):
        return own.ip_address
    return hold_next(spec.subnet, spec.mac_address, spec.pool).ip_address


def _is_held(spec: Specification, address: Address) -> bool:
    """Whether somebody else holds the address."""
    row = IPAddress.objects.filter(vrf=spec.vrf_id, ip_address=address).first()
    if row is None:
        return False
    return not rules.claimable_by(row, None, spec.mac_address, spec.hostname)


def _own_allocation(spec: Specification) -> IPAddress | None:
    """What was allocated for this MAC address here; the server takes it over."""
    if spec.mac_address is None:
        return None
    rows = IPAddress.objects.allocations().filter(vrf=spec.vrf_id, mac_address=spec.mac_address)
    return rows.between(*spec.ends).order_by("ip_address").first()


def _add_interface(server: Server, card: Card) -> None:
    address = card.ip_address
    if address is None and card.subnet:
        address = hold_next(card.subnet, card.mac_address).ip_address
    Interface(
        server=server,
        name=card.name,
        mac_address=card.mac_address,
        duid=card.duid,
        ip_address=address,
    ).save()


def _add_service(machine: Machine, spec: Specification, port: Port, caller: Caller) -> None:
    """Register the service at the machine's address. Its port stays though nobody sends heartbeats
    yet, except in a production environment, where only an administrator may pin a port."""
    service_id, config = spec.service_id(port), lookup.environment(port.environment)
    if Service.objects.with_id(config, service_id):
        raise Conflict(
            Reason(_("The service %s is registered already.") % f"{config}/{service_id}"),
            _("Choose another name for it."),
        )
    may_pin = caller.manages or config.mode != RegistryConfig.Mode.PRODUCTION
    registration = Registration(
        service_id,
        name=service_id,
        environment=port.environment,
        type=port.type,
        protocol=port.protocol,
        host=machine.server.ip_address,
        preferred_port=port.port,
        pinned=may_pin or None,
    )
    service = register(registration, caller).service
    MachineService.objects.create(machine=machine, service=service, name=port.name)
