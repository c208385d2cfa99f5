"""Services outside a Kubernetes cluster, made known inside: a Service without selector for every
group, and EndpointSlices with the addresses."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from registry.export.text import Export, Options, as_yaml, comments
from registry.export.validate import Entry, LeftOut, sift, unreachable
from registry.records import ServiceRecord

MANAGER = "ipmanager"
MOST_ENDPOINTS = 1000  # of one EndpointSlice
Manifest = dict[str, Any]


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """Manifests without a namespace: `kubectl apply --namespace production --filename FILE`."""
    groups, left_out = sifted_groups(records)
    documents = [
        manifest for group, entries in groups.items() for manifest in _manifests(group, entries)
    ]
    return Export(
        (comments(options.url, left_out) + as_yaml(documents)).encode("ascii"), tuple(left_out)
    )


def sifted_groups(records: Sequence[ServiceRecord]) -> tuple[dict[str, list[Entry]], list[LeftOut]]:
    """The groups that Kubernetes can take. A Service's name begins with a letter (RFC 1035)."""
    sifted = sift(records, unreachable, not_local)
    groups = sifted.groups()
    numbered = [entry for group in groups if group[0].isdigit() for entry in groups[group]]
    refused = [
        LeftOut(x.record.service_id, "ip", "Kubernetes' names begin with a letter")
        for x in numbered
    ]
    good = {group: entries for group, entries in groups.items() if not group[0].isdigit()}
    return good, [*sifted.left_out, *refused]


def not_local(record: ServiceRecord) -> str:
    """Kubernetes refuses such addresses:
    https://kubernetes.io/docs/concepts/services-networking/service/"""
    local = record.address.is_loopback or record.address.is_link_local
    return f"{record.address} is not reached from another host" if local else ""


def port_of(entries: Sequence[Entry]) -> int:
    """The port by which a group is called inside the cluster: that of its first service in its
    container."""
    return entries[0].container_port


def metadata(name: str, group: str, **labels: str) -> Manifest:
    found = {"app.kubernetes.io/name": group, "app.kubernetes.io/managed-by": MANAGER}
    return {"name": name, "labels": found | labels}


def by_protocol(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.protocol].append(entry)
    return dict(sorted(found.items()))


def _manifests(group: str, entries: Sequence[Entry]) -> list[Manifest]:
    return [_service(group, entries), *_slices(group, entries)]


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


def _slices(group: str, entries: Sequence[Entry]) -> list[Manifest]:
    """One for each kind of address and each port: all endpoints of a slice share both."""
    alike: defaultdict[tuple[str, int, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        alike[entry.protocol, entry.ip.version, entry.port].append(entry)
    return [
        _slice(group, some[start : start + MOST_ENDPOINTS], start // MOST_ENDPOINTS + 1)
        for _key, some in sorted(alike.items())
        for start in range(0, len(some), MOST_ENDPOINTS)
    ]


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
