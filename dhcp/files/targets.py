"""Where a DHCP server's files are, and how it is made to read them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import filterfalse
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _

from core import env

if TYPE_CHECKING:
    from dhcp.models import DhcpServer

DEFAULT = "default"  # what the server of the settings is called beside others
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?")
# What stands in the default server's directory beside those of the others.
_OURS = frozenset(
    {
        DEFAULT,
        "hosts",
        "opts",
        "names",
        "conf",
        "generation",
        "applied",
        "written",
        "held",
        "pace",
        "lock",
        "evict",
    }
)


@dataclass(frozen=True, slots=True)
class Target:
    """One dnsmasq: the directory that we own, the way to make it reload, the way to ask what it has
    read."""

    directory: Path
    reload: str
    dns: tuple[str, int] | None
    url: str  # where people change what stands in the files
    installed: Path | None = None  # the configuration that root has installed; None: not known
    leases: Path | None = None  # where it writes its leases; None: not known
    log: str = ""  # a path, `journal` or `journal:/DIRECTORY`; empty: not read
    server_id: int | None = None  # its DhcpServer; None: the default one
    name: str = DEFAULT
    complaint: str = ""  # why nothing may be written there: what raw SQL has put into its row

    @classmethod
    def from_settings(cls) -> Target:
        """The default server."""
        url = f"{settings.PUBLIC_URL}/admin/"
        return cls(
            settings.DNSMASQ_DIR,
            settings.DNSMASQ_RELOAD,
            settings.DNSMASQ_DNS,
            url,
            settings.DNSMASQ_CONF,
            settings.DNSMASQ_LEASES,
            str(settings.DNSMASQ_LOG or ""),
        )

    @classmethod
    def of_agent(cls, server: DhcpServer) -> Target:
        """A server on the host of its agent, whose own settings say where and how: no row of the
        database decides what is signalled there."""
        return replace(cls.from_settings(), server_id=server.pk, name=server.name)

    @classmethod
    def of_remote(cls, server: DhcpServer, directory: Path) -> Target:
        """The files of an agent that works over HTTPS, as its centre renders them: nothing is read
        or written in this directory, which is on another host."""
        url = f"{settings.PUBLIC_URL}/admin/"
        return cls(directory, "none", None, url, server_id=server.pk, name=server.name)

    @classmethod
    def of(cls, server: DhcpServer | None) -> Target:
        """A server of this installation; None is the default one."""
        if server is None:
            return cls.from_settings()
        complaint, dns = complaint_about_name(server.name), None
        try:
            dns = parse_dns(server.dns)
        except ValueError as error:
            complaint = complaint or ": ".join((_("DNS"), str(error)))
        name = f"server-{server.pk}" if complaint else server.name
        leases = Path(server.leases) if server.leases else None
        return replace(
            cls.from_settings(),
            directory=settings.DNSMASQ_DIR / name,
            reload=server.reload or inherited_reload() or "none",
            dns=dns,
            installed=None,
            leases=leases,
            log=server.log,
            server_id=server.pk,
            name=server.name,
            complaint=complaint,
        )

    @property
    def is_connected(self) -> bool:
        """Whether a dnsmasq is told of the files, or asked what it has read of them. Without
        either, writing them says nothing about the network."""
        return self.reload != "none" or self.dns is not None

    @property
    def origin(self) -> str:
        """Whose leases its lease file tells of (`Sighting.origin`)."""
        if self.server_id:
            return self.name
        return ""

    @property
    def hosts(self) -> Path:
        """dnsmasq's dhcp-hostsfile."""
        return self.directory / "hosts"

    @property
    def opts(self) -> Path:
        """dnsmasq's dhcp-optsfile."""
        return self.directory / "opts"

    @property
    def names(self) -> Path:
        """dnsmasq's addn-hosts file of names; there is none where no zone is served."""
        return self.directory / "names"

    @property
    def conf(self) -> Path:
        """The configuration that root should install; dnsmasq does not read this one."""
        return self.directory / "conf"

    @property
    def generation(self) -> Path:
        """dnsmasq's addn-hosts file; a path unit may watch it. Written after every other file."""
        return self.directory / "generation"

    @property
    def applied(self) -> Path:
        """The digest of the files that dnsmasq has last been made to read; dnsmasq does not read
        this one."""
        return self.directory / "applied"

    @property
    def written(self) -> Path:
        """The digests of what we have last begun to write there; a file that has none of them was
        edited by hand."""
        return self.directory / "written"

    @property
    def evict(self) -> Path:
        """The requests to end leases, which root's helper reads; dnsmasq does not read this."""
        return self.directory / "evict"

    @property
    def held(self) -> Path:
        """The number of the generation that is to stay, whatever the ledger says; usually there is
        no such file."""
        return self.directory / "held"

    @property
    def ours(self) -> tuple[Path, ...]:
        """Every file that we write here, all of them under the lock."""
        return (
            self.opts,
            self.hosts,
            self.names,
            self.generation,
            self.applied,
            self.written,
            self.conf,
            self.held,
            self.place,
            self.epoch,
        )

    @property
    def pace(self) -> Path:
        """The end of the pause before the next reload."""
        return self.directory / "pace"

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    # No DHCP server can have the name of these two, which have an underscore.

    @property
    def place(self) -> Path:
        """The random name of this directory among those of all nodes (dhcp/nodes/lease.py)."""
        return self.directory / "node_id"

    @property
    def epoch(self) -> Path:
        """The highest epoch of the sync lease under which this directory was written."""
        return self.directory / "sync_epoch"

    def prepare(self) -> None:
        """Make the directory, and what is missing above it, open to dnsmasq's user whatever our
        umask."""
        missing = list(filterfalse(Path.exists, (self.directory, *self.directory.parents)))
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            path.chmod(0o755)


def complaint_about_name(name: str) -> str:
    """Why a server cannot have this name, which is a directory's too; empty when it can."""
    if not _NAME.fullmatch(name):
        return _("%r is not a name of lower-case letters, digits and hyphens.") % name
    if name in _OURS:
        return _("%s is the name of a file of ours; choose another.") % name
    return ""


def inherited_reload() -> str:
    """The way in the settings, if it can be a further server's, too: not a signal, which the
    default one would get."""
    way = str(settings.DNSMASQ_RELOAD)
    if way in ("none", "generation"):
        return way
    return ""


def parse_dns(text: str) -> tuple[str, int] | None:
    """HOST:PORT, or None for an empty text. Raises ValueError."""
    return env.parse_host_port(text) if text else None
