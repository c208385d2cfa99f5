"""What root has installed, and how it differs from what we lay out: ranges take effect by the
former only.

The installed file belongs to root; we read it, and never write it. Where nobody has told us its
place, nothing is known, and nobody is judged by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from django.utils.translation import gettext as _

from dhcp.files.difference import difference
from dhcp.files.targets import Target
from ipam.addresses import Network

_RANGE = re.compile(
    r"dhcp-range=(?:tag:[a-z]+,)?set:s[0-9]+,([0-9a-f.:]+),(?:[0-9a-f.:]+|static)(?:,[a-z-]+)*,([0-9.]+),"
)


@dataclass(frozen=True, slots=True)
class Installed:
    """The installed configuration beside the proposed one. `said` is None where nothing is known of
    it."""

    path: Path | None
    proposal: Path
    proposed: bytes = b""
    said: bytes | None = None
    complaint: str = ""

    @property
    def is_known(self) -> bool:
        return self.said is not None

    @property
    def differs(self) -> bool:
        return self.said is not None and self.said != self.proposed

    @property
    def diff(self) -> str:
        """What an installation would change, line by line."""
        if not self.differs:
            return ""
        return difference(self.said or b"", self.proposed, ("installed", "proposed"))

    @property
    def networks(self) -> frozenset[Network]:
        """Those that have a range of ours in the installed file."""
        return frozenset(_networks((self.said or b"").decode("ascii", "replace")))

    @property
    def warning(self) -> str:
        """What an administrator should hear; empty when all is well or nothing is known."""
        if self.complaint:
            return self.complaint
        if not self.differs:
            return ""
        text = _("dnsmasq runs with older ranges; have root install %(proposal)s as %(path)s.")
        if not self.said:
            text = _(
                "dnsmasq has none of our ranges yet; have root install %(proposal)s as %(path)s."
            )
        return text % {"proposal": self.proposal, "path": self.path}

    def as_json(self) -> dict[str, object]:
        """For `sync_dnsmasq --json`; `installed` is null where nothing is known."""
        return {
            "path": str(self.path) if self.path else None,
            "installed": not self.differs if self.is_known else None,
            "reason": self.warning,
        }


def look(target: Target, proposed: bytes | None = None) -> Installed:
    """Read what is installed; compare it with `proposed`, or with the last proposal."""
    if proposed is None:
        proposed = _read(target.conf) or b""
    if target.installed is None:
        return Installed(None, target.conf, proposed)
    try:
        return Installed(target.installed, target.conf, proposed, _read(target.installed) or b"")
    except OSError as error:
        text = _("%(path)s cannot be read: %(reason)s.") % {
            "path": target.installed,
            "reason": error.strerror,
        }
        return Installed(target.installed, target.conf, proposed, None, text)


def _networks(text: str) -> Iterator[Network]:
    for first, size in _RANGE.findall(text):
        try:
            yield ip_network((ip_address(first), size), strict=False)
        except ValueError:
            continue  # a line that we did not write


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
