"""Settings that work but are probably not meant: `manage.py check` names them, with what to do."""

import ipaddress
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "ceph",
    "glusterfs",
    "afs",
    "fuse.sshfs",
}
SHORTEST_SAFE_TOKEN = 20


@register()
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    return [*open_to_the_network(), *tls_without_proxy(), *database_place(), *weak_token()]


def open_to_the_network() -> Iterator[CheckMessage]:
    """Warn of settings that are right at home and wrong when others can reach us."""
    if is_loopback(settings.BIND[0]):
        return
    if not any(map(is_for_others, settings.ALLOWED_HOSTS)):
        yield Warning(
            "IPMANAGER_BIND lets other machines in, but no name in IPMANAGER_ALLOWED_HOSTS is for them.",
            hint="set IPMANAGER_ALLOWED_HOSTS to the names and addresses that people type, separated by commas",
            id="ipmanager.W001",
        )
    if not is_for_others(urlsplit(settings.PUBLIC_URL).hostname or ""):
        yield Warning(
            f"IPMANAGER_PUBLIC_URL is {settings.PUBLIC_URL}, which other machines cannot use.",
            hint="set IPMANAGER_PUBLIC_URL to the address by which machines reach IPManager",
            id="ipmanager.W002",
        )
    if settings.DEBUG:
        yield Warning(
            "IPMANAGER_DEBUG is on and other machines can reach IPManager: error pages show its settings.",
            hint="set IPMANAGER_DEBUG=0",
            id="ipmanager.W003",
        )
    if settings.POOL_API == "open":
        yield Warning(
            "IPMANAGER_POOL_API is open and other machines can reach IPManager: anybody may take addresses.",
            hint="set IPMANAGER_POOL_API=token, or let a firewall choose the callers",
            id="ipmanager.W004",
        )


def tls_without_proxy() -> Iterator[CheckMessage]:
    """Warn of https in front of us whose proxy we do not believe: everybody then has the proxy's
    address."""
    if settings.PUBLIC_URL.startswith("https://") and not settings.TRUSTED_PROXIES:
        yield Warning(
            "IPMANAGER_PUBLIC_URL starts with https://, but IPMANAGER_TRUSTED_PROXIES names no proxy that speaks TLS.",
            hint="set IPMANAGER_TRUSTED_PROXIES to the proxy's address, 127.0.0.1 for one on this machine",
            id="ipmanager.W007",
        )


def database_place() -> Iterator[CheckMessage]:
    """Warn of SQLite on a network file system: its locks do not hold there, so the file gets
    corrupted."""
    database = settings.DATABASES["default"]
    if (
        database["ENGINE"].endswith("sqlite3")
        and file_system(Path(database["NAME"])) in NETWORK_FILE_SYSTEMS
    ):
        yield Warning(
            f"The SQLite database {database['NAME']} is on a network file system, where its locks do not hold.",
            hint="set IPMANAGER_DATA_DIR to a local disk, or DATABASE_URL to a PostgreSQL server",
            id="ipmanager.W005",
        )


def weak_token() -> Iterator[CheckMessage]:
    """Warn of a fixed token that can be guessed."""
    if 0 < len(settings.BOOTSTRAP_TOKEN) < SHORTEST_SAFE_TOKEN:
        yield Warning(
            f"IPMANAGER_BOOTSTRAP_TOKEN is shorter than {SHORTEST_SAFE_TOKEN} characters.",
            hint="make one with: openssl rand -hex 32",
            id="ipmanager.W006",
        )


def is_loopback(host: str) -> bool:
    """Does this name or address mean the machine itself?"""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_for_others(host: str) -> bool:
    """Can other machines use this name or address? 0.0.0.0 and :: are for listening only."""
    return not is_loopback(host) and host.strip("[]") not in ("", "0.0.0.0", "::")


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that path is on; empty where the kernel does not tell (not
    Linux)."""
    if not mounts.exists():
        return ""
    points = {}
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _device, point, kind, *_rest = line.split(" ")
        points[point.replace("\\040", " ")] = kind
    place = path.resolve()
    return next((points[str(p)] for p in (place, *place.parents) if str(p) in points), "")
