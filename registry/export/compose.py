"""A docker-compose file to merge with one's own: published ports, start order, and where the needed
services are."""

from collections.abc import Collection, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from registry.discovery.start_order import cyclic
from registry.export.format import YAML, Format, Options, as_yaml, variable
from registry.export.validate import Entry, ValidServices


def write(services: ValidServices, options: Options) -> str:
    """`docker compose -f compose.yaml -f ports.yaml up`.

    Dependencies in a circle are left out: compose would refuse the whole file."""
    needs, ports = {}, {}
    for entry in services.entries:
        needs[entry.id], ports[entry.id] = entry.needs, entry.container_port
    circle = cyclic(needs)
    in_circle = [entry for entry in services.entries if entry.id in circle]
    services.leave_out(in_circle, "dependencies", "they lead in a circle")
    content = {entry.id: _service(entry, ports, circle) for entry in services.entries}
    return as_yaml([{"services": content}])


def _service(entry: Entry, ports: dict[str, int], circle: Collection[str]) -> dict[str, Any]:
    published = {
        "target": entry.container_port,
        "published": str(entry.port),
        "host_ip": str(entry.record.ip),
        "protocol": entry.protocol,
    }
    found: dict[str, Any] = {"ports": [published]}
    if entry.needs and entry.id not in circle:
        found["depends_on"] = list(entry.needs)
    if entry.needs:
        found["environment"] = _variables(entry.needs, ports)
    return found


def _variables(needs: Sequence[str], ports: dict[str, int]) -> dict[str, str]:
    """Within a compose network a service is reached by its name and the port in its container."""
    found: dict[str, str] = {}
    for other in needs:
        found[f"{variable(other)}_HOST"] = other
        found[f"{variable(other)}_PORT"] = str(ports[other])
    return found


FORMAT = Format("compose", _("ports for docker-compose"), "compose.ports.yaml", YAML, write)
