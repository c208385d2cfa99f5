"""Turn running containers into registrations: a service for each port that a container publishes on
its host, or else for each port at its own address.

Labels of the container override the defaults: `ipmanager.service_id`, `ipmanager.service_name`,
`ipmanager.service_type`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from operator import itemgetter
from typing import Any

from ipam.addresses import Address, parse_address
from registry.rules import is_port
from registry.services.registration import Registration

COMPOSE = "com.docker.compose."
Json = Mapping[str, Any]
Ids = defaultdict[tuple[str, str], list[str]]  # docker-compose project and service -> service ids


@dataclass(frozen=True, order=True, slots=True)
class Port:
    """A port of a container: the private one inside it, and the public address and port."""

    private: int
    protocol: str
    public: int
    ip: Address = field(compare=False)


@dataclass(frozen=True, slots=True)
class Container:
    """A running container, with values of the right types."""

    id: str
    name: str
    image: str
    labels: dict[str, str]
    ports: tuple[Port, ...]

    @property
    def service_id(self) -> str:
        return self.labels.get("ipmanager.service_id") or self.name

    @property
    def service_name(self) -> str:
        compose_name = self.labels.get(f"{COMPOSE}service", self.name)
        return self.labels.get("ipmanager.service_name") or compose_name or self.name

    @property
    def project(self) -> str:
        """Its docker-compose project; empty without one."""
        return self.labels.get(f"{COMPOSE}project", "")

    @property
    def compose_service(self) -> tuple[str, str]:
        """Its docker-compose project and service."""
        return self.project, self.labels.get(f"{COMPOSE}service", "")

    @property
    def depends_on(self) -> list[str]:
        """The docker-compose services that it depends on. The label is a list such as
        `db:service_started:false,…`."""
        label = self.labels.get(f"{COMPOSE}depends_on", "")
        return re.findall(r"(?:^|,)([^:,]+)", label)

    def named_ports(self) -> list[tuple[str, Port]]:
        """Each port with the id of its service: that of the container if there is only one port."""
        if len(self.ports) == 1:
            return [(self.service_id, self.ports[0])]
        return [(f"{self.service_id}-{port.private}{_suffix(port)}", port) for port in self.ports]


def registrations(
    answer: Iterable[Json], environment: str, host: Address | None = None
) -> list[Registration]:
    """The registrations for Docker's list of containers, ordered by service id.

    `host` is the address of the engine's machine; without it, a port that is published on every
    address is registered at the wildcard address."""
    named: list[tuple[str, Container, Port]] = []
    ids: Ids = defaultdict(list)
    for container in filter(None, map(parse_container, answer, repeat(host))):
        for service_id, port in container.named_ports():
            named.append((service_id, container, port))
            ids[container.compose_service].append(service_id)
    found = []
    for service_id, container, port in sorted(named, key=itemgetter(0)):
        needs = _needs(container, ids)
        found.append(_registration(container, service_id, port, environment, needs))
    return found


def _registration(
    container: Container, service_id: str, port: Port, environment: str, needs: tuple[str, ...]
) -> Registration:
    return Registration(
        service_id=service_id,
        name=container.service_name,
        environment=environment,
        type=container.labels.get("ipmanager.service_type") or None,
        protocol=port.protocol,
        host=port.ip,
        preferred_port=port.public,
        pinned=True,
        container_port=port.private,
        dependencies=needs,
        additional_info={"container": container.id, "image": container.image},
    )


def _needs(container: Container, ids: Ids) -> tuple[str, ...]:
    """The ids of the running services that the container depends on."""
    needs: set[str] = set()
    for name in container.depends_on:
        needs.update(ids.get((container.project, name), ()))
    return tuple(sorted(needs))


def parse_container(one: Json, host: Address | None = None) -> Container | None:
    """An element of Docker's list; None for a container that cannot be reached."""
    ports = _ports(one, host)
    name = next(iter(_list(one, "Names")), None)
    if not ports or not isinstance(name, str):
        return None
    labels = _mapping(one, "Labels")
    return Container(
        id=str(one.get("Id", ""))[:12],
        name=name.lstrip("/"),
        image=str(one.get("Image", "")),
        labels={name: value for name, value in labels.items() if isinstance(value, str)},
        ports=ports,
    )


def _ports(one: Json, host: Address | None) -> tuple[Port, ...]:
    """The published ports or, if there are none, the ports at the container's own address. Docker
    lists a port on 0.0.0.0 and on :: separately; here it is one."""
    rows = list(filter(_is_port_row, _list(one, "Ports")))
    found = list(filter(None, map(_published, rows, repeat(host))))
    own = _own_address(one)
    if not found and own:
        found = [Port(row["PrivatePort"], row["Type"], row["PrivatePort"], own) for row in rows]
    best = {(port.private, port.protocol): port for port in sorted(found, key=_best_last)}
    return tuple(sorted(best.values()))


def _is_port_row(row: Any) -> bool:
    if not isinstance(row, dict) or row.get("Type") not in ("tcp", "udp"):
        return False
    return is_port(row.get("PrivatePort"))


def _published(row: Json, host: Address | None) -> Port | None:
    ip = _address(row.get("IP") or "0.0.0.0")
    if ip is None or not is_port(row.get("PublicPort")):
        return None
    if host and ip.is_unspecified:
        ip = host
    return Port(row["PrivatePort"], row["Type"], row["PublicPort"], ip)


def _own_address(one: Json) -> Address | None:
    """The container's address in the first of its networks, by name."""
    networks = _mapping(_mapping(one, "NetworkSettings"), "Networks")
    for name in sorted(networks):
        network = _mapping(networks, name)
        ip = _address(network.get("IPAddress")) or _address(network.get("GlobalIPv6Address"))
        if ip:
            return ip
    return None


def _suffix(port: Port) -> str:
    return "" if port.protocol == "tcp" else f"-{port.protocol}"


def _best_last(port: Port) -> tuple[int, int]:
    """IPv4 before IPv6, then the lowest port of the host."""
    return -port.ip.version, -port.public


def _address(text: object) -> Address | None:
    try:
        return parse_address(text) if text else None
    except ValueError:
        return None


def _list(one: Json, key: str) -> list[Any]:
    value = one.get(key)
    return value if isinstance(value, list) else []


def _mapping(one: Json, key: str) -> dict[str, Any]:
    value = one.get(key)
    return value if isinstance(value, dict) else {}
