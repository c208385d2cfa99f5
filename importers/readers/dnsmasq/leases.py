"""dnsmasq's lease file as records."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from dhcp.leases.lease_file import parse_leases
from importers.records import Lease, Record
from importers.source import BadInput, Line, Source

_NO_LEASE = re.compile(r"\s*(duid\s.*)?")


def read(source: Source, name: str) -> Iterator[Record]:
    """Raises BadInput for a line that is no lease."""
    for line in source.lines(name):
        if not _NO_LEASE.fullmatch(line.text):
            yield _lease(line)


def _lease(line: Line) -> Lease:
    found = parse_leases(line.text.encode())
    if not found:
        raise BadInput(line.at, _("“%s” is not a lease.") % line.text[:60])
    lease = found[0]
    return Lease(line.at, lease.ip, lease.until, lease.mac, lease.hostname, lease.duid)
