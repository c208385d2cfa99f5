"""Look up an environment by name; an empty name means IPMANAGER_ENVIRONMENT."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _

from core.errors import NotFound
from registry.models import RegistryConfig


def environment(name: str = "") -> RegistryConfig:
    """The environment of this name. Raises NotFound, which lists the existing ones."""
    wanted = name_or_default(name)
    found = RegistryConfig.objects.with_ranges().filter(environment=wanted).first()
    if found is None:
        existing = RegistryConfig.objects.values_list("environment", flat=True)[:20]
        raise NotFound(
            _("There is no environment “%s”.") % wanted[:63],
            _("Environments: %s.") % ", ".join(existing),
        )
    return found


def name_or_default(name: str) -> str:
    """The name of the environment, without looking it up."""
    return name or settings.ENVIRONMENT
