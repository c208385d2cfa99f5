"""What the registry knows, in the formats that others read: records in, bytes out, the same records
the same bytes."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from registry.export import (
    compose,
    dotenv,
    haproxy,
    hosts,
    http_sd,
    ingress,
    kubernetes,
    nginx,
    nginx_site,
    srv,
)
from registry.export.text import Export, Options, Render

__all__ = ["FORMATS", "Export", "Format", "Options"]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write the services down. `title` says for whom."""

    name: str
    title: str | Promise
    filename: str
    media_type: str
    render: Render


TEXT, JSON, YAML = "text/plain; charset=utf-8", "application/json", "application/yaml"

FORMATS = {
    one.name: one
    for one in (
        Format("hosts", _("hosts file for dnsmasq"), "services.hosts", TEXT, hosts.render),
        Format("srv", _("SRV records for dnsmasq"), "services.conf", TEXT, srv.render),
        Format("http_sd", _("targets for Prometheus"), "http_sd.json", JSON, http_sd.render),
        Format("env", _("environment variables"), "services.env", TEXT, dotenv.render),
        Format(
            "compose", _("ports for docker-compose"), "compose.ports.yaml", YAML, compose.render
        ),
        Format(
            "kubernetes",
            _("Service and EndpointSlice for Kubernetes"),
            "services.yaml",
            YAML,
            kubernetes.render,
        ),
        Format("ingress", _("Ingress for Kubernetes"), "ingress.yaml", YAML, ingress.render),
        Format("nginx", _("upstream blocks for nginx"), "upstreams.conf", TEXT, nginx.render),
        Format(
            "nginx_site", _("servers with TLS for nginx"), "sites.conf", TEXT, nginx_site.render
        ),
        Format("haproxy", _("backends for HAProxy"), "backends.cfg", TEXT, haproxy.render),
    )
}
