"""Settings for the usual kinds of deployment, in the seed's words: what `PUT
/api/v1/ipmanager/config` takes.

What a template does not say stays as it is, or as new environments begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import NotFound

NODE_PORTS = (30000, 32767)  # what Kubernetes keeps for services on the addresses of its nodes


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of deployment; `exports` are the formats that go with it."""

    name: str
    title: str | Promise
    config: dict[str, Any]
    exports: tuple[str, ...]


TEMPLATES = {
    one.name: one
    for one in (
        Template(
            "workstation",
            gettext_lazy(
                "one developer's machine: loopback, any port that is free, quick to forget"
            ),
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
                "parallel test runs: a loopback address for each environment, random ports, no grace"
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
                "production on servers: every service on its host's address, no port but the wanted one"
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
            gettext_lazy(
                "docker-compose on one machine: ports published on loopback, a proxy before them"
            ),
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
            gettext_lazy(
                "beside a Kubernetes cluster: ports of its nodes, services made known inside"
            ),
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
}


def named(name: str) -> Template:
    """The template of this name. Raises NotFound with those that there are."""
    if name not in TEMPLATES:
        raise NotFound(
            _("There is no template “%s”.") % name[:40], _("There are: %s.") % ", ".join(TEMPLATES)
        )
    return TEMPLATES[name]
