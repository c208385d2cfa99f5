"""System checks of the DHCP settings. They run before each command, so they use no database."""

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from core import commands
from dhcp.daemon.reload import complaint_about


@register(commands.SETTINGS)
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [*check_reload_method(), *check_directory()]


def check_reload_method() -> Iterator[CheckMessage]:
    """IPMANAGER_DNSMASQ_RELOAD is a method that works on this system."""
    complaint = complaint_about(settings.DNSMASQ_RELOAD)
    if complaint:
        yield Error(complaint, hint="as in pidfile:/run/dnsmasq/dnsmasq.pid", id="dhcp.E001")


def check_directory() -> Iterator[CheckMessage]:
    """dnsmasq's user can enter the directory of its files. It reads them at every reload, and an
    unreadable file holds no reservation."""
    if settings.DNSMASQ_RELOAD == "none":
        return
    for path in (settings.DNSMASQ_DIR, *settings.DNSMASQ_DIR.parents):
        if is_closed(path):
            yield Warning(
                f"IPMANAGER_DNSMASQ_DIR: dnsmasq's user cannot enter {path}",
                hint=f"chmod o+x {path}, or choose another directory",
                id="dhcp.W001",
            )


def is_closed(path: Path) -> bool:
    """Whether the mode of an existing directory keeps other users out."""
    try:
        return not path.stat().st_mode & stat.S_IXOTH
    except OSError:
        return False
