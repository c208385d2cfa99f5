"""Ingress manifests for Kubernetes: host names for the web and API services of the format
`kubernetes`."""

from django.utils.translation import gettext_lazy as _

from registry.export.format import YAML, Format, Options, as_yaml
from registry.export.kubernetes import (
    CONDITIONS,
    Manifest,
    by_protocol,
    kubernetes_groups,
    metadata,
    port_of,
)
from registry.export.validate import ValidServices


def write(services: ValidServices, options: Options) -> str:
    """One Ingress for each group with web or API services, for the cluster's default controller."""
    manifests = []
    for group, entries in kubernetes_groups(services).items():
        if any(entry.speaks_http for entry in entries):
            port = port_of(by_protocol(entries)["tcp"])
            manifests.append(_ingress(group, port, options.domain))
        else:
            services.leave_out(entries, "type", "only web and api services speak HTTP")
    return as_yaml(manifests)


def _ingress(group: str, port: int, domain: str) -> Manifest:
    backend = {"service": {"name": group, "port": {"number": port}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(group, group),
        "spec": {"rules": [{"host": f"{group}.{domain}", "http": {"paths": [path]}}]},
    }


FORMAT = Format("ingress", _("Ingress for Kubernetes"), "ingress.yaml", YAML, write, CONDITIONS)
