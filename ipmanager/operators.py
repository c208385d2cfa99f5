"""The group "Operators": it may see every table of ours and change nothing."""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group, Permission

NAME = "Operators"
APPS = {"ipam", "dhcp", "pxe", "registry"}


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: make the group, and let it see what is new."""
    if app_config.label in APPS:
        operators, _made = Group.objects.using(using).get_or_create(name=NAME)
        seen = Permission.objects.using(using).filter(
            content_type__app_label=app_config.label, codename__startswith="view_"
        )
        operators.permissions.add(*seen)
