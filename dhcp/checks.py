"""DHCP settings that cannot work: `manage.py check` names them, with what to do."""

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from dhcp.files.reload import complaint_about


@register()
def check_dhcp(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [*reload_method(), *closed_doors()]


def reload_method() -> Iterator[CheckMessage]:
    complaint = complaint_about(settings.DNSMASQ_RELOAD)
    if complaint:
        yield Error(complaint, hint="as in pidfile:/run/dnsmasq/dnsmasq.pid", id="dhcp.E001")


def closed_doors() -> Iterator[CheckMessage]:
    """dnsmasq reads its files as a user of its own, at every reload: unreadable, they are no
    reservation at all."""
    for path in (settings.DNSMASQ_DIR, *settings.DNSMASQ_DIR.parents):
        if settings.DNSMASQ_RELOAD != "none" and is_closed(path):
            yield Warning(
                f"IPMANAGER_DNSMASQ_DIR: dnsmasq's user cannot enter {path}",
                hint=f"chmod o+x {path}, or choose another directory",
                id="dhcp.W001",
            )


def is_closed(path: Path) -> bool:
    """Whether a directory that exists lets no other user pass."""
    try:
        return not path.stat().st_mode & stat.S_IXOTH
    except OSError:
        return False
