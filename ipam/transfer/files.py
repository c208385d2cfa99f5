"""Open a file that holds a table: its encoding, and whether spreadsheets, programs
or dnsmasq keep it so."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from django.utils.translation import gettext as _

from core.errors import Invalid
from ipam.transfer.columns import SERVERS
from ipam.transfer.dnsmasq import is_dnsmasq, read_reservations
from ipam.transfer.objects import read_objects
from ipam.transfer.sheet import Layout, Sheet, read_table


@contextmanager
def open_sheet(file: BinaryIO, layout: Layout, delimiter: str | None = None) -> Iterator[Sheet]:
    """Find out how the file is written; its rows can be read inside the block. Raises Invalid when
    it is no table."""
    encoding, notices = _encoding(file)
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        start = text.read(10_000)
        text.seek(0)
        if start.lstrip()[:1] in ("[", "{"):
            yield read_objects(text, layout, notices)
        elif layout is SERVERS and is_dnsmasq(start):
            yield read_reservations(text, layout, notices)
        else:
            yield read_table(text, layout, delimiter, notices)
    finally:
        text.detach()


def _encoding(file: BinaryIO) -> tuple[str, list[str]]:
    """UTF-8, or what Excel writes instead; the file is at its start again afterwards."""
    start = file.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif start == b"PK\x03\x04":
        raise Invalid(
            _("This is a workbook, not a CSV file."), _("Save it as “CSV UTF-8” and import that.")
        )
    else:
        candidates = ["utf-8-sig", "cp1252"]
    for encoding in candidates:
        if _decodes(file, encoding):
            file.seek(0)
            return encoding, _notices(encoding)
    raise Invalid(
        _("The file is neither UTF-8 nor Windows-1252 text."),
        _("Save it as “CSV UTF-8” and import that."),
    )


def _notices(encoding: str) -> list[str]:
    if encoding != "cp1252":
        return []
    return [_("The file is not UTF-8; it is read as Windows-1252 (Western European).")]


def _decodes(file: BinaryIO, encoding: str) -> bool:
    """Whether the whole file is text in this encoding; NUL is a sign of something else."""
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while piece := file.read(1 << 16):
            if "\0" in decoder.decode(piece):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
