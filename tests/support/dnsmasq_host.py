"""A host whose dnsmasq is configured as a distribution does it: a main file, and a directory of
further ones, one of which is ours, as root has installed it."""

import os
import time
from pathlib import Path

from dhcp.files.targets import Target
from tests.support.lab import Laboratory

OURS = (
    "conf-dir",
    "dhcp-range",
    "dhcp-hostsfile",
    "dhcp-optsfile",
    "addn-hosts",
    "dhcp-authoritative",
)


class Host:
    """The laboratory's dnsmasq with such a configuration, restarted."""

    def __init__(self, lab: Laboratory, settings) -> None:
        self.lab, self.etc = lab, lab.home / "dnsmasq.d"
        self.etc.mkdir(mode=0o755, exist_ok=True)
        self.installed = settings.DNSMASQ_CONF = self.etc / "ipmanager.conf"
        self.local = self.etc / "local.conf"
        lines = lab.conf.read_text().splitlines()
        kept = [line for line in lines if not line.startswith(OURS)]
        self.plain = "\n".join([*kept, f"conf-dir={self.etc},*.conf"]) + "\n"
        self.install()

    def install(self) -> None:
        """What root does: take over our proposal and restart dnsmasq."""
        self.installed.write_bytes(Target.from_settings().conf.read_bytes())
        self.configure()

    def configure(self, *lines: str, replaced: tuple[str, str] = ("", "")) -> None:
        """Restart dnsmasq with these lines in a file of somebody else's, and with one text in the
        main file replaced."""
        self.local.write_text("\n".join(lines) + "\n")
        self.lab.conf.write_text(self.plain.replace(*replaced) if replaced[0] else self.plain)
        for path in (self.local, self.installed, self.lab.conf):
            if path.exists():
                make_older(path)
        self.lab.stop()
        self.lab.start()


def make_older(path: Path) -> None:
    """As if it was written a minute ago: dnsmasq, which starts now, has read it."""
    os.utime(path, (time.time() - 60,) * 2)
