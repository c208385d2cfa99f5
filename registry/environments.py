"""Environments: the ones an installation begins with, and which one is meant."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as registered_apps
from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import NotFound
from registry import defaults
from registry.models import RegistryConfig


def named(name: str = "") -> RegistryConfig:
    """The environment of this name, or ours (IPMANAGER_ENVIRONMENT). Raises NotFound with those
    that exist."""
    wanted = name or settings.ENVIRONMENT
    found = RegistryConfig.objects.with_ranges().filter(environment=wanted).first()
    if found is None:
        there = ", ".join(RegistryConfig.objects.values_list("environment", flat=True)[:20])
        raise NotFound(
            _("There is no environment “%s”.") % wanted[:63], _("There are: %s.") % there
        )
    return found


def install(
    app_config: AppConfig, apps: Any = registered_apps, using: str = "default", **kwargs: Any
) -> None:
    """Receiver of post_migrate: one environment for each mode, where there is none at all."""
    try:
        # As this migration knows them, which need not be the newest.
        configs = apps.get_model("registry", "RegistryConfig")
        ranges = apps.get_model("registry", "PortRange")
    except LookupError:
        return
    if configs._default_manager.using(using).exists():
        return
    for facts in defaults.ENVIRONMENTS:
        config = configs._default_manager.using(using).create(**facts)
        for service_type, (first, last) in defaults.TYPE_RANGES.items():
            ranges._default_manager.using(using).create(
                config=config, service_type=service_type, first=first, last=last
            )


def name_of(name: str) -> str:
    """The environment that is meant; nothing is looked up."""
    return name or settings.ENVIRONMENT
