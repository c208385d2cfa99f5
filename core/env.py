"""Read settings from the environment, or from the file that NAME_FILE points to.

Every reader raises ImproperlyConfigured: the message names the variable and what was expected, and
never shows a secret's value.
"""

import contextlib
import difflib
import ipaddress
import os
import re
import secrets
import tempfile
import zoneinfo
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
T = TypeVar("T")

PREFIX = "IPMANAGER_"
# Names that other programs of ours read: the client, ipmanager-manage, the tests.
_ELSEWHERE = ("IPMANAGER_URL", "IPMANAGER_TOKEN", "IPMANAGER_RELEASE")
_TESTS = "IPMANAGER_TEST_"
# What Kubernetes and Docker set for a service that is called ipmanager or ipmanager-….
_OF_A_SERVICE = re.compile(
    r"IPMANAGER_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP)(_\w+)?)"
)
_known = set(_ELSEWHERE)  # and every name that was read


def text(name: str, default: str = "") -> str:
    """The stripped content of the file named by NAME_FILE, or the value of NAME, or the default.

    An empty value counts as unset: compose files write "not given" like that.
    """
    _known.add(name)
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return os.environ.get(name) or default
    try:
        return Path(file).read_text(encoding="utf-8").strip() or default
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImproperlyConfigured(f"{name}_FILE: {file} is not UTF-8 text") from error


def unknown_names() -> dict[str, str]:
    """The variables IPMANAGER_… of the environment that no reader has asked for, each with the
    nearest known name, or an empty text. Call this when all settings have been read."""
    found = {}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and not _is_known(name):
            found[name] = _nearest(name)
    return found


def _is_known(name: str) -> bool:
    if name.removesuffix("_FILE") in _known or name.startswith(_TESTS):
        return True
    return _OF_A_SERVICE.fullmatch(name) is not None


def _nearest(name: str) -> str:
    """Compared without the prefix, which all have in common."""
    ours = [known.removeprefix(PREFIX) for known in _known if known.startswith(PREFIX)]
    candidates = ours + [f"{known}_FILE" for known in ours]
    wanted = name.removeprefix(PREFIX).upper()
    found = difflib.get_close_matches(wanted, candidates, n=1, cutoff=0.7)
    return PREFIX + found[0] if found else ""


def flag(name: str, default: bool = False) -> bool:
    """One of 1/0, true/false, yes/no, on/off."""
    value = text(name, "1" if default else "0").lower()
    if value not in _FLAGS:
        raise ImproperlyConfigured(f"{name}: {value!r} is neither 1 nor 0")
    return _FLAGS[value]


_FLAGS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    """One of the allowed words."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}: {value!r} is not one of {', '.join(allowed)}")
    return value


def number(name: str, default: int, most: int) -> int:
    """A whole number from 0 to `most`."""
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit() and len(value) < 10 and int(value) <= most):
        raise ImproperlyConfigured(f"{name}: {value!r} is not a whole number from 0 to {most}")
    return int(value)


def matching(name: str, default: str, pattern: str, expected: str) -> str:
    """A text that matches the whole pattern. The error shows `expected`, never the value."""
    value = text(name, default)
    if not re.fullmatch(pattern, value):
        raise ImproperlyConfigured(f"{name}: not {expected}")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, blanks stripped, empty parts dropped."""
    return list(filter(None, map(str.strip, text(name, default).split(","))))


def path(name: str, default: Path | str) -> Path:
    """A path; relative ones count from the directory the program was started in."""
    return Path(text(name) or default).expanduser().absolute()


def existing_path(name: str, default: Path | str) -> Path | None:
    """The path that is set, existing or not; else the default if it exists, else None."""
    return path(name, default) if text(name) or Path(default).exists() else None


def optional_path(name: str) -> Path | None:
    """The path that is set, or None."""
    return path(name, "") if text(name) else None


def directory(name: str, default: Path | str) -> Path:
    """A writable directory; created if it is missing."""
    value = path(name, default)
    try:
        value.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}: cannot create the directory {value}: {error.strerror}"
        ) from error
    if not os.access(value, os.W_OK | os.X_OK):
        raise ImproperlyConfigured(f"{name}: cannot write into {value}")
    return value


def timezone(name: str, default: str) -> str:
    """The name of a time zone, for example Europe/Berlin."""
    value = text(name, default)
    try:
        zoneinfo.ZoneInfo(value)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ImproperlyConfigured(
            f"{name}: {value!r} is not a time zone (for example Europe/Berlin)"
        ) from error
    return value


