"""System checks of settings that work but are probably a mistake. They run before each command, so
they use no database."""

import ipaddress
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from core import commands, env

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
SHORTEST_SAFE_KEY = 32


@register(commands.SETTINGS)
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    return [
        *check_open_port(),
        *check_proxy(),
        *check_database_directory(),
        *check_bootstrap_token(),
        *check_names(),
        *check_backup_key(),
    ]


def check_open_port() -> Iterator[CheckMessage]:
    """Settings that are safe only while no other machine can connect."""
    if is_loopback(settings.BIND[0]):
        return
    if not any(map(is_for_others, settings.ALLOWED_HOSTS)):
        yield Warning(
            "IPMANAGER_BIND accepts other machines, "
            "but no name in IPMANAGER_ALLOWED_HOSTS is for them.",
            hint="set IPMANAGER_ALLOWED_HOSTS to the names and addresses that people type, "
            "separated by commas",
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
            "IPMANAGER_DEBUG is on and other machines can reach IPManager: "
            "error pages show its settings.",
            hint="set IPMANAGER_DEBUG=0",
            id="ipmanager.W003",
        )
    if settings.POOL_API == "open":
        yield Warning(
            "IPMANAGER_POOL_API is open and other machines can reach IPManager: "
            "anyone can take addresses.",
            hint="set IPMANAGER_POOL_API=token, or restrict the callers by a firewall",
            id="ipmanager.W004",
        )


def check_proxy() -> Iterator[CheckMessage]:
    """HTTPS without a trusted proxy: all callers then have the proxy's address."""
    if settings.PUBLIC_URL.startswith("https://") and not settings.TRUSTED_PROXIES:
        yield Warning(
            "IPMANAGER_PUBLIC_URL starts with https://, "
            "but IPMANAGER_TRUSTED_PROXIES names no proxy that terminates TLS.",
            hint="set IPMANAGER_TRUSTED_PROXIES to the proxy's address, "
            "127.0.0.1 for one on this machine",
            id="ipmanager.W007",
        )


def check_database_directory() -> Iterator[CheckMessage]:
    """SQLite on a network file system, where its locks do not work and the file gets corrupted."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        return
    if file_system(Path(database["NAME"])) in NETWORK_FILE_SYSTEMS:
        yield Warning(
            f"The SQLite database {database['NAME']} is on a network file system, "
            "where its locks do not work.",
            hint="set IPMANAGER_DATA_DIR to a local disk, or DATABASE_URL to a PostgreSQL server",
            id="ipmanager.W005",
        )


def check_bootstrap_token() -> Iterator[CheckMessage]:
    """A fixed token that can be guessed."""
    if 0 < len(settings.BOOTSTRAP_TOKEN) < SHORTEST_SAFE_TOKEN:
        yield Warning(
            f"IPMANAGER_BOOTSTRAP_TOKEN is shorter than {SHORTEST_SAFE_TOKEN} characters.",
            hint="make one with: openssl rand -hex 32",
            id="ipmanager.W006",
        )


def check_names() -> Iterator[CheckMessage]:
    """Variables that nobody reads, because their names are misspelt."""
    for name, nearest in env.unknown_names().items():
        hint = "remove it; docs/settings.md lists all settings"
        if nearest:
            hint = f"do you mean {nearest}?"
        yield Warning(f"{name} is not a setting.", hint=hint, id="ipmanager.W008")


def check_backup_key() -> Iterator[CheckMessage]:
    """A key for backups that can be guessed."""
    if 0 < len(settings.BACKUP_KEY) < SHORTEST_SAFE_KEY:
        yield Warning(
            f"IPMANAGER_BACKUP_KEY is shorter than {SHORTEST_SAFE_KEY} characters.",
            hint="make one with: openssl rand -hex 32",
            id="ipmanager.W009",
        )


def is_loopback(host: str) -> bool:
    """Whether this name or address means the machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_for_others(host: str) -> bool:
    """Whether other machines can use this name or address. 0.0.0.0 and :: are only listened on."""
    return not is_loopback(host) and host.strip("[]") not in ("", "0.0.0.0", "::")


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that path is on; empty where /proc/self/mounts is missing."""
    if not mounts.exists():
        return ""
    types = {}
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _device, point, kind, *_rest = line.split(" ")
        types[point.replace("\\040", " ")] = kind
    place = path.resolve()
    for directory in (place, *place.parents):
        if str(directory) in types:
            return types[str(directory)]
    return ""
