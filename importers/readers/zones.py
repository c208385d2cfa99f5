"""Zone files (RFC 1035) as records: the reader of `names`, for files that name their zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from django.utils.translation import gettext as _

from importers.records import LeftOut, Name, Record, ZoneName
from importers.source import BadInput, Source
from names import rdata
from names.zones import file as zone_file

_ORIGIN = re.compile(r"^\$ORIGIN\s+(\S+)\.\s*(;.*)?$", re.MULTILINE | re.IGNORECASE)
_SOA = re.compile(r"^(\S+)\.\s+(?:\S+\s+){0,2}SOA\s", re.MULTILINE | re.IGNORECASE)
_OF_FILE = re.compile(r"^(db\.|named\.)|\.?(zone|db|hosts|txt)?\.?$")


def read(source: Source, name: str) -> Iterator[Record]:
    """The zone and its records. Raises BadInput where the zone has no name."""
    text = source.text(name)
    zone = _zone(name, text)
    yield ZoneName(f"{name}:1", zone)
    for entry in zone_file.read(text, zone):
        at = f"{name}:{entry.line}"
        what = " ".join(filter(None, (entry.name, entry.type, entry.value)))
        if entry.complaint:
            yield LeftOut(at, what[:200], entry.complaint)
        else:
            yield Name(at, entry.name, entry.type, entry.value)


def _zone(name: str, text: str) -> str:
    """The zone's name: of $ORIGIN, of the SOA record, or else of the file."""
    for pattern in (_SOA, _ORIGIN):
        if found := pattern.search(text):
            return rdata.lower(found[1])
    zone = rdata.lower(_OF_FILE.sub("", PurePosixPath(name).name))
    if not rdata.is_name(zone) or "." not in zone:
        text = _("The zone has no name: write $ORIGIN, or name the file db.corp.example.")
        raise BadInput(f"{name}:1", text)
    return zone