def address(name: str, default: str) -> Address:
    """An IPv4 or IPv6 address."""
    value = text(name, default)
    try:
        return ipaddress.ip_address(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {value!r} is not an IP address") from error


def network(name: str, default: str) -> Network:
    """A network in CIDR form without host bits."""
    return _parsed(name, ipaddress.ip_network, text(name, default))


def _parsed(name: str, parse: Callable[[str], T], value: str) -> T:
    try:
        return parse(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


def gateway(name: str, network: Network) -> Address:
    """An address of the network; its first host address unless NAME is set."""
    value = address(name, str(first_host(network)))
    if value not in network:
        raise ImproperlyConfigured(f"{name}: {value} is not in {network}")
    return value


def first_host(network: Network) -> Address:
    """The lowest host address of the network."""
    return network.network_address + (1 if network.num_addresses > 2 else 0)


def networks(name: str) -> list[Network]:
    """A comma-separated list of networks or single addresses."""
    return [_parsed(name, ipaddress.ip_network, part) for part in words(name)]


def host_port(name: str, default: str) -> tuple[str, int]:
    """HOST:PORT, an IPv6 host in brackets; the port is 1 to 65535."""
    return _parsed(name, parse_host_port, text(name, default))


def parse_host_port(value: str) -> tuple[str, int]:
    """Split HOST:PORT; an IPv6 host is in brackets. Raises ValueError."""
    host, _colon, port = value.rpartition(":")
    is_number = port.isascii() and port.isdigit()
    if not host or not is_number or not 0 < int(port) < 65536:
        raise ValueError(f"{value!r} is not HOST:PORT (for example 127.0.0.1:8000)")
    return host.strip("[]"), int(port)


def host_of(url: str) -> str:
    """The host of a URL in the form of ALLOWED_HOSTS; empty if there is none."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def database(name: str, default: str) -> dict:
    """Django's DATABASES entry from a URL (sqlite:///FILE or
    postgres://USER:PASSWORD@HOST:PORT/NAME).

    HOST:PORT may be several, h1:5432,h2:5432; HOST may be a percent-encoded socket directory.
    """
    return parse_database(name, text(name, default))


def parse_database(name: str, value: str) -> dict:
    """The same for a given URL; `name` is for the error message."""
    import environ  # here, because the supervisor needs no database

    try:
        entry = dict(environ.Env.db_url_config(value))
    except Exception as error:  # of many types; the message must not show the URL's password
        raise ImproperlyConfigured(
            f"{name}: not a database URL (sqlite:///FILE or postgres://...)"
        ) from error
    if entry.get("ENGINE") not in ("django.db.backends.sqlite3", "django.db.backends.postgresql"):
        raise ImproperlyConfigured(f"{name}: only sqlite:// and postgres:// are supported")
    # A socket's directory is written %2Frun%2Fpostgresql.
    entry["HOST"] = unquote(entry.get("HOST", ""))
    return entry


def mail_server(name: str) -> dict:
    """Django's EMAIL_… settings from a URL: smtp://, smtp+tls:// (STARTTLS) or smtp+ssl://, as in
    smtp+tls://USER:PASSWORD@HOST:587; empty without one."""
    value = text(name)
    if not value:
        return {}
    import environ

    is_smtp = re.match(r"smtps?(\+(tls|ssl))?://[^/]", value)
    try:
        entry = dict(environ.Env.email_url_config(value)) if is_smtp else {}
    except Exception:  # of many types; the message must not show the URL's password
        entry = {}
    if not entry.get("EMAIL_HOST"):
        raise ImproperlyConfigured(f"{name}: not a mail server's URL (smtp+tls://HOST:587)")
    defaults = {"EMAIL_USE_TLS": False, "EMAIL_USE_SSL": False}
    return {**defaults, **entry, "EMAIL_PORT": entry.get("EMAIL_PORT") or 25}


def secret(name: str, keep_in: Path) -> str:
    """The secret NAME; if it is not set, a random secret that is kept in a file of mode 0600."""
    value = text(name)
    if value:
        return value
    try:
        if not keep_in.exists():
            _keep_new_secret(keep_in)
        value = keep_in.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{name} is not set and {keep_in} cannot be used: {error}"
        ) from error
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set and {keep_in} is empty: remove the file or set {name}"
        )
    return value


def _keep_new_secret(file: Path) -> None:
    """Write a random secret into the file; of two processes that start together, the first wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(secrets.token_urlsafe(50) + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(beside, file)
    finally:
        os.unlink(beside)
