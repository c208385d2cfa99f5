"""Where a DHCP server's files are, and how it hears of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Target:
    """One dnsmasq: the directory that we own, the way to make it reload, the way to ask what it has read."""

    directory: Path
    reload: str
    dns: tuple[str, int] | None
    url: str  # where people change what stands in the files
    installed: Path | None = None  # the configuration that root has installed; None: nobody has told us

    @classmethod
    def from_settings(cls) -> Target:
        url = f"{settings.PUBLIC_URL}/admin/"
        return cls(
            settings.DNSMASQ_DIR, settings.DNSMASQ_RELOAD, settings.DNSMASQ_DNS, url, settings.DNSMASQ_CONF
        )  # fmt: skip

    @property
    def hosts(self) -> Path:
        """dnsmasq's dhcp-hostsfile."""
        return self.directory / "hosts"

    @property
    def opts(self) -> Path:
        """dnsmasq's dhcp-optsfile."""
        return self.directory / "opts"

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
        """The digest of the files that dnsmasq has last been made to read; dnsmasq does not read this one."""
        return self.directory / "applied"

    @property
    def written(self) -> Path:
        """The digests of what we have last begun to write there; a file that has none of them was edited by hand."""
        return self.directory / "written"

    @property
    def evict(self) -> Path:
        """Where root's helper looks for leases that it shall free; dnsmasq does not read this."""
        return self.directory / "evict"

    @property
    def held(self) -> Path:
        """The number of the generation that is to stay, whatever the ledger says; usually there is no such file."""
        return self.directory / "held"

    @property
    def ours(self) -> tuple[Path, ...]:
        """Every file that we write here, all of them under the lock."""
        return (self.opts, self.hosts, self.generation, self.applied, self.written, self.conf, self.held)

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    def prepare(self) -> None:
        """Make the directory, open to dnsmasq's user whatever our umask."""
        if not self.directory.is_dir():
            self.directory.mkdir(parents=True, exist_ok=True)
            self.directory.chmod(0o755)
