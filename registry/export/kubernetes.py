"""Services outside a Kubernetes cluster, made known inside it: a Service without selector for each
group, and EndpointSlices with the addresses."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from registry.export.format import YAML, Format, Options, as_yaml
from registry.export.validate import Entry, ValidServices, reachable
from registry.records import ServiceRecord

MANAGER = "ipmanager"
MOST_ENDPOINTS = 1000  # of one EndpointSlice
Manifest = dict[str, Any]


def write(services: ValidServices, options: Options) -> str:
    """Manifests without a namespace: `kubectl apply --namespace production --filename FILE`."""
    manifests: list[Manifest] = []
    for group, entries in kubernetes_groups(services).items():
        manifests.append(_service(group, entries))
        manifests.extend(_slices(group, entries))
    return as_yaml(manifests)


def kubernetes_groups(services: ValidServices) -> dict[str, list[Entry]]:
    """The groups whose names Kubernetes accepts for a Service: they begin with a letter (RFC
    1035)."""
    groups = services.groups()
    for group in list(groups):
        if group[0].isdigit():
            services.leave_out(groups.pop(group), "ip", "Kubernetes' names begin with a letter")
    return groups


def not_local(record: ServiceRecord) -> str:
    """Other hosts reach the address; Kubernetes refuses local ones:
    https://kubernetes.io/docs/concepts/services-networking/service/"""
    if record.address.is_loopback or record.address.is_link_local:
        return f"{record.address} is not reached from another host"
    return ""


CONDITIONS = (reachable, not_local)


def port_of(entries: Sequence[Entry]) -> int:
    """The port of a group inside the cluster: that of its first service in its container."""
    return entries[0].container_port


def metadata(name: str, group: str, **labels: str) -> Manifest:
    found = {"app.kubernetes.io/name": group, "app.kubernetes.io/managed-by": MANAGER}
    return {"name": name, "labels": found | labels}


def by_protocol(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.protocol].append(entry)
    return dict(sorted(found.items()))


def _service(group: str, entries: Sequence[Entry]) -> Manifest:
    ports = [
        {"name": protocol, "protocol": protocol.upper(), "port": port_of(some)}
        for protocol, some in by_protocol(entries).items()
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(group, group),
        "spec": {"ports": ports},
    }


def _slices(group: str, entries: Sequence[Entry]) -> Iterator[Manifest]:
    """EndpointSlices: all endpoints of a slice have the same address family and port."""
    alike: defaultdict[tuple[str, int, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        alike[entry.protocol, entry.ip.version, entry.port].append(entry)
    for _key, some in sorted(alike.items()):
        for start in range(0, len(some), MOST_ENDPOINTS):
            number = start // MOST_ENDPOINTS + 1
            yield _slice(group, some[start : start + MOST_ENDPOINTS], number)


def _slice(group: str, entries: Sequence[Entry], number: int) -> Manifest:
    first = entries[0]
    family = f"IPv{first.ip.version}"
    name = f"{group}-{first.protocol}-{family.lower()}-{first.port}-{number}"
    labels = {
        "kubernetes.io/service-name": group,
        "endpointslice.kubernetes.io/managed-by": MANAGER,
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata(name, group, **labels),
        "addressType": family,
        "ports": [{"name": first.protocol, "protocol": first.protocol.upper(), "port": first.port}],
        "endpoints": [
            {"addresses": [str(entry.ip)], "conditions": {"ready": entry.active}}
            for entry in entries
        ],
    }


FORMAT = Format(
    "kubernetes",
    _("Service and EndpointSlice for Kubernetes"),
    "services.yaml",
    YAML,
    write,
    CONDITIONS,
)
