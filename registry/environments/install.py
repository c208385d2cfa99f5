"""Create the environments that a new installation starts with."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.apps import apps as registered_apps

from registry.environments import defaults


def create_environments(
    app_config: AppConfig, apps: Any = registered_apps, using: str = "default", **kwargs: Any
) -> None:
    """Receiver of post_migrate: create one environment for each mode if there is none at all."""
    try:
        # The models as this migration knows them, which may be older than ours.
        configs = apps.get_model("registry", "RegistryConfig")._default_manager.using(using)
        ranges = apps.get_model("registry", "PortRange")._default_manager.using(using)
    except LookupError:
        return
    if configs.exists():
        return
    for facts in defaults.ENVIRONMENTS:
        config = configs.create(**facts)
        for service_type, (first, last) in defaults.TYPE_RANGES.items():
            ranges.create(config=config, service_type=service_type, first=first, last=last)
