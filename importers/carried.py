"""Files that a preview carries to the import: packed and signed, so that what is applied is what
was looked at. No server has to keep them."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from django.core import signing
from django.utils.translation import gettext as _

from core.errors import Invalid

_SALT = "importers.carried"
_AGE = 3600  # seconds


def pack(user_id: str, kind: str, files: Mapping[str, bytes]) -> str:
    """The files as a text for a form."""
    texts = {name: base64.b85encode(data).decode() for name, data in files.items()}
    return signing.dumps([user_id, kind, texts], salt=_SALT, compress=True)


def unpack(user_id: str, text: str) -> tuple[str, dict[str, bytes]]:
    """The kind and the files. Raises Invalid for what this user has not looked at lately."""
    try:
        owner, kind, texts = signing.loads(text, salt=_SALT, max_age=_AGE)
    except signing.BadSignature as error:
        raise _stale() from error
    if owner != user_id:
        raise _stale()
    return kind, {name: base64.b85decode(data) for name, data in texts.items()}


def _stale() -> Invalid:
    return Invalid(_("The preview is out of date."), _("Upload the files again."))
