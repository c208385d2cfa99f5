"""What a preview carries to the import: the files, and what would become of them, packed and
signed, so that what is applied is what was looked at. No server has to keep them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from django.core import signing
from django.utils.translation import gettext as _

from core.errors import Invalid

_SALT = "importers.carried"
_AGE = 3600  # seconds


@dataclass(frozen=True)
class Carried:
    """The kind and the files of an import, the VRF, and the digest of what was shown."""

    kind: str
    files: Mapping[str, bytes]
    vrf: str
    digest: str = ""


def pack(user_id: str, what: Carried) -> str:
    """As a text for a form."""
    texts = {name: base64.b85encode(data).decode() for name, data in what.files.items()}
    parts = [user_id, what.kind, texts, what.vrf, what.digest]
    return signing.dumps(parts, salt=_SALT, compress=True)


def unpack(user_id: str, text: str) -> Carried:
    """Raises Invalid for what this user has not looked at lately."""
    try:
        owner, kind, texts, vrf, digest = signing.loads(text, salt=_SALT, max_age=_AGE)
    except signing.BadSignature as error:
        raise _stale() from error
    if owner != user_id:
        raise _stale()
    files = {name: base64.b85decode(data) for name, data in texts.items()}
    return Carried(kind, files, vrf, digest)


def _stale() -> Invalid:
    return Invalid(_("The preview is out of date."), _("Upload the files again."))
