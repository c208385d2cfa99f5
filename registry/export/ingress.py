"""Ingress manifests for Kubernetes: the web and API services that `kubernetes` describes, by their
host names."""

from collections.abc import Sequence

from registry.export.kubernetes import Manifest, by_protocol, metadata, port_of, sifted_groups
from registry.export.text import Export, Options, as_yaml, comments
from registry.export.validate import Entry, LeftOut
from registry.records import ServiceRecord

HTTP_TYPES = ("web", "api")


def render(records: Sequence[ServiceRecord], options: Options) -> Export:
    """One Ingress for every group of services of the types web and api, for the cluster's default
    controller."""
    groups, left_out = sifted_groups(records)
    documents = []
    for group, entries in groups.items():
        tcp = by_protocol(entries).get("tcp", [])
        if any(speaks_http(entry) for entry in tcp):
            documents.append(_ingress(group, port_of(tcp), options.domain))
        else:
            left_out += [
                LeftOut(x.record.service_id, "type", "only web and api services speak HTTP")
                for x in entries
            ]
    return Export(
        (comments(options.url, left_out) + as_yaml(documents)).encode("ascii"), tuple(left_out)
    )


def speaks_http(entry: Entry) -> bool:
    """Databases and the like have no business at the door."""
    return entry.record.type in HTTP_TYPES and entry.protocol == "tcp"


def _ingress(group: str, port: int, domain: str) -> Manifest:
    backend = {"service": {"name": group, "port": {"number": port}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(group, group),
        "spec": {"rules": [{"host": f"{group}.{domain}", "http": {"paths": [path]}}]},
    }
