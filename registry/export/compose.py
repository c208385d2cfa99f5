"""A docker-compose file to lay over one's own: the ports of the registry, who starts after whom,
and where they are."""

from collections.abc import Collection, Sequence
from typing import Any

from registry.discovery.start_order import cyclic
from registry.export.text import Export, Options, as_yaml, comments, variable
from registry.export.validate import Entry, LeftOut, sift
from registry.records import ServiceRecord


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """`docker compose -f compose.yaml -f ports.yaml up`. Dependencies in a circle are not written:
    compose would refuse the whole file."""
    sifted = sift(records)
    circle = cyclic({entry.id: entry.needs for entry in sifted.entries})
    ports = {entry.id: entry.container_port for entry in sifted.entries}
    services = {
        entry.id: _service(entry, () if entry.id in circle else entry.needs, ports)
        for entry in sifted.entries
    }
    left_out = [*sifted.left_out, *_in_circles(sifted.entries, circle)]
    return Export(
        (comments(options.url, left_out) + as_yaml([{"services": services}])).encode("ascii"),
        tuple(left_out),
    )


def _in_circles(entries: Sequence[Entry], circle: Collection[str]) -> list[LeftOut]:
    return [
        LeftOut(entry.record.service_id, "dependencies", "they lead in a circle")
        for entry in entries
        if entry.id in circle
    ]


def _service(entry: Entry, after: Sequence[str], ports: dict[str, int]) -> dict[str, Any]:
    published = {
        "target": entry.container_port,
        "published": str(entry.port),
        "host_ip": str(entry.record.ip),
        "protocol": entry.protocol,
    }
    found: dict[str, Any] = {"ports": [published]}
    if after:
        found["depends_on"] = list(after)
    if entry.needs:
        found["environment"] = _whereabouts(entry.needs, ports)
    return found


def _whereabouts(needs: Sequence[str], ports: dict[str, int]) -> dict[str, str]:
    """Within a compose network a service is found by its name and its own port."""
    found: dict[str, str] = {}
    for other in needs:
        found[f"{variable(other)}_HOST"] = other
        found[f"{variable(other)}_PORT"] = str(ports[other])
    return found
