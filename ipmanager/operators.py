"""The group "Operators": its members see every table of IPManager and change nothing."""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group, Permission

NAME = "Operators"
# Which of the app's permissions begin so. Webhooks and mails are their owners' own.
VIEWS = {
    **dict.fromkeys(("ipam", "names", "dhcp", "pxe", "registry", "machines", "discovery"), "view_"),
    "events": "view_event",
}


def install(app_config: AppConfig, using: str = "default", **kwargs: Any) -> None:
    """Receiver of post_migrate: make the group and give it the view permissions of the app."""
    if app_config.label not in VIEWS:
        return
    operators, _created = Group.objects.using(using).get_or_create(name=NAME)
    permissions = Permission.objects.using(using).filter(
        content_type__app_label=app_config.label, codename__startswith=VIEWS[app_config.label]
    )
    operators.permissions.add(*permissions)
