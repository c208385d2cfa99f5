"""DHCP settings that cannot work: `manage.py check` names them, with what to do."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from dhcp.reload import complaint_about


@register()
def check_dhcp(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return list(reload_method())


def reload_method() -> Iterator[CheckMessage]:
    complaint = complaint_about(settings.DNSMASQ_RELOAD)
    if complaint:
        yield Error(complaint, hint="as in pidfile:/run/dnsmasq/dnsmasq.pid", id="dhcp.E001")
