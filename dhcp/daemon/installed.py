"""The configuration that root has installed, compared with the one that we propose: only the
installed one sets the ranges.

It belongs to root; IPManager reads it and never writes it. Without IPMANAGER_DNSMASQ_CONF its path
is not known, and nothing is reported about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from dhcp.daemon.lines import parse_range
from dhcp.daemon.options import Option, named, parse_configuration, values_of
from dhcp.edits.written import read_file
from dhcp.files.difference import difference
from dhcp.files.targets import Target
from ipam.addresses import Network

_ANY_RANGE = re.compile(rb"^\s*dhcp-range\s*=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Installed:
    """The installed configuration and the proposed one. `content` is None where it is not known."""

    path: Path | None
    proposal: Path
    proposed: bytes = b""
    content: bytes | None = None
    complaint: str = ""

    @property
    def is_known(self) -> bool:
        return self.content is not None

    @property
    def options(self) -> list[Option]:
        """What we propose."""
        return list(parse_configuration(_text(self.proposed), self.proposal))

    @property
    def differs(self) -> bool:
        return self.content is not None and self.content != self.proposed

    @property
    def diff(self) -> str:
        """What an installation would change, line by line."""
        if not self.differs:
            return ""
        return difference(self.content or b"", self.proposed, ("installed", "proposed"))

    @property
    def networks(self) -> frozenset[Network]:
        """Those that have a range of ours in the installed file."""
        return frozenset(networks_of(parse_configuration(_text(self.content), self.proposal)))

    @property
    def has_range(self) -> bool:
        """Whether dnsmasq has a range by the installed file, or would have by the proposal where
        the installed one is not known. Without a range it keeps no lease file."""
        text = self.proposed
        if self.content is not None:
            text = self.content
        return _ANY_RANGE.search(text) is not None

    @property
    def warning(self) -> str:
        """What an administrator should do; empty when nothing is to be done or is known."""
        if self.complaint:
            return self.complaint
        if not self.differs:
            return ""
        text = _("dnsmasq runs with older ranges; have root install %(proposal)s as %(path)s.")
        if not self.content:
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


def compare(target: Target, proposed: bytes | None = None) -> Installed:
    """Read what is installed; compare it with `proposed`, or with the last proposal."""
    if proposed is None:
        proposed = read_file(target.conf)
    if target.installed is None:
        return Installed(None, target.conf, proposed)
    try:
        return Installed(target.installed, target.conf, proposed, read_file(target.installed))
    except OSError as error:
        text = _("%(path)s cannot be read: %(reason)s.") % {
            "path": target.installed,
            "reason": error.strerror,
        }
        return Installed(target.installed, target.conf, proposed, None, text)


def networks_of(options: Iterable[Option]) -> Iterator[Network]:
    """Those that have a range of ours among these options."""
    for found in map(parse_range, values_of(named(options, "dhcp-range"))):
        if found and found.is_ours and found.network:
            yield found.network


def _text(content: bytes | None) -> str:
    return (content or b"").decode("ascii", "replace")
