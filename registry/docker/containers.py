"""Running containers as services: the ports that they publish on their host, or else their own
addresses.

A label of the container says more: `ipmanager.service_id`, `ipmanager.service_name`,
`ipmanager.service_type`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipam.addresses import Address, parse_address
from registry.services.register import Wish

COMPOSE = "com.docker.compose."
Json = Mapping[str, Any]


@dataclass(frozen=True, order=True, slots=True)
class Port:
    """Where a container is reached, and the port that it listens on itself."""

    private: int
    protocol: str
    public: int
    ip: Address = field(compare=False)


@dataclass(frozen=True, slots=True)
class Container:
    """A running container, every value of the type it should have."""

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
        return (
            self.labels.get("ipmanager.service_name")
            or self.labels.get(f"{COMPOSE}service")
            or self.name
        )

    @property
    def composed(self) -> tuple[str, str]:
        """Its project and service in docker-compose, both empty when it is not of one."""
        return self.labels.get(f"{COMPOSE}project", ""), self.labels.get(f"{COMPOSE}service", "")

    def named_ports(self) -> list[tuple[str, Port]]:
        """Each port with the id of its service: the container's own when there is only one."""
        if len(self.ports) == 1:
            return [(self.service_id, self.ports[0])]
        return [(f"{self.service_id}-{port.private}{_suffix(port)}", port) for port in self.ports]


def wishes(answer: Iterable[Json], environment: str, host: Address | None = None) -> list[Wish]:
    """What to register for Docker's list of containers, ordered by service id. `host` is where the
    engine's machine is reached; without it, a port that is published on every address is registered
    so."""
    containers = [container for one in answer if (container := read(one, host))]
    ids: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for container in containers:
        ids[container.composed] += [service_id for service_id, _port in container.named_ports()]
    found = [
        _wish(container, service_id, port, environment, _needs(container, ids))
        for container in containers
        for service_id, port in container.named_ports()
    ]
    return sorted(found, key=lambda wish: wish.service_id)


def _wish(
    container: Container, service_id: str, port: Port, environment: str, needs: tuple[str, ...]
) -> Wish:
    return Wish(
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


def _needs(container: Container, ids: Mapping[tuple[str, str], list[str]]) -> tuple[str, ...]:
    """What compose notes of depends_on, `db:service_started:false,…`, as the ids of running
    services."""
    project = container.composed[0]
    named = [
        part.partition(":")[0]
        for part in container.labels.get(f"{COMPOSE}depends_on", "").split(",")
    ]
    return tuple(sorted({own for name in named if name for own in ids.get((project, name), ())}))


def read(one: Json, host: Address | None = None) -> Container | None:
    """One element of Docker's list; None when it is reached nowhere."""
    ports = _ports(one, host)
    names = [name for name in _list(one, "Names") if isinstance(name, str)]
    if not ports or not names:
        return None
    labels = {
        name: value for name, value in _mapping(one, "Labels").items() if isinstance(value, str)
    }
    return Container(
        str(one.get("Id", ""))[:12], names[0].lstrip("/"), str(one.get("Image", "")), labels, ports
    )


def _ports(one: Json, host: Address | None) -> tuple[Port, ...]:
    """Published ports, each once (Docker lists 0.0.0.0 and :: apart), or, if there are none, its
    own."""
    rows = [
        row
        for row in _list(one, "Ports")
        if isinstance(row, dict) and row.get("Type") in ("tcp", "udp")
    ]
    published = [port for row in rows if (port := _published(row, host))]
    own = _own_address(one)
    found = published or [
        Port(row["PrivatePort"], row["Type"], row["PrivatePort"], own)
        for row in rows
        if own and _is_port(row.get("PrivatePort"))
    ]
    once = {(port.private, port.protocol): port for port in sorted(found, key=_best_last)}
    return tuple(sorted(once.values()))


def _published(row: Json, host: Address | None) -> Port | None:
    ip = _address(row.get("IP") or "0.0.0.0")
    if ip is None or not _is_port(row.get("PublicPort")) or not _is_port(row.get("PrivatePort")):
        return None
    return Port(
        row["PrivatePort"],
        row["Type"],
        row["PublicPort"],
        host if host and ip.is_unspecified else ip,
    )


def _own_address(one: Json) -> Address | None:
    """Its address in the first of its networks, by their names."""
    networks = _mapping(_mapping(one, "NetworkSettings"), "Networks")
    for _name, network in sorted(networks.items()):
        for key in ("IPAddress", "GlobalIPv6Address"):
            if isinstance(network, dict) and (ip := _address(network.get(key))):
                return ip
    return None


def _suffix(port: Port) -> str:
    return "" if port.protocol == "tcp" else f"-{port.protocol}"


def _best_last(port: Port) -> tuple[int, int]:
    """IPv4 rather than IPv6, then the lowest port of the host."""
    return -port.ip.version, -port.public


def _address(text: object) -> Address | None:
    try:
        return parse_address(text) if text else None
    except ValueError:
        return None


def _is_port(value: object) -> bool:
    return type(value) is int and 1 <= value <= 65535


def _list(one: Json, key: str) -> list[Any]:
    value = one.get(key)
    return value if isinstance(value, list) else []


def _mapping(one: Json, key: str) -> dict[str, Any]:
    value = one.get(key)
    return value if isinstance(value, dict) else {}
