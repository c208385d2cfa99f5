"""Templates: settings for common deployments, in the form of `PUT /api/v1/ipmanager/config`.

A setting that a template leaves out keeps its value, or the default of a new environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import NotFound

NODE_PORTS = (30000, 32767)  # Kubernetes' range for services on the addresses of its nodes


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of deployment; `exports` are the formats that fit it."""

    name: str
    title: str | Promise
    config: dict[str, Any]
    exports: tuple[str, ...]


_TEMPLATES = (
    Template(
        "workstation",
        gettext_lazy("one developer's machine: loopback, any free port, short timeouts"),
        {
            "mode": "development",
            "service_ip_base": "127.0.0.1",
            "conflict_resolution_strategy": "next",
            "fallback": True,
            "heartbeat_timeout": 30,
            "grace_period": 10,
        },
        ("env",),
    ),
    Template(
        "tests",
        gettext_lazy(
            "parallel test runs: a loopback address per environment, random ports, no grace"
        ),
        {
            "mode": "test",
            "conflict_resolution_strategy": "random",
            "fallback": True,
            "heartbeat_timeout": 10,
            "grace_period": 0,
        },
        ("env",),
    ),
    Template(
        "servers",
        gettext_lazy(
            "production on servers: each service at its host's address and at its own port only"
        ),
        {
            "mode": "production",
            "conflict_resolution_strategy": "strict",
            "fallback": False,
            "heartbeat_timeout": 90,
            "grace_period": 300,
        },
        ("hosts", "srv", "nginx_site", "haproxy", "http_sd"),
    ),
    Template(
        "compose",
        gettext_lazy("docker-compose on one machine: ports on loopback, behind a proxy"),
        {
            "mode": "development",
            "service_ip_base": "127.0.0.1",
            "conflict_resolution_strategy": "next",
            "fallback": True,
            "heartbeat_timeout": 60,
            "grace_period": 60,
        },
        ("compose", "nginx", "http_sd"),
    ),
    Template(
        "kubernetes",
        gettext_lazy("beside a Kubernetes cluster: node ports, with manifests for the cluster"),
        {
            "mode": "production",
            "conflict_resolution_strategy": "next",
            "fallback": False,
            "default_port_range": NODE_PORTS,
            "service_type_ranges": {},
            "heartbeat_timeout": 90,
            "grace_period": 300,
        },
        ("kubernetes", "ingress", "http_sd"),
    ),
)
TEMPLATES = {template.name: template for template in _TEMPLATES}


def template(name: str) -> Template:
    """The template of this name. Raises NotFound, which lists the existing ones."""
    if name not in TEMPLATES:
        raise NotFound(
            _("There is no template “%s”.") % name[:40],
            _("Templates: %s.") % ", ".join(TEMPLATES),
        )
    return TEMPLATES[name]
