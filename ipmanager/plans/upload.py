"""A file that was chosen in the browser: it travels with the form from the preview to the import,
so that any web node can do either."""

from __future__ import annotations

import base64
import binascii
import zlib

from django.http import HttpRequest
from django.utils.translation import gettext as _

from core.commands import manage_command
from core.errors import Invalid

MOST = 10 * 1024 * 1024  # bytes of a file
MOST_PACKED = 4 * 1024 * 1024  # characters in the form


def content(request: HttpRequest) -> bytes:
    """The file that was chosen now, else the one of the preview. Raises Invalid."""
    chosen = request.FILES.get("file")
    if chosen:
        found = chosen.read(MOST + 1)
    else:
        found = _unpacked(request.POST.get("content", ""))
    if not found:
        raise Invalid(_("Choose a file."))
    if len(found) > MOST:
        raise _too_large()
    return found


def packed(data: bytes) -> str:
    """As it stands in the form. Raises Invalid."""
    text = base64.b64encode(zlib.compress(data)).decode()
    if len(text) > MOST_PACKED:
        raise _too_large()
    return text


def _unpacked(text: str) -> bytes:
    try:
        return zlib.decompressobj().decompress(base64.b64decode(text), MOST + 1)
    except (zlib.error, binascii.Error, ValueError):
        return b""


def _too_large() -> Invalid:
    text = _("The file is too large for the browser.")
    return Invalid(text, _("Use %s on the server.") % manage_command("import_csv"))
